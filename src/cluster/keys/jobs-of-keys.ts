/** The jobs of keys of a shard, as its node tells others. */
import type { Job } from '../../domain/job.js';
import { outward } from '../numbered.js';
import type { OwnedShard } from '../shards.js';

/** By `placeOfJobKey`. One that is not written yet is not told of: it may not come to be. */
export function jobsOfKeys(
  { scheduler, store, numbers }: OwnedShard,
  places: readonly string[],
): readonly (Job | undefined)[] {
  const { keys } = scheduler;
  return places.map((place) => {
    const job = keys.ownerOf(place);
    return job === undefined || store.state(job.spec.seq) === undefined ? undefined : outward(job, numbers);
  });
}
