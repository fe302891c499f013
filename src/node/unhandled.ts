/**
 * Which jobs of this node wait for a handler: told once in the log after the start, when all shards have owners and those that start at
 * the same time have had the time to say what handlers they have.
 */
import type { Logger } from '../log.js';
import type { JobsWithoutHandler } from '../server/ports.js';

export interface UnhandledOptions {
  /** Of jobs in shards of this node that has no handler for them. */
  readonly jobs: () => readonly JobsWithoutHandler[];
  /** Another node that lives has a handler for this type. */
  readonly isElsewhere: (type: string) => boolean;
  /** Shards are open here, and all others have owners. */
  readonly isSettled: () => boolean;
  readonly log: Pick<Logger, 'warn'>;
  /** Between two looks whether all has settled, and from then until it is told, in milliseconds. */
  readonly lookMs?: number;
  readonly afterMs?: number;
}

/** @returns what ends it, if it has not been told by then */
export function logUnhandled({ isSettled, lookMs = 250, afterMs = 3000, ...options }: UnhandledOptions): () => void {
  let timer = setTimeout(function look(): void {
    timer = isSettled() ? setTimeout(() => logNow(options), afterMs) : setTimeout(look, lookMs);
    timer.unref();
  }, 0);
  return () => clearTimeout(timer);
}

function logNow({ jobs, isElsewhere, log }: Pick<UnhandledOptions, 'jobs' | 'isElsewhere' | 'log'>): void {
  const all = jobs();
  const byType = (some: readonly JobsWithoutHandler[]): object =>
    Object.fromEntries(some.map(({ name, pending }) => [name, pending]));
  const nowhere = all.filter(({ name }) => !isElsewhere(name));
  const elsewhere = all.filter(({ name }) => isElsewhere(name));
  if (nowhere.length > 0)
    log.warn(
      { jobs: byType(nowhere) },
      'jobs of this node have no handler on any node, and wait for one: put it into the handlers folder of all nodes',
    );
  if (elsewhere.length > 0)
    log.warn(
      { jobs: byType(elsewhere) },
      'jobs of this node wait for a handler that only other nodes have: give all nodes the same handlers',
    );
}
