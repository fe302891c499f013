/** Lives of shards that move while clients read lists: each job that was acknowledged is on one page, once. Planted faults are found. */
import t from 'tap';
import { MergedList } from '../../../src/cluster/gathering/merged-list.js';
import { liveMoves, type MovesEnd } from './moves-life.js';

t.setTimeout(300_000);

const lives = Number(process.env.LIVES ?? 6);
const steps = 120;

t.test('lists and totals are whole, whichever nodes have the shards by then', async (t) => {
  const sums = { lists: 0, pages: 0, refused: 0 };
  for (let seed = 1; seed <= lives; seed++) {
    const { faults, lists } = await liveMoves(t, { seed, steps, hasLists: true });
    t.same(faults, [], `seed ${seed}`);
    for (const what of Object.keys(sums) as (keyof typeof sums)[]) sums[what] += lists[what];
  }
  t.ok(sums.lists > lives && sums.pages > sums.lists, JSON.stringify(sums));
});

async function found(t: import('tap').Test, planted?: 'lapsed_lease'): Promise<MovesEnd | undefined> {
  for (let seed = 1; seed <= 40; seed++) {
    const end = await liveMoves(t, { seed, steps, hasLists: true, ...(planted && { planted }) });
    if (end.faults.length > 0) return end;
  }
  return undefined;
}

t.test('a node answers for a shard that it has not any more', async (t) => {
  const end = await found(t, 'lapsed_lease');
  t.match(end?.faults.join('; '), /were acknowledged/);
});

t.test('a node says that it has no more than it has sent', async (t) => {
  const { taken } = MergedList.prototype;
  t.teardown(() => {
    MergedList.prototype.taken = taken;
  });
  MergedList.prototype.taken = function toldAsAll(this: MergedList<unknown>) {
    return taken.call(this).map((page) => ({ ...page, hasMore: false }));
  } as typeof taken;
  const end = await found(t);
  t.match(end?.faults.join('; '), /lacks [\d,]+, which were acknowledged/);
});
