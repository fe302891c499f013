/**
 * The thread of the type `http`: one of its own, since its handler never holds it. Thousands of requests wait there for their
 * answers; among handlers of users they would be sent again whenever one of those has to be stopped with its thread.
 */
import type { LoadedGeneration } from '../pool/generations.js';
import { WorkerPool } from '../pool/pool.js';
import type { Attempt, HandlerInfo, PoolEvents } from '../pool/port.js';
import type { BeginDeadline } from '../pool/shared/deadline.js';
import type { LogEntry } from '../pool/shared/log-lines.js';
import type { Telemetry } from '../telemetry/port.js';
import { payloadFaults, payloadSchema } from './payload.js';
import { type HttpRules, httpTypeName } from './rules.js';

export interface HttpPoolOptions {
  /** Reads them anew. @throws Error for the user */
  readonly readRules: () => HttpRules;
  /** Whether they may differ from one reading to the next. */
  readonly changes: boolean;
  readonly events: PoolEvents;
  /** See `PoolOptions`. */
  readonly deadline?: BeginDeadline | undefined;
  readonly logLevel: string;
  readonly log: (entry: LogEntry) => void;
  readonly telemetry: Telemetry;
}

/** Requests at the same time. */
const mostRequests = 4096;
/** Payloads of these, together, in characters: fewer requests run where their payloads are large. */
const mostPayloadChars = 64 * 1024 * 1024;
const memoryMiB = 512;
/** The handler heeds its signal, and holds its thread for moments only. So neither is a reason to end thousands of requests soon. */
const patienceMs = 10_000;

/** As a module of the handlers folder would export them. */
const options = { description: 'Sends an HTTP request, and retries it until it is taken', timeout: '30s' };

export class HttpPool {
  readonly #options: HttpPoolOptions;
  readonly #pool: WorkerPool;
  #rules: HttpRules;
  /** Payload of each attempt, in characters, by job and fence. */
  readonly #payloads = new Map<string, number>();
  #payloadChars = 0;
  #info: HandlerInfo | undefined;

  /** @throws Error for the user */
  constructor(options: HttpPoolOptions) {
    this.#options = options;
    this.#rules = options.readRules();
    const { logLevel, log, telemetry, events, deadline } = options;
    this.#pool = new WorkerPool({
      // Its name in messages.
      handlersDir: '/',
      builtIn: () => builtIn(this.#rules),
      threads: 1,
      attemptsPerThread: mostRequests,
      threadMemoryMiB: memoryMiB,
      graceMs: patienceMs,
      heldMs: patienceMs,
      logLevel,
      log,
      telemetry,
      ...(deadline && { deadline }),
      events: {
        outcomes: (outcomes) => {
          for (const { jobSeq, fence } of outcomes) this.#forget(`${jobSeq}/${fence}`);
          events.outcomes(outcomes);
        },
        room: events.room,
      },
    });
  }

  /** What its threads are asked as those of any pool. */
  get workers(): WorkerPool {
    return this.#pool;
  }

  async start(): Promise<HandlerInfo> {
    this.#info = this.#infoOf(await this.#pool.start());
    return this.#info;
  }

  /** The type, once it has started. */
  get info(): HandlerInfo {
    if (this.#info === undefined) throw new Error('the thread of the type http has not started');
    return this.#info;
  }

  /**
   * Reads the rules anew, for a thread beside the one there is; undefined where they are always the same.
   *
   * @throws Error for the user; nothing has changed then
   */
  async load(): Promise<LoadedGeneration | undefined> {
    if (!this.#options.changes) return undefined;
    const before = this.#rules;
    this.#rules = this.#options.readRules();
    try {
      const loaded = await this.#pool.load();
      const drop = async (): Promise<void> => {
        this.#rules = before;
        await loaded.drop();
      };
      return { handlers: [this.#infoOf(loaded.handlers)], use: () => loaded.use(), drop };
    } catch (error) {
      this.#rules = before;
      throw error;
    }
  }

  /** Attempts that may run at once. */
  get places(): number {
    const { inFlight, free } = this.#pool;
    return this.#payloadChars < mostPayloadChars ? inFlight + free : inFlight;
  }

  dispatch(attempt: Attempt): void {
    const { length } = attempt.payload;
    this.#payloads.set(`${attempt.jobSeq}/${attempt.fence}`, length);
    this.#payloadChars += length;
    // None can be to blame for the end of the thread more than the others: they need not be tried one by one.
    this.#pool.dispatch({ ...attempt, alone: false });
  }

  #forget(attempt: string): void {
    this.#payloadChars -= this.#payloads.get(attempt) ?? 0;
    this.#payloads.delete(attempt);
  }

  #infoOf([info]: readonly HandlerInfo[]): HandlerInfo {
    if (info === undefined) throw new Error('the thread of the type http has no handler');
    const check = (payload: unknown): ReturnType<typeof payloadFaults> => payloadFaults(payload, this.#rules);
    return { ...info, payload: { file: httpTypeName, schema: payloadSchema, check } };
  }
}

function builtIn(rules: HttpRules): {
  readonly name: string;
  readonly module: string;
  readonly settings: HttpRules;
  readonly options: object;
} {
  return { name: httpTypeName, module: new URL('./handler.js', import.meta.url).href, settings: rules, options };
}
