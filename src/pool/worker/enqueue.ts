/**
 * Worker side: the jobs that a handler asks for by `ctx.enqueue`. They are looked at at once and kept until the attempt has succeeded;
 * then they leave with its outcome. What looks at them is no part of the pool, and takes some 50 ms to load: that is done when the first
 * job comes.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { limits } from '../../domain/limits.js';
import type { ElsewhereType, JobCheck } from '../shared/messages.js';
import { boundedJson } from './result.js';

/** Why a job cannot be made: as the refusal of a request says it. */
interface Fault {
  readonly code: string;
  readonly detail: string;
  readonly faults: readonly { readonly path: string; readonly message: string }[];
}
type Check = (text: string) => Fault | undefined;
interface KnownType {
  readonly name: string;
  /** A payload schema, JSON text. */
  readonly payload?: string | undefined;
  /** What looks at payloads in place of a schema. */
  readonly check?: (payload: unknown) => Fault['faults'];
}
interface OtherModule {
  makePayloadCheck(settings: unknown): (payload: unknown) => Fault['faults'];
}
interface CheckModule {
  makeCheck(types: readonly KnownType[], timezone: string, compile: () => unknown): Check;
}

// As it is before any handler is loaded: handlers may replace it.
const { byteLength } = Buffer;

/** What all attempts of a thread may hold at once: it has to fit into the memory of the thread, and of main. */
const threadBytes = 64 * 1024 * 1024;

/** Thrown by `ctx.enqueue` where `POST /jobs` would answer 400. */
class EnqueueError extends Error {
  override readonly name = 'EnqueueError';
  readonly code: string;
  readonly errors: Fault['faults'];

  constructor(detail: string, code = 'validation_failed', errors: Fault['faults'] = []) {
    super(`ctx.enqueue: ${detail}`);
    this.code = code;
    this.errors = errors;
  }
}

/** All that the attempts of one thread enqueue. */
export class Enqueueing {
  readonly #loadCheck: (elsewhere: readonly ElsewhereType[]) => Check;
  /** Made when the first job comes, and anew when other types are known. */
  #check: Check | undefined;
  #elsewhere: readonly ElsewhereType[] = [];
  #bytes = 0;

  private constructor(loadCheck: (elsewhere: readonly ElsewhereType[]) => Check) {
    this.#loadCheck = loadCheck;
  }

  /** Where nothing can be enqueued. */
  static readonly none = new Enqueueing(() => () => ({
    code: 'forbidden',
    detail: 'no jobs can be made here',
    faults: [],
  }));

  /**
   * @param types those that the thread has loaded
   * @param jobCheck absent where nothing can be enqueued
   */
  static async prepare(types: readonly KnownType[], jobCheck: JobCheck | undefined): Promise<Enqueueing> {
    if (jobCheck === undefined) return Enqueueing.none;
    const { module, compiler, timezone, otherTypes } = jobCheck;
    const load = await loader([module, compiler, ...otherTypes.map((other) => other.module)]);
    const others = otherTypes.map((other): KnownType => {
      let check: KnownType['check'];
      return {
        name: other.name,
        check: (payload) => {
          check ??= (load(other.module) as OtherModule).makePayloadCheck(other.settings);
          return check(payload);
        },
      };
    });
    const known = [...types.map(({ name, payload }) => ({ name, payload })), ...others];
    const names = new Set(known.map(({ name }) => name));
    return new Enqueueing((elsewhere) =>
      (load(module) as CheckModule).makeCheck(
        [...known, ...elsewhere.filter(({ name }) => !names.has(name))],
        timezone,
        () => (load(compiler) as { compilePayloadSchema: unknown }).compilePayloadSchema,
      ),
    );
  }

  /** Others have handlers for these types: jobs of them may be enqueued as well. Where this thread has one, it goes by its own. */
  know(elsewhere: readonly ElsewhereType[]): void {
    this.#elsewhere = elsewhere;
    this.#check = undefined;
  }

  /** What is wrong with a job, JSON text. */
  fault(text: string): Fault | undefined {
    this.#check ??= this.#loadCheck(this.#elsewhere);
    return this.#check(text);
  }

  /** Takes room for so many bytes; false when there is none. */
  take(bytes: number): boolean {
    if (this.#bytes + bytes > threadBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  free(bytes: number): void {
    this.#bytes -= bytes;
  }
}

/** What one attempt has enqueued. */
export class Enqueued {
  readonly #all: Enqueueing;
  #jobs: string[] = [];
  #bytes = 0;
  #isOver: boolean;

  constructor(all: Enqueueing, isOver: boolean) {
    this.#all = all;
    this.#isOver = isOver;
  }

  /** @throws EnqueueError where `POST /jobs` would answer 400, or it is too much, or too late */
  add(job: unknown): void {
    if (this.#isOver)
      throw new EnqueueError('the attempt is over: await all that makes jobs before the handler returns');
    if (this.#jobs.length >= limits.enqueuedJobs)
      throw new EnqueueError(`an attempt makes at most ${limits.enqueuedJobs} jobs; let a job of its own make more`);
    const text = textOf(job);
    const bytes = byteLength(text);
    if (this.#bytes + bytes > limits.enqueuedBytes)
      throw new EnqueueError(`the jobs of an attempt have at most ${limits.enqueuedBytes} bytes as JSON together`);
    const fault = this.#all.fault(text);
    if (fault) throw new EnqueueError(fault.detail, fault.code, fault.faults);
    if (!this.#all.take(bytes))
      throw new EnqueueError(
        'the attempts on this thread have enqueued too much at once; make fewer or smaller jobs',
        'overloaded',
      );
    this.#jobs[this.#jobs.length] = text;
    this.#bytes += bytes;
  }

  /** The attempt has ended: nothing more is taken. Returns the jobs, in order. */
  end(): readonly string[] {
    const jobs = this.#jobs;
    this.#isOver = true;
    this.#all.free(this.#bytes);
    this.#jobs = [];
    this.#bytes = 0;
    return jobs;
  }
}

function textOf(job: unknown): string {
  const json = typeof job === 'object' && job !== null ? boundedJson(job, limits.bodyBytes) : { kind: 'none' as const };
  switch (json.kind) {
    case 'none':
      throw new EnqueueError('a job must be an object such as { name, delay, payload }');
    case 'tooLong':
      throw new EnqueueError(`a job has at most ${limits.bodyBytes} bytes as JSON`);
    case 'failed':
      throw new EnqueueError(`the job cannot be written as JSON: ${json.why}`);
    case 'json':
      return json.text;
    default:
      return json satisfies never;
  }
}

/**
 * What loads modules within a call. Where Node cannot do that for ES modules (before 20.19 and 22.12), these are loaded now.
 */
async function loader(urls: readonly string[]): Promise<(url: string) => unknown> {
  const features = process.features as { readonly require_module?: boolean };
  if (features.require_module === true) {
    const require = createRequire(import.meta.url);
    return (url) => require(fileURLToPath(url));
  }
  const modules = new Map(await Promise.all(urls.map(async (url) => [url, (await import(url)) as unknown] as const)));
  return (url) => modules.get(url);
}
