/**
 * The pool of a server, as its settings have it: threads for the handlers of the folder and, where there are targets for jobs of
 * the type `http`, one for these. What that needs is loaded only then.
 */
import type { Config, HttpTypeConfig } from './config.js';
import type { Logger } from './log.js';
import { WorkerPool } from './pool/pool.js';
import type { JobCheck, PoolEvents } from './pool/port.js';
import type { BeginDeadline } from './pool/shared/deadline.js';
import type { LogEntry } from './pool/shared/log-lines.js';
import type { Telemetry } from './telemetry/port.js';

/** All that a pool is asked. */
export type Workers = Pick<WorkerPool, keyof WorkerPool>;

export interface PoolSurroundings {
  /** What handlers' threads hold the jobs against that these enqueue. */
  readonly jobCheck: JobCheck;
  readonly events: PoolEvents;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Until when attempts may begin; absent: at any time. */
  readonly deadline?: BeginDeadline | undefined;
}

/** @throws Error for the user */
export async function makePool(
  config: Config,
  { jobCheck, events, log, telemetry, deadline }: PoolSurroundings,
): Promise<Workers> {
  const { handlersDir, threads, threadMemoryMiB, attemptsPerThread, graceMs, logLevel, jobLogLevel, httpType } = config;
  const write = ({ level, message, fields, ...line }: LogEntry): void => log[level]({ ...line, ...fields }, message);
  const handlers = new WorkerPool({
    handlersDir,
    threads,
    threadMemoryMiB,
    jobCheck: httpType === undefined ? jobCheck : { ...jobCheck, otherTypes: [await enqueuedHttp(httpType)] },
    attemptsPerThread,
    graceMs,
    events,
    logLevel,
    jobLogLevel,
    telemetry,
    ...(deadline && { deadline }),
    log: write,
  });
  if (httpType === undefined) return handlers;
  const [{ HttpPool }, { PoolsByType }, { rulesOf }] = await Promise.all([
    import('./http-type/http-pool.js'),
    import('./http-type/pools-by-type.js'),
    import('./http-type/settings.js'),
  ]);
  const http = new HttpPool({
    readRules: () => rulesOf(httpType),
    changes: httpType.secretFile !== undefined,
    events,
    deadline,
    logLevel,
    telemetry,
    // Its thread is the one behind those of the handlers.
    log: (entry) => write(entry.thread === undefined ? entry : { ...entry, thread: threads + entry.thread }),
  });
  return new PoolsByType(handlers, http, handlersDir);
}

/** What handlers' threads know of the type: what may be called, and by name what may go into headers. */
async function enqueuedHttp(httpType: HttpTypeConfig): Promise<JobCheck['otherTypes'][number]> {
  const { rulesOf } = await import('./http-type/settings.js');
  const rules = rulesOf(httpType);
  const variables = rules.variables.map((variable) => ({ ...variable, value: '' }));
  return {
    name: 'http',
    module: new URL('./http-type/payload.js', import.meta.url).href,
    settings: { ...rules, variables, keys: [] },
  };
}
