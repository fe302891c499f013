/** What carries out the moves of shards, with their durations counted. */
import type { ClusterCounts } from '../../telemetry/cluster/cluster-counts.js';
import type { ShardHost } from '../leases/host.js';

/** Counts what has succeeded. @param now monotonic milliseconds */
export function timedHost(
  host: ShardHost,
  { handovers }: Pick<ClusterCounts, 'handovers'>,
  now: () => number,
): ShardHost {
  return {
    async open(row, isLeft) {
      const since = now();
      await host.open(row, isLeft);
      handovers.open.observe((now() - since) / 1000);
    },
    async give(row, to) {
      const since = now();
      const given = await host.give(row, to);
      if (given === 'given') handovers.give.observe((now() - since) / 1000);
      return given;
    },
    drop: (shard) => host.drop(shard),
    get ends() {
      return host.ends;
    },
    follow: (shard) => host.follow(shard),
    unfollow: (shard) => host.unfollow(shard),
    loaded: (shard) => host.loaded(shard),
    followed: (shard) => host.followed(shard),
    lastSlice: (shard) => host.lastSlice(shard),
  };
}
