/**
 * Stopping in order: no new requests, no new starts; what runs may finish within the grace, then its signal fires, then
 * the threads end. What had not finished is pending again at the next start.
 */
import type { Logger } from './log.js';
import type { WorkerPool } from './pool/pool.js';
import type { Scheduler } from './scheduler/scheduler.js';
import type { Server } from './server/server.js';
import type { JobLogs } from './store/state/job-logs.js';

/** How often it is looked whether the rest has ended. */
const lookEveryMs = 10;
/** From the signal of an attempt to the end of its thread. */
const lastChanceMs = 300;
/** How long a disk without room may hold up the last write. */
const lastWriteMs = 2000;

export interface ShutdownParts {
  readonly scheduler: Pick<Scheduler, 'drain' | 'runningAttempts' | 'settled' | 'recovered'>;
  readonly pool: Pick<WorkerPool, 'abortAll' | 'stop'>;
  readonly server: Server;
  readonly store: { close(clean: boolean): Promise<void> };
  readonly waker: { stop(): void };
  readonly jobLogs: Pick<JobLogs, 'flush'>;
  readonly graceMs: number;
  readonly log: Logger;
}

export async function shutDown({
  scheduler,
  pool,
  server,
  store,
  waker,
  jobLogs,
  graceMs,
  log,
}: ShutdownParts): Promise<void> {
  scheduler.drain();
  server.drain();
  if (!(await until(() => scheduler.runningAttempts === 0, graceMs))) {
    log.warn({ attempts: scheduler.runningAttempts }, 'attempts still run at the end of the grace and are interrupted');
    pool.abortAll('shutdown');
    await until(() => scheduler.runningAttempts === 0, lastChanceMs);
  }
  await pool.stop();
  const written = await until(() => scheduler.settled && scheduler.recovered, lastWriteMs);
  if (!written) log.error('the last changes could not be written; the next start works from what is on disk');
  await server.close();
  // The storage takes them before it closes.
  jobLogs.flush();
  waker.stop();
  await store.close(written);
}

/** Resolves true as soon as `holds`, false when it has not within `limitMs`. */
async function until(holds: () => boolean, limitMs: number): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() >= deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  return true;
}
