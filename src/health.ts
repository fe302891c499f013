/** How the server is, for `/health`: whether it can do its work, and which jobs wait for a handler that is not here. */
import type { Logger } from './log.js';
import type { WorkerPool } from './pool/pool.js';
import { describeStuck } from './pool/stuck.js';
import type { Scheduler } from './scheduler/scheduler.js';
import type { Health, JobsOfTypes, JobsWithoutHandler, RecentOfType } from './server/ports.js';
import type { TypeDictionary } from './store/format/type-dictionary.js';
import type { JobSets } from './store/trees/job-sets.js';

export interface HealthParts {
  readonly scheduler: Pick<Scheduler, 'settings' | 'mode'>;
  readonly pool: Pick<WorkerPool, 'alive' | 'stuck'>;
  readonly jobsOfTypes: JobsOfTypes;
}

export function health({ scheduler, pool, jobsOfTypes }: HealthParts): Health {
  const waiting = Object.fromEntries(jobsOfTypes.withoutHandler().map(({ name, pending }) => [name, pending]));
  const more = {
    ...(Object.keys(waiting).length > 0 && { waiting_for_handler: waiting }),
    ...(scheduler.settings.server.paused !== undefined && { paused: true as const }),
  };
  const { health: ofMode } = scheduler.mode;
  if (ofMode) return { ...ofMode, ...more };
  if (pool.alive === 0) {
    return { status: 'degraded', reason: 'no worker thread is running; new ones are being started', ...more };
  }
  const stuck = describeStuck(pool.stuck);
  if (stuck !== undefined) return { status: 'degraded', reason: stuck, ...more };
  return { status: 'healthy', ...more };
}

/** The jobs of one shard. */
interface ShardJobs {
  readonly types: TypeDictionary;
  readonly sets: JobSets;
}

/** What became of attempts lately, by type. */
interface RecentRuns {
  of(type: string): RecentOfType | undefined;
  names(): Iterable<string>;
}

/** Jobs by type, and those that have jobs to run and no handler here: those jobs wait. */
export class JobsByType implements JobsOfTypes {
  readonly #shards: Iterable<ShardJobs>;
  #handled: ReadonlySet<string> = new Set();

  readonly #recent: RecentRuns | undefined;

  /** @param shards those of each moment @param recent absent: nothing is known of it */
  constructor(shards: Iterable<ShardJobs>, handlers: readonly { readonly name: string }[], recent?: RecentRuns) {
    this.#recent = recent;
    this.#shards = shards;
    this.replace(handlers);
  }

  /** From now on these are the handlers. */
  replace(handlers: readonly { readonly name: string }[]): void {
    this.#handled = new Set(handlers.map(({ name }) => name));
  }

  names(): readonly string[] {
    const names = new Set([...this.#shards].flatMap(({ types }) => types.all()));
    for (const name of this.#recent?.names() ?? []) names.add(name);
    return [...names];
  }

  count(name: string): number {
    return this.#total(undefined, name);
  }

  pending(name: string): number {
    return this.#total('pending', name);
  }

  running(name: string): number {
    return this.#total('running', name);
  }

  recent(name: string): RecentOfType | undefined {
    return this.#recent?.of(name);
  }

  #total(status: 'pending' | 'running' | undefined, name: string): number {
    let total = 0;
    for (const { types, sets } of this.#shards) {
      const id = types.find(name);
      if (id !== undefined) total += sets.total(status, id);
    }
    return total;
  }

  withoutHandler(): readonly JobsWithoutHandler[] {
    return [...new Set([...this.#shards].flatMap(({ types }) => types.all()))]
      .map((name) => ({ name, pending: this.#handled.has(name) ? 0 : this.pending(name) }))
      .filter(({ pending }) => pending > 0);
  }

  /** Logs which have no handler, if any. */
  warn(log: Logger): void {
    const jobs = this.withoutHandler();
    if (jobs.length === 0) return;
    log.warn(
      { jobs: Object.fromEntries(jobs.map(({ name, pending }) => [name, pending])) },
      'jobs have no handler in the handlers folder: they wait until there is one',
    );
  }
}

/** Whoever wonders why nothing starts finds it in the log. */
export function logPauses({ settings }: Pick<Scheduler, 'settings'>, log: Logger): void {
  const { server, types } = settings;
  if (server.paused) log.warn(server.paused, 'the server is paused: it starts nothing until it is resumed');
  const names = [...types].filter(([, { paused }]) => paused !== undefined).map(([name]) => name);
  if (names.length > 0)
    log.warn({ types: names }, 'job types are paused: nothing of them starts until they are resumed');
}
