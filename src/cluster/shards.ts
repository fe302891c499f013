/** The shards that this process owns. They may grow and shrink while it runs: whoever asks sees those of now. */
import { parseId } from '../domain/id.js';
import type { JobNumbers } from '../domain/ids/job-numbers.js';
import { shardOf } from '../domain/ids/job-numbers.js';
import type { Shard } from '../shard.js';

/** A shard, and the numbers of its jobs. */
export interface OwnedShard extends Shard {
  readonly numbers: JobNumbers;
  /** Its last event when it was opened. */
  readonly openedBehind: number;
}

/** See the head of this file. */
export class Shards {
  /** How many there are in all, here or elsewhere. */
  readonly count: number;
  #owned: readonly OwnedShard[] = [];
  /** Of shards that are owned: how many jobs they had made before. */
  readonly #madeBefore = new Map<OwnedShard, number>();
  /** Jobs that shards made here that are not owned any more. */
  #madeByOthers = 0;

  constructor(count: number) {
    this.count = count;
  }

  /** Those that are owned, in order of their numbers. */
  get all(): readonly OwnedShard[] {
    return this.#owned;
  }

  /** Jobs that were made here, whichever shards had them. */
  get made(): number {
    return this.#owned.reduce((sum, shard) => sum + this.#madeIn(shard), this.#madeByOthers);
  }

  /** Some of those that are owned now. */
  only(shards: readonly number[]): Shards {
    const some = new Shards(this.count);
    some.#owned = this.#owned.filter(({ numbers }) => shards.includes(numbers.shard));
    return some;
  }

  /** From now on it is owned. */
  add(shard: OwnedShard): void {
    this.drop(shard.numbers.shard);
    this.#madeBefore.set(shard, shard.scheduler.counters.nextSeq);
    this.#owned = [...this.#owned, shard].sort((a, b) => a.numbers.shard - b.numbers.shard);
  }

  /** It is not owned any more. */
  drop(shard: number): void {
    const dropped = this.get(shard);
    if (dropped === undefined) return;
    this.#madeByOthers += this.#madeIn(dropped);
    this.#madeBefore.delete(dropped);
    this.#owned = this.#owned.filter((each) => each !== dropped);
  }

  #madeIn(shard: OwnedShard): number {
    return shard.scheduler.counters.nextSeq - (this.#madeBefore.get(shard) ?? 0);
  }

  /** Undefined when it is not owned. */
  get(shard: number): OwnedShard | undefined {
    return this.#owned.find(({ numbers }) => numbers.shard === shard);
  }

  /** That of the job with this number. */
  ofNumber(number: number): OwnedShard | undefined {
    return this.get(shardOf(number, this.count));
  }

  /** That of the job with this public id; undefined also when that is none. */
  ofId(id: string): OwnedShard | undefined {
    const parsed = parseId(id);
    return parsed && this.get(shardOf(parsed.low, this.count));
  }
}
