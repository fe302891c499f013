/** What a scheduler asks of the other shards of its server: names that are unique over all of them, and what is counted over all. */
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import type { HandlerInfo } from '../../pool/port.js';
import type { HeldName } from '../../store/port.js';

/** A job of another shard. */
export interface ForeignJob {
  readonly shard: number;
  /** As all but that shard know it: with its job number; undefined: no more is known than that there is one. */
  readonly job: Job | undefined;
  /** It is there for good. Else whoever writes first has the key, and what goes by the job may go by nothing. */
  readonly isWritten: boolean;
}

/** A name that is known to be held elsewhere; of a key, perhaps with its job. */
export interface ForeignName extends HeldName {
  readonly job?: Job | undefined;
}

/** See the head of this file. */
export interface OtherShards {
  /** How many jobs of a type they have. */
  jobsOfType(name: string): number;
  /** The job among theirs that has a key now, by its `placeOfJobKey`. @param now Unix milliseconds */
  ownerOf(place: string, now: number): ForeignJob | undefined;
  /** The shard that has a job of an idempotency key. */
  shardOfRequest(idempotencyKey: string, now: number): number | undefined;
  /** What another node declares of a job type that there is no handler for here: the defaults of its jobs. */
  typeElsewhere(name: string): HandlerInfo | undefined;
}

/** There are none. */
const noOtherShards: OtherShards = {
  jobsOfType: () => 0,
  ownerOf: () => undefined,
  shardOfRequest: () => undefined,
  typeElsewhere: () => undefined,
};

/** The same, where more is known: names that shards of other processes hold. */
export function withHeld(others: OtherShards, held: readonly ForeignName[]): OtherShards {
  const names = new Map(held.map((each) => [`${each.kind} ${each.name}`, each]));
  return {
    ...others,
    ownerOf: (place, now) => {
      const own = others.ownerOf(place, now);
      const found = names.get(`key ${place}`);
      if (found === undefined || own?.isWritten === true) return own;
      return { shard: found.shard, job: found.job, isWritten: true };
    },
    shardOfRequest: (key, now) => others.shardOfRequest(key, now) ?? names.get(`idempotency ${key}`)?.shard,
  };
}

/** What is known of the other shards just now. */
export class OthersNow {
  readonly #others: OtherShards;
  #held: readonly HeldName[] = [];
  #now: OtherShards;

  constructor(others: OtherShards = noOtherShards) {
    this.#others = others;
    this.#now = others;
  }

  get now(): OtherShards {
    return this.#now;
  }

  /**
   * Runs `decide` while it is known that others hold these names: what has collided with them is decided again. Those of earlier
   * collisions count as well until something is written, or two that are found in turns would be for ever.
   */
  during(held: readonly HeldName[], decide: () => void): void {
    this.#held = [...this.#held, ...held];
    this.#now = withHeld(this.#others, this.#held);
    decide();
    this.#now = this.#others;
  }

  /** What was decided is written. */
  written(): void {
    if (this.#held.length > 0) this.#held = [];
  }
}

/** A request is for another shard, which has its key: nothing was decided. Whoever has asked asks there. */
export class HeldElsewhere extends Refusal {
  constructor(readonly shard: number) {
    super(
      'storage_unavailable',
      'The key of the request is with a node that does not answer just now. Try again in a moment.',
    );
  }
}
