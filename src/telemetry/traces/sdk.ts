/**
 * Whether this thread has an OpenTelemetry SDK: what the user loads by `node --import` registers one before anything of ours runs.
 * Only then is `@opentelemetry/api` loaded, and anything else of traces. Both of our sides ask: the main thread, whose spans are
 * made in `open-telemetry`, and worker threads, where handlers run within the trace of their attempt (`around`).
 */
import type { TraceContext } from '../../domain/job.js';
import type { Traces } from './port.js';

/**
 * Where all copies of `@opentelemetry/api` of major version 1 keep what was registered, so that they find it whoever has loaded
 * them (`src/internal/global-utils.ts` there). To look here costs nothing; to load the package just to ask it would.
 */
const registry = Symbol.for('opentelemetry.js.api.1');

type Registered = 'trace' | 'context';

function isRegistered(what: Registered): boolean {
  const found = (globalThis as Record<symbol, unknown>)[registry];
  return typeof found === 'object' && found !== null && what in found;
}

/**
 * The traces of the SDK that the main thread has; undefined when it has none.
 *
 * @param version of this server, which spans name as their instrumentation's
 * @throws Error when there is an SDK and `@opentelemetry/api` cannot be loaded
 */
export async function loadTraces(version: string): Promise<Traces | undefined> {
  if (!isRegistered('trace')) return undefined;
  const { OpenTelemetryTraces } = await import('./open-telemetry.js');
  return new OpenTelemetryTraces(version);
}

/** Traces as a worker thread has them. */
export interface ThreadTraces {
  /** Calls something with a place in a trace as the active one, and in all that it begins. */
  around<T>(place: TraceContext, call: () => T): T;
  /** Has the SDK of this thread send what it has gathered. */
  flush(): Promise<void>;
}

/**
 * As the SDK of this thread has them; undefined when it has none that follows asynchronous calls.
 *
 * @throws Error when there is an SDK and `@opentelemetry/api` cannot be loaded
 */
export async function loadThreadTraces(): Promise<ThreadTraces | undefined> {
  return isRegistered('context') ? import('./around.js') : undefined;
}
