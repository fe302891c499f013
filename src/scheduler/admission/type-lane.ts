/** The jobs of one type that wait, and what bounds its starts. */
import { type HandlerLimits, narrowest, type TypeLimits, type TypeSettings } from '../../domain/control/settings.js';
import type { TypeUse } from './admission.js';
import type { Groups } from './groups.js';
import type { StartPace } from './pacer.js';
import type { TypePlaces } from './places.js';
import { WaitingQueue } from './waiting-queue.js';
import { WaitingSeqs } from './waiting-seqs.js';

/** What holds of a type as of now. */
export interface TypeTerms {
  /** A user has paused it. */
  readonly paused: boolean;
  /** Undefined: it has no handler here. */
  readonly limits: TypeLimits | undefined;
  /** There are jobs of it with a group, or have been. */
  readonly hasGroups: boolean;
}

/**
 * What holds of a type: a limit that a user has set in place of its handler's.
 *
 * @param atStake all that may come to hold
 */
export function termsOf(handler: HandlerLimits | undefined, atStake: readonly TypeSettings[]): TypeTerms {
  return {
    paused: atStake.some(({ paused }) => paused !== undefined),
    hasGroups: atStake.some(({ hasGroups }) => hasGroups === true),
    limits: handler && narrowest(handler, atStake),
  };
}

/** See the head of this file. */
export class TypeLane implements TypeUse {
  readonly name: string;
  readonly groups: Groups;
  readonly ordinary: WaitingQueue;
  readonly suspects: WaitingQueue;
  /** Jobs that wait here, as far as they have not moved on: each once, though it may stand here more often. */
  readonly known = new WaitingSeqs();
  /** Its places are its own: it takes none of those that types share. */
  apart = false;
  paused = false;
  concurrency: number | undefined = undefined;
  /** Attempts that the pool has places for. */
  places = 0;
  hasGroups = false;
  /** What all shards of the process have of it. */
  readonly shared: TypePlaces;

  constructor(name: string, shared: TypePlaces) {
    this.name = name;
    this.shared = shared;
    this.groups = shared.groups;
    this.ordinary = new WaitingQueue(shared.groups);
    this.suspects = new WaitingQueue(shared.groups);
  }

  get running(): number {
    return this.shared.running;
  }

  get lastTurn(): number {
    return this.shared.lastTurn;
  }

  get mayStartAt(): number {
    const { pacer } = this.shared;
    return pacer === undefined ? Number.NEGATIVE_INFINITY : pacer.mayStartAt;
  }

  get pacer(): StartPace | undefined {
    return this.shared.pacer;
  }

  get waiting(): number {
    return this.ordinary.size + this.suspects.size;
  }

  /** Jobs of this priority or a higher one that wait for nothing but a place, suspects left out: fewer where some have moved on. */
  startableFrom(priority: number): number {
    return Math.max(0, this.ordinary.startableFrom(priority) - (this.waiting - this.known.size));
  }

  /**
   * From now on these terms hold.
   *
   * @param now in monotonic milliseconds: of a new rate, what counts as its first start
   */
  agree({ paused, limits, hasGroups }: TypeTerms, now: number): void {
    this.paused = paused;
    this.concurrency = limits?.concurrency;
    this.hasGroups = hasGroups;
    // A type without a handler starts nothing, and may have its rate again.
    if (limits === undefined) return;
    this.shared.agree(limits, now);
  }
}
