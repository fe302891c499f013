/**
 * A shard's storage over PostgreSQL while sessions are ended, the server crashes and another node takes the shard in the middle of a
 * merge: whoever loads the shard has all that was acknowledged.
 */
import t from 'tap';
import { checkStore } from '../../../src/store/check/check.js';
import type { Database, RandomId, ShardRow } from '../../../src/store/postgres/database.js';
import { loadShard } from '../../../src/store/postgres/load.js';
import { Random } from '../../simulation/random.js';
import { InlineIndex } from '../../support/inline-index.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { answersOver, expectedAfter, live } from './lives.js';
import { openTest } from './opening.js';
import { idOf, Owner, placeOf } from './owner.js';

t.setTimeout(240_000);

const ports = {
  run: <T>(promise: Promise<T>): Promise<T> => promise,
  pause: (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1)),
};

/** Asks until there is an answer. */
async function insist<T>(ask: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await ask();
    } catch {
      await ports.pause();
    }
  }
}

t.test('what was acknowledged outlives sessions, the server and owners', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t);
  const url = await postgres.fresh();
  const open = async (node: RandomId): Promise<Database> => (await openTest(t, { url, node, shards: 1 })).database;
  const beside = await open(idOf(99));
  const rowNow = async (): Promise<ShardRow> => (await insist(() => beside.shards()))[0] as ShardRow;
  const random = new Random(4);
  const written = live(12, 50);
  const commits = written.filter((one) => 'commit' in one).length;
  const former: Owner[] = [];
  let owners = 0;
  let takenInMerge = 0;
  const take = async (): Promise<Owner> => {
    const node = idOf(++owners);
    const database = await open(node);
    const row = (await beside.take(0, (await rowNow()).token, node)) as ShardRow;
    return await Owner.openOver(database, ports, { node, row, logShare: 1 });
  };
  let owner = await take();
  let at = 0;
  let crashes = 0;
  while (at < written.length || owner.isBusy) {
    if (owner.lost) throw new Error(owner.lost.message);
    const before = at;
    at = owner.feed(written, at);
    if (random.chance(0.7)) owner.index.step();
    for (const one of former) one.index.step();
    await ports.pause();
    if (at > before && random.chance(0.15)) await insist(() => beside.endBackends(owner.node));
    if (crashes === 0 && owner.acknowledged > commits / 3) {
      crashes++;
      await postgres.stop('immediate');
      await postgres.start();
    }
    if (owner.acknowledged > (commits * owners) / 6 && owner.index.engine.merging) {
      takenInMerge++;
      const { acknowledged } = owner;
      former.push(owner);
      owner = await take();
      t.ok(owner.loaded.last.position >= acknowledged, `${acknowledged} of ${owner.loaded.last.position} acknowledged`);
      at = placeOf(written, owner.loaded.last.position);
    }
  }
  t.ok(takenInMerge > 1, `${takenInMerge} taken in the middle of a merge`);
  t.equal(crashes, 1);
  for (const one of former) {
    while (!one.lost && one.index.step()) await ports.pause();
    one.dispose();
  }
  owner.dispose();
  const index = new InlineIndex();
  const { last } = await loadShard(beside, await rowNow(), index);
  t.equal(last.position, commits);
  const found: string[] = [];
  checkStore(index.kv, Number.MAX_SAFE_INTEGER / 4, (line) => found.push(line));
  t.same(found, []);
  t.equal(JSON.stringify(answersOver(index.kv)), JSON.stringify(expectedAfter(written, commits)));
});
