/** Shards on a storage thread of their own, over the fake database and over PostgreSQL: what is written is there for the next owner. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock } from '../../../src/clock.js';
import { checkStore } from '../../../src/store/check/check.js';
import { ClusterStorage, type ShardLost } from '../../../src/store/postgres/cluster-storage.js';
import type { Database, RandomId, ShardRow } from '../../../src/store/postgres/database.js';
import { loadShard } from '../../../src/store/postgres/load.js';
import type { CommittedState } from '../../../src/store/state/committed-state.js';
import type { CommittedStore } from '../../../src/store/state/committed-store.js';
import { type ShardIndex, ShardIndexes } from '../../../src/store/thread/shard-indexes.js';
import { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { answersOver, expectedAfter, inMemory, live, storeOver, type Written } from './lives.js';
import { openTest } from './opening.js';

const nodeA: RandomId = 'a'.repeat(32);
const nodeB: RandomId = 'b'.repeat(32);

/** What a node asks through. */
type Connect = (node: RandomId) => Promise<Database>;

/** A shard of one node, with all that it writes through. */
class Owned {
  readonly #storage: ClusterStorage;
  readonly #store: CommittedStore;
  readonly #state: CommittedState;
  readonly lost: Promise<ShardLost>;
  #answered: () => void = () => {};
  #mergedTo: () => void = () => {};

  private constructor(
    readonly index: ShardIndex,
    storage: ClusterStorage,
    readonly position: number,
  ) {
    this.#storage = storage;
    const { store, state } = storeOver(index.kv, storage);
    this.#store = store;
    this.#state = state;
    this.lost = new Promise((resolve) =>
      storage.listen({
        committed: (at) => {
          store.committed(at);
          this.#answered();
        },
        failed: (_, { message }) => {
          throw new Error(message);
        },
        checkpointed: (at) => store.checkpointed(at),
        merged: (at) => {
          store.merged(at);
          this.#mergedTo();
        },
        logsWritten: () => {},
        logsRefused: () => {},
        logsMirrored: () => {},
        claimed: () => {},
        lost: (how) => {
          resolve(how);
          this.#answered();
          this.#mergedTo();
        },
      }),
    );
  }

  static async take(database: Database, node: RandomId, indexes: ShardIndexes, shard: number): Promise<Owned> {
    const old = (await database.shards()).find((row) => row.shard === shard) as ShardRow;
    const row = (await database.take(shard, old.token, node)) as ShardRow;
    const index = indexes.add(shard, 1);
    const loaded = await loadShard(database, row, index);
    const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
    const storage = new ClusterStorage(
      { database, node, index, pause, clock: systemClock },
      { shard, token: row.token },
      loaded,
    );
    return new Owned(index, storage, loaded.last.position);
  }

  /** Writes a part of a life. */
  async write(written: readonly Written[]): Promise<void> {
    for (const one of written) {
      if ('commit' in one) {
        const answered = new Promise<void>((resolve) => {
          this.#answered = resolve;
        });
        this.#store.commit(one.commit);
        await answered;
      } else await this.merge(one);
    }
  }

  async merge({ merge }: Extract<Written, { merge: unknown }>): Promise<void> {
    const merged = new Promise<void>((resolve) => {
      this.#mergedTo = resolve;
    });
    this.#store.merge(merge);
    await merged;
  }

  dispose(): void {
    this.#storage.drop();
    this.#state.dispose();
  }
}

function openIndexes(t: Test, crashed: Error[]): ShardIndexes & { readonly folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'escapement-shards-'));
  const indexes = new ShardIndexes(folder, (error) => crashed.push(error));
  t.teardown(async () => {
    await indexes.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return Object.assign(indexes, { folder });
}

function sameAs(t: Test, { index }: Owned, written: readonly Written[], commits: number): void {
  const kv = inMemory(index.kv);
  const found: string[] = [];
  checkStore(kv, Number.MAX_SAFE_INTEGER / 4, (line) => found.push(line));
  t.same(found, []);
  t.equal(JSON.stringify(answersOver(kv)), JSON.stringify(expectedAfter(written, commits)), `after ${commits} commits`);
}

const commitsIn = (written: readonly Written[]): number => written.filter((one) => 'commit' in one).length;

async function twoNodes(t: Test, connect: Connect): Promise<void> {
  const crashed: Error[] = [];
  const [first, second] = [await connect(nodeA), await connect(nodeB)];
  const [ofA, ofB] = [openIndexes(t, crashed), openIndexes(t, crashed)];
  const lives = [live(1, 40), live(2, 40)];
  const half = lives.map((written) => Math.floor(written.length / 2));
  const owned = await Promise.all([0, 1].map((shard) => Owned.take(first, nodeA, ofA, shard)));
  await Promise.all(owned.map((one, shard) => one.write(lives[shard]!.slice(0, half[shard]))));
  t.ok(existsSync(join(ofA.folder, 'shard-0')) && existsSync(join(ofA.folder, 'shard-1')));

  // Another takes the first shard; the one that had it is told by its next commit, and goes on with the other.
  const [old, other] = owned as [Owned, Owned];
  const taken = await Owned.take(second, nodeB, ofB, 0);
  t.equal(taken.position, commitsIn(lives[0]!.slice(0, half[0])));
  sameAs(t, taken, lives[0]!, taken.position);
  const next = lives[0]!.findIndex((one, at) => at >= half[0]! && 'commit' in one);
  await old.write(lives[0]!.slice(next, next + 1));
  t.match(await old.lost, { why: 'fenced' });
  await Promise.all([taken.write(lives[0]!.slice(half[0])), other.write(lives[1]!.slice(half[1]))]);

  // Both are loaded anew.
  old.dispose();
  taken.dispose();
  other.dispose();
  await Promise.all([taken.index.close(), other.index.close()]);
  const again = [await Owned.take(second, nodeB, ofB, 0), await Owned.take(second, nodeB, ofB, 1)];
  again.forEach((one, shard) => sameAs(t, one, lives[shard]!, commitsIn(lives[shard]!)));
  for (const one of again) one.dispose();
  t.same(crashed, []);
}

t.test('two nodes over the fake database', async (t) => {
  const fake = new FakeDatabase({ random: new Random(1), shards: 2 });
  await fake.run(twoNodes(t, async (node) => fake.of(node)));
});

t.test('two nodes over PostgreSQL', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t);
  const url = await postgres.fresh();
  await twoNodes(t, async (node) => (await openTest(t, { url, node, shards: 2 })).database);
});

t.test('an index that cannot be made of what there is costs its shard only', async (t) => {
  const crashed: Error[] = [];
  const indexes = openIndexes(t, crashed);
  const damaged = indexes.add(0, 1);
  const record = { position: 1, id: nodeA, bytes: Buffer.from('no record') };
  await t.rejects(damaged.loadRecords([record], 0), /log record 1/);
  await t.rejects(damaged.open(0), /log record 1/);
  const behind = indexes.add(1, 1);
  await behind.loadPages([]);
  await t.rejects(behind.open(5), /stand for record 0, and not for 5/);
  const fine = indexes.add(2, 1);
  await fine.open(0);
  t.equal(fine.kv.size('log'), 0);
  await Promise.all([damaged.close(), behind.close(), fine.close()]);
  t.same(crashed, []);
});
