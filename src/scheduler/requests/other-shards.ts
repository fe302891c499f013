/** What a scheduler asks of the other shards of its server: names that are unique over all of them, and what is counted over all. */
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import type { HandlerInfo } from '../../pool/port.js';

/** A job of another shard, as all but that shard know it: with its job number. */
export interface ForeignJob {
  readonly shard: number;
  readonly job: Job;
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
export const noOtherShards: OtherShards = {
  jobsOfType: () => 0,
  ownerOf: () => undefined,
  shardOfRequest: () => undefined,
  typeElsewhere: () => undefined,
};

/** A request is for another shard, which has its key: nothing was decided. Whoever has asked asks there. */
export class HeldElsewhere extends Refusal {
  constructor(readonly shard: number) {
    super('conflict', 'The key of the request is held by another shard.');
  }
}
