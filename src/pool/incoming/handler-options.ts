/**
 * The `options` that handler modules export, held against their shape and turned into the defaults of their job types. It is
 * done here and not on the worker thread that has loaded the modules, since reading typebox would take each thread some 50 ms.
 */
import { join } from 'node:path';
import { parseRate, type Rate, rateForm } from '../../domain/control/rate.js';
import { limits } from '../../domain/limits.js';
import { parseDuration } from '../../domain/time/duration.js';
import type { PayloadCheck } from '../../schema/payload-check.js';
import { type ShapeFault, shapeOf } from '../../schema/shape.js';
import { Type } from '../../schema/typebox.js';
import type { DeclaredHandler } from '../shared/messages.js';

/** The job types that loaded modules stand for, or what is wrong with one of them. */
export type ReadHandlers = (
  declared: readonly DeclaredHandler[],
) => { readonly handlers: readonly HandlerInfo[] } | { readonly fault: string };

/** A job type that handlers exist for, with what its module's `options` say or, where absent, the product's defaults. */
export interface HandlerInfo {
  readonly name: string;
  readonly description: string;
  /** Attempts of this type that may run at once, over all threads; Infinity when unbounded. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  /** The same of each group of its jobs; absent: unbounded. */
  readonly groupConcurrency?: number | undefined;
  /** Absent: none. */
  readonly rate?: Rate | undefined;
  /** What its jobs have that do not say otherwise; absent: nothing. */
  readonly priority?: number | undefined;
  readonly retryJitter?: number | undefined;
  readonly maxRetryDelayMs?: number | undefined;
  readonly expiresAfterMs?: number | undefined;
  /** What it takes as payloads; absent: any object. */
  readonly payload?: DeclaredPayload;
}

/** The payload schema of a handler, as its module declares it and not looked at yet. */
export interface DeclaredPayload {
  /** Absolute path of the module. */
  readonly file: string;
  /** JSON. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** Of a handler of the server's own, which knows more than a schema says; absent: what the schema says. */
  readonly check?: PayloadCheck;
}

/** The `options` of a handler module; `HandlerOptions` in `worker/handler` is the same for those who write one. */
export const optionsSchema = Type.Object(
  {
    description: Type.Optional(Type.String({ description: 'Shown by GET /job-types' })),
    timeout: Type.Optional(Type.String({ description: 'How long an attempt may take: a duration longer than 0' })),
    concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'Attempts that may run at once, over all threads; absent: as many as there are places',
      }),
    ),
    group_concurrency: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.maxTypeConcurrency,
        description: 'Attempts of one group that may run at once; absent: as many as of the type',
      }),
    ),
    rate: Type.Optional(
      Type.String({ description: 'At most this many starts in any period of this length, spread evenly: `100/1m`' }),
    ),
    max_retries: Type.Optional(
      Type.Integer({ minimum: 0, maximum: limits.maxRetries, description: 'Retries after failures' }),
    ),
    retry_delay: Type.Optional(Type.String({ description: 'A duration: what the first retry waits' })),
    max_retry_delay: Type.Optional(Type.String({ description: 'A duration: what a retry waits at most' })),
    retry_jitter: Type.Optional(
      Type.Number({
        minimum: 0,
        maximum: 1,
        description: 'Each retry waits longer by a random part of up to this fraction',
      }),
    ),
    expires_after: Type.Optional(
      Type.String({ description: 'A duration longer than 0: no attempt starts later than that after it was due' }),
    ),
    priority: Type.Optional(
      Type.Integer({
        minimum: -limits.maxPriority,
        maximum: limits.maxPriority,
        description: 'Of jobs that are due the larger starts first',
      }),
    ),
  },
  { additionalProperties: false },
);

type Options = Type.Static<typeof optionsSchema>;

const shape = shapeOf(optionsSchema);

const duration = "must be a string such as '5m'";
/** What is said of a value of another type, or out of bounds. */
const wanted: Readonly<Record<keyof Options, string>> = {
  description: 'must be a string',
  timeout: duration,
  concurrency: 'must be a whole number from 1',
  group_concurrency: `must be a whole number from 1 to ${limits.maxTypeConcurrency}`,
  rate: rateForm,
  max_retries: `must be a whole number from 0 to ${limits.maxRetries}`,
  retry_delay: duration,
  max_retry_delay: duration,
  retry_jitter: 'must be a number from 0 to 1',
  expires_after: duration,
  priority: `must be a whole number from -${limits.maxPriority} to ${limits.maxPriority}`,
};

/**
 * The job types of a handlers folder, as a worker thread has loaded it; absent options take the product's defaults.
 *
 * @param folder absolute path
 * @returns the types in the same order, or what is wrong with the first module that has a fault, as a sentence with its file
 */
export function readHandlers(
  folder: string,
  declared: readonly DeclaredHandler[],
): { readonly handlers: readonly HandlerInfo[] } | { readonly fault: string } {
  const handlers: HandlerInfo[] = [];
  for (const { name, file: module, options, payload } of declared) {
    const file = join(folder, module);
    const read = readOptions(options === undefined ? {} : options);
    if (typeof read === 'string') return { fault: `${file}: ${read}` };
    // That it is JSON was checked when it came.
    const schema = payload === undefined ? undefined : (JSON.parse(payload) as DeclaredPayload['schema']);
    handlers.push({ name, ...read, ...(schema && { payload: { file, schema } }) });
  }
  return { handlers };
}

/** What the options mean, or what is wrong with them. */
function readOptions(options: unknown): Omit<HandlerInfo, 'name' | 'payload'> | string {
  if (!shape.fits(options)) return sentence(shape.faults(options)[0]);
  const { description = '', concurrency = Number.POSITIVE_INFINITY, max_retries, priority, retry_jitter } = options;
  const rate = options.rate === undefined ? undefined : parseRate(options.rate);
  if (rate !== undefined && 'error' in rate) return `option rate ${rate.error}`;
  const { group_concurrency } = options;
  const times: { [Option in TimeOption]?: number } = {};
  for (const option of timeOptions) {
    const text = options[option];
    if (text === undefined) continue;
    const read = parseDuration(text);
    if ('error' in read) return `option ${option} ${read.error}`;
    if (read.ms === 0 && notZero.has(option)) return `option ${option} must be longer than 0`;
    times[option] = read.ms;
  }
  const { timeout, retry_delay, max_retry_delay, expires_after } = times;
  return {
    description,
    concurrency,
    timeoutMs: timeout ?? limits.defaultTimeoutMs,
    maxRetries: max_retries ?? limits.defaultMaxRetries,
    retryDelayMs: retry_delay ?? limits.defaultRetryDelayMs,
    ...(group_concurrency !== undefined && { groupConcurrency: group_concurrency }),
    ...(rate !== undefined && { rate }),
    ...(priority !== undefined && { priority }),
    ...(retry_jitter !== undefined && { retryJitter: retry_jitter }),
    ...(max_retry_delay !== undefined && { maxRetryDelayMs: max_retry_delay }),
    ...(expires_after !== undefined && { expiresAfterMs: expires_after }),
  };
}

const timeOptions = ['timeout', 'retry_delay', 'max_retry_delay', 'expires_after'] as const;
type TimeOption = (typeof timeOptions)[number];
const notZero: ReadonlySet<TimeOption> = new Set(['timeout', 'expires_after']);

function sentence(fault: ShapeFault | undefined): string {
  const option = fault?.path[0];
  if (fault === undefined || option === undefined) return 'options must be an object';
  if (fault.kind === 'unknown') return `unknown option ${option}; there are ${shape.fields.join(', ')}`;
  return `option ${option} ${wanted[option as keyof Options]}`;
}
