/**
 * Numbers of jobs where a server has several shards. Inside its shard a job counts by its *slot*, which is the `seq` of its spec; to all
 * others it has its *number*, `slot × shards + shard`, which its id stands for. So an id names its shard by its low bits, and a
 * server of one shard has numbers that are slots.
 */
import { formatId, parseId } from '../id.js';
import type { Job } from '../job.js';

/** An id holds the low 32 bits of a number. */
const stretch = 0x1_0000_0000;

/** The numbers of the jobs of one shard. */
export class JobNumbers {
  /** The shard, from 0 on. */
  readonly shard: number;
  /** How many shards there are: a power of two, which does not change as long as there are jobs. */
  readonly shards: number;

  /** @throws RangeError unless `shards` is a power of two up to 64, and `shard` one of them */
  constructor(shard: number, shards: number) {
    if (!Number.isInteger(Math.log2(shards)) || shards > maxShards)
      throw new RangeError(`the number of shards is a power of two up to ${maxShards}, not ${shards}`);
    if (!Number.isInteger(shard) || shard < 0 || shard >= shards)
      throw new RangeError(`of ${shards} shards there is none with the number ${shard}`);
    this.shard = shard;
    this.shards = shards;
  }

  /** The number of the job in a slot. */
  of(slot: number): number {
    return slot * this.shards + this.shard;
  }

  /** The slot of a job of this shard. */
  slotOf(number: number): number {
    return Math.floor(number / this.shards);
  }

  /** The public id of the job in a slot, made in second `idSeconds`. */
  format(slot: number, idSeconds: number): string {
    return formatId(this.of(slot), idSeconds);
  }

  /**
   * The job of this shard that a public id names. The second in an id tells apart jobs that share the low bits of their numbers.
   *
   * @param nextSlot no job has this slot or a later one
   */
  find(id: string, nextSlot: number, lookup: (slot: number) => Job | undefined): Job | undefined {
    const parsed = parseId(id);
    if (!parsed || shardOf(parsed.low, this.shards) !== this.shard) return undefined;
    for (let slot = this.slotOf(parsed.low); slot < nextSlot; slot += stretch / this.shards) {
      // Where there are several shards, their slots 0 are those of the first jobs that a single server had made before.
      const job = slot > 0 || this.shards > 1 ? lookup(slot) : undefined;
      if (job?.spec.idSeconds === parsed.idSeconds) return job;
    }
    return undefined;
  }
}

/** More shards than that there are never. */
export const maxShards = 64;

/** The shard of the job with this number, or with these low bits of one. */
export function shardOf(number: number, shards: number): number {
  return number % shards;
}

/** The numbers of a server of one shard: those of the slots. */
export const singleShard = new JobNumbers(0, 1);
