/**
 * The `options` that handler modules export, held against their shape and turned into the defaults of their job types. It is
 * done here and not on the worker thread that has loaded the modules, since reading typebox would take each thread some 50 ms.
 */
import { join } from 'node:path';
import { limits } from '../../domain/limits.js';
import { parseDuration } from '../../domain/time/duration.js';
import { type ShapeFault, shapeOf } from '../../schema/shape.js';
import { Type } from '../../schema/typebox.js';
import type { DeclaredHandler } from '../shared/messages.js';

/** A job type that handlers exist for, with what its module's `options` say or, where absent, the product's defaults. */
export interface HandlerInfo {
  readonly name: string;
  readonly description: string;
  /** Attempts of this type that may run at once, over all threads; Infinity when unbounded. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly maxRetries: number;
  readonly retryDelayMs: number;
  /** What it takes as payloads; absent: any object. */
  readonly payload?: DeclaredPayload;
}

/** The payload schema of a handler, as its module declares it and not looked at yet. */
export interface DeclaredPayload {
  /** Absolute path of the module. */
  readonly file: string;
  /** JSON. */
  readonly schema: Readonly<Record<string, unknown>>;
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
    max_retries: Type.Optional(
      Type.Integer({ minimum: 0, maximum: limits.maxRetries, description: 'Retries after failures' }),
    ),
    retry_delay: Type.Optional(Type.String({ description: 'A duration: what the first retry waits' })),
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
  max_retries: `must be a whole number from 0 to ${limits.maxRetries}`,
  retry_delay: duration,
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
  const { description = '', concurrency = Number.POSITIVE_INFINITY, max_retries, timeout, retry_delay } = options;
  const timeoutMs = timeout === undefined ? limits.defaultTimeoutMs : readDuration(timeout);
  if (typeof timeoutMs === 'string') return `option timeout ${timeoutMs}`;
  if (timeoutMs === 0) return 'option timeout must be longer than 0';
  const retryDelayMs = retry_delay === undefined ? limits.defaultRetryDelayMs : readDuration(retry_delay);
  if (typeof retryDelayMs === 'string') return `option retry_delay ${retryDelayMs}`;
  return { description, concurrency, timeoutMs, maxRetries: max_retries ?? limits.defaultMaxRetries, retryDelayMs };
}

/** Milliseconds, or what is wrong with the text. */
function readDuration(text: string): number | string {
  const read = parseDuration(text);
  return 'error' in read ? read.error : read.ms;
}

function sentence(fault: ShapeFault | undefined): string {
  const option = fault?.path[0];
  if (fault === undefined || option === undefined) return 'options must be an object';
  if (fault.kind === 'unknown') return `unknown option ${option}; there are ${shape.fields.join(', ')}`;
  return `option ${option} ${wanted[option as keyof Options]}`;
}
