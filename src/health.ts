/** How the server is, for `/health`: whether it can do its work, and which jobs wait for a handler that is not here. */
import type { WorkerPool } from './pool/pool.js';
import { describeStuck } from './pool/stuck.js';
import type { Scheduler } from './scheduler/scheduler.js';
import type { Health, JobsWithoutHandler } from './server/ports.js';
import type { TypeDictionary } from './store/format/type-dictionary.js';
import type { JobSets } from './store/trees/job-sets.js';

export interface HealthParts {
  readonly scheduler: Scheduler;
  readonly pool: WorkerPool;
  readonly withoutHandler: () => readonly JobsWithoutHandler[];
}

export function health({ scheduler, pool, withoutHandler }: HealthParts): Health {
  const waiting = Object.fromEntries(withoutHandler().map(({ name, pending }) => [name, pending]));
  const more = Object.keys(waiting).length > 0 ? { waiting_for_handler: waiting } : {};
  if (scheduler.draining) return { status: 'draining', reason: 'the server is shutting down', ...more };
  if (scheduler.blockedMs !== undefined) {
    return {
      status: 'degraded',
      reason: 'the disk takes no writes: it is probably full. Nothing is accepted or started until it does',
      ...more,
    };
  }
  if (pool.alive === 0) {
    return { status: 'degraded', reason: 'no worker thread is running; new ones are being started', ...more };
  }
  const stuck = describeStuck(pool.stuck);
  if (stuck !== undefined) return { status: 'degraded', reason: stuck, ...more };
  return { status: 'healthy', ...more };
}

/** Job types that have jobs to run and no handler here. */
export function jobsWithoutHandler(
  types: TypeDictionary,
  sets: JobSets,
  isRegistered: (name: string) => boolean,
): readonly JobsWithoutHandler[] {
  return types
    .all()
    .map((name, id) => ({ name, pending: isRegistered(name) ? 0 : sets.total('pending', id) }))
    .filter(({ pending }) => pending > 0);
}
