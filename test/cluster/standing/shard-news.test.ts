/** What the log says of the shards that a node runs. */
import t from 'tap';
import { ShardNews } from '../../../src/cluster/standing/shard-news.js';

t.test('a change is told once it has come to rest', async (t) => {
  const told: unknown[] = [];
  let own = 0;
  const news = new ShardNews({ own: () => own, all: 16, log: { info: (text: unknown) => void told.push(text) } });
  const look = (count: number): void => {
    own = count;
    news.look();
  };
  for (const count of [0, 0, 3, 9, 16, 16, 16]) look(count);
  t.same(told, ['this node runs 16 of 16 shards']);
  for (const count of [15, 16, 16, 12, 8, 8]) look(count);
  t.same(told.slice(1), ['this node runs 8 of 16 shards']);
  for (const count of [0, 0]) look(count);
  t.same(told.slice(2), ['this node runs 0 of 16 shards']);
});
