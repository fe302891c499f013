/** How long moves of shards take, as metrics have it. */
import t from 'tap';
import type { Given, ShardHost } from '../../../src/cluster/leases/host.js';
import { timedHost } from '../../../src/cluster/standing/timed-host.js';
import type { ShardRow } from '../../../src/store/postgres/database.js';
import { ClusterCounts } from '../../../src/telemetry/cluster/cluster-counts.js';

const row = { shard: 3 } as ShardRow;

t.test('what has moved is counted with its duration, and what has not is not', async (t) => {
  let now = 0;
  let given: Given = 'given';
  let canOpen = true;
  const called: string[] = [];
  const host: ShardHost = {
    open: async () => {
      now += 400;
      if (!canOpen) throw new Error('it cannot be loaded');
    },
    give: async () => {
      now += 90;
      return given;
    },
    drop: async (shard) => void called.push(`drop ${shard}`),
    ends: [{ shard: 3, position: 5, id: 'record' as never }],
    follow: async (shard) => void called.push(`follow ${shard}`),
    unfollow: (shard) => void called.push(`unfollow ${shard}`),
    loaded: (shard) => ({ slice: `of ${shard}` as never }),
    followed: (shard) => void called.push(`followed ${shard}`),
    lastSlice: (shard) => `last of ${shard}` as never,
  };
  const { handovers } = new ClusterCounts();
  const count = (step: 'give' | 'open'): number => handovers[step].counts.reduce((sum, each) => sum + each, 0);
  const timed = timedHost(host, { handovers }, () => now);

  t.equal(await timed.give(row, 'other' as never), 'given');
  for (given of ['kept', 'lost'] as const) t.equal(await timed.give(row, 'other' as never), given);
  await timed.open(row);
  canOpen = false;
  await t.rejects(timed.open(row), { message: 'it cannot be loaded' });
  t.same([count('give'), handovers.give.sum], [1, 0.09]);
  t.same([count('open'), handovers.open.sum], [1, 0.4]);

  await timed.drop(1);
  await timed.follow(2);
  timed.unfollow(3);
  timed.followed(4);
  t.same(called, ['drop 1', 'follow 2', 'unfollow 3', 'followed 4']);
  t.equal(timed.ends, host.ends);
  t.same([timed.loaded(5), timed.lastSlice(6)], [{ slice: 'of 5' }, 'last of 6']);
});
