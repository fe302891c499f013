/** Names over a whole cluster, as whoever divides requests asks for them. Types only. */
import type { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import type { Created, Creation } from '../../scheduler/messages.js';
import type { HeldName } from '../../store/port.js';

export type Name = Pick<HeldName, 'kind' | 'name'>;

/** See the head of this file. A refusal is for who has asked: nothing has had an effect, but for `timeout`. */
export interface ClusterNames {
  /** The shards that hold names, of those that are held. */
  holders(names: readonly Name[]): Promise<readonly HeldName[] | Refusal>;
  /** Has the node that owns a shard decide these, each for itself, in order. */
  create(shard: number, items: readonly Creation[]): Promise<readonly Created[] | Refusal>;
  /** The jobs that have keys now, by `placeOfJobKey`, as the owner of their shard knows them. */
  jobsOf(shard: number, places: readonly string[]): Promise<readonly (Job | undefined)[] | Refusal>;
}
