/**
 * A shard's storage over a database that refuses, is late and loses answers: whoever loads the shard has all that was acknowledged, at
 * any cut of a merge, and also while the one that wrote it does not know yet that it is not his any more. Where the database loses what
 * was written last, the shard is one of its earlier states.
 */
import t from 'tap';
import { checkStore } from '../../../src/store/check/check.js';
import { chunksOfRun } from '../../../src/store/format/trees/job-log.js';
import { ClusterStorage } from '../../../src/store/postgres/cluster-storage.js';
import type { ShardRow } from '../../../src/store/postgres/database.js';
import { loadShard, Outdated } from '../../../src/store/postgres/load.js';
import type { IndexPages, LocalIndex } from '../../../src/store/trees/local-index.js';
import { allFaults, FakeDatabase, noFaults } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import { FakeClock } from '../../support/fake-clock.js';
import { InlineIndex } from '../../support/inline-index.js';
import { answersOver, expectedAfter, live, type Written } from './lives.js';
import { idOf, Owner, placeOf, rowOf, turn } from './owner.js';

/** Loads the shard while its owner goes on. */
async function loadBeside(fake: FakeDatabase): Promise<{ index: InlineIndex; position: number }> {
  for (;;) {
    const index = new InlineIndex();
    try {
      const { last } = await fake.run(loadShard(fake.of(idOf(999)), rowOf(fake), index));
      return { index, position: last.position };
    } catch (error) {
      if (!(error instanceof Outdated)) throw error;
    }
  }
}

/** Loads the shard as it is now, beside whoever owns it, and compares it with what it has to be. */
async function isWhole(fake: FakeDatabase, written: readonly Written[]): Promise<string | undefined> {
  const { faults } = fake;
  fake.faults = noFaults;
  const { index, position } = await loadBeside(fake);
  fake.faults = faults;
  const found: string[] = [];
  checkStore(index.kv, Number.MAX_SAFE_INTEGER / 4, (line) => found.push(line));
  if (found.length > 0) return found.join('\n');
  const answers = answersOver(index.kv);
  const whole = expectedAfter(written, position);
  // Of events it has the last ones.
  const events = whole.events.slice(whole.events.length - answers.events.length);
  const [answered, expected] = [answers, { ...whole, events }].map((all) => JSON.stringify(all));
  if (answered === expected) return undefined;
  const [found1, wanted] = [answered as string, expected as string];
  const at = [...found1].findIndex((char, i) => char !== wanted[i]);
  const around = (text: string): string => text.slice(Math.max(0, at - 200), at + 200);
  return `at record ${position}: ${around(found1)}\nexpected: ${around(wanted)}`;
}

/** Lives a life over the database, with an owner after another. Throws when something does not hold. */
async function livesOf(seed: number): Promise<Record<'owners' | 'merged' | 'trimmed' | 'rewound', number>> {
  const random = new Random(seed);
  const written = live(seed, 60);
  // Of the log a few records stay, or all.
  const logShare = random.pick([1e-5, 1]);
  const fake = new FakeDatabase({ random: new Random(seed + 1) });
  const fail = (what: string): never => {
    throw new Error(`seed ${seed}: ${what}`);
  };
  /** A failover may lose what was written last. */
  const forgets = random.chance(0.5);
  let owners = 0;
  let rewound = 0;
  let acknowledged = 0;
  let merged = 0;
  const former: Owner[] = [];
  const take = async (): Promise<Owner> => {
    const row = fake.tables.take(0, rowOf(fake).token, idOf(++owners)) as ShardRow;
    const owner = await Owner.open(fake, idOf(owners), row, logShare);
    if (owner.loaded.last.position < acknowledged) fail(`${acknowledged} was acknowledged and is not there`);
    return owner;
  };
  let owner = await take();
  let at = 0;
  const takeOver = async (): Promise<void> => {
    former.push(owner);
    owner = await take();
    at = placeOf(written, owner.loaded.last.position);
  };
  while (at < written.length || owner.isBusy) {
    if (owner.lost) {
      if (!forgets) fail(`the owner lost its shard: ${owner.lost.message}`);
      if (owner.lost.why === 'rewound') rewound++;
      await takeOver();
    }
    fake.faults = random.chance(0.5) ? allFaults : noFaults;
    if (random.chance(0.4)) at = owner.feed(written, at);
    if (random.chance(0.6)) owner.index.step();
    for (const one of former) if (random.chance(0.3)) one.index.step();
    if (random.chance(0.7)) fake.step();
    await turn();
    if (!forgets) acknowledged = Math.max(acknowledged, owner.acknowledged);
    merged = Math.max(merged, owner.merged);
    if (random.chance(0.04)) {
      const problem = await isWhole(fake, written);
      if (problem) fail(problem);
    }
    if (random.chance(0.01)) await takeOver();
    if (forgets && random.chance(0.01)) {
      fake.tables.forget(random.between(1, 6));
      acknowledged = 0;
    }
  }
  // What is late comes now.
  while (fake.step());
  const problem = await isWhole(fake, written);
  if (problem) fail(problem);
  for (const one of [...former, owner]) one.dispose();
  const trimmed = (fake.tables.recordsAfter(0, 0, 1)[0]?.position ?? 1) - 1;
  return { owners, merged, trimmed, rewound };
}

// More than thirty of them take longer than tap waits on a busy machine.
t.setTimeout(300_000);

t.test('whoever loads a shard has what was written, at any cut of a merge and after any taking', async (t) => {
  let owners = 0;
  let merged = 0;
  let trimmed = 0;
  let rewound = 0;
  const lives = Number(process.env.LIVES ?? 20);
  for (let seed = 1; seed <= lives; seed++) {
    const life = await livesOf(seed);
    owners += life.owners;
    if (life.merged > 0) merged++;
    if (life.trimmed > 0) trimmed++;
    rewound += life.rewound;
  }
  t.ok(owners > lives, `${owners} owners in ${lives} lives`);
  t.ok(merged > lives / 2, `${merged} lives had merges that came to their end`);
  t.ok(trimmed > lives / 6, `${trimmed} logs were trimmed`);
  t.ok(rewound > 0, `${rewound} owners were told that the database had lost what they knew`);
});

t.test('an index that takes nothing up shows by how long it is behind', async (t) => {
  const written = live(3, 20).filter((one) => 'commit' in one);
  const fake = new FakeDatabase({ random: new Random(3) });
  const row = fake.tables.take(0, rowOf(fake).token, idOf(1)) as ShardRow;
  const owner = await Owner.open(fake, idOf(1), row, 1);
  const commit = async (number: number): Promise<void> => {
    owner.feed(written, number - 1);
    while (owner.acknowledged < number) {
      fake.step();
      await turn();
    }
  };
  await commit(1);
  owner.clock.advance(4000);
  await commit(2);
  owner.clock.advance(6000);
  t.same(owner.progress, { appended: 2, applied: 0, merged: 0, stalledMs: 10_000 });
  while (owner.index.step());
  t.same(owner.progress, { appended: 2, applied: 2, merged: 0, stalledMs: 0 });
  await commit(3);
  t.equal(owner.progress.stalledMs, 0);
  owner.dispose();
});

t.test('lines of handlers are in the database without waiting for a merge', async (t) => {
  const fake = new FakeDatabase({ random: new Random(4) });
  const row = fake.tables.take(0, rowOf(fake).token, idOf(1)) as ShardRow;
  const owner = await Owner.open(fake, idOf(1), row, 1);
  const chunk = { seq: 1, run: 1, lines: 2, until: 2, bytes: 20, packed: Buffer.from('packed') };
  owner.index.writeLogs({ chunks: [chunk], maxBytes: 1e6 });
  while (owner.index.step() || fake.step()) await turn();
  const { index } = await loadBeside(fake);
  t.equal([...index.kv.keys('logs', chunksOfRun(1, 1))].length, 1);
  owner.dispose();
});

t.test(
  'what pages are answered while a shard is given away does not make it lost: the record that gives it tells',
  async (t) => {
    type Told = { readonly committed: number[]; lost?: string };
    const give = async (pages: 'fenced' | 'rewound', record: 'done' | 'refused'): Promise<Told> => {
      let answer: (end: { readonly end: 'done' }) => void = () => {};
      let refuse: (error: Error) => void = () => {};
      let say: { pages(pages: IndexPages): void } | undefined;
      const storage = new ClusterStorage(
        {
          database: {
            append: () =>
              new Promise((resolve, reject) => {
                answer = resolve;
                refuse = reject;
              }),
            writePages: async () => pages,
            trim: async () => 0,
            endBackends: async () => {},
          },
          node: idOf(1),
          index: {
            listen: (events: typeof say) => {
              say = events;
            },
            commit: () => {},
            pagesWritten: () => {},
          } as unknown as LocalIndex,
          clock: new FakeClock(),
          pause: turn,
        },
        { shard: 0, token: idOf(2) },
        { last: { position: 0, id: null }, merged: 0, lastSlice: null },
      );
      const told: Told = { committed: [] };
      storage.listen({
        committed: (position) => told.committed.push(position),
        failed: () => {},
        claimed: () => {},
        checkpointed: () => {},
        merged: () => {},
        logsWritten: () => {},
        logsRefused: () => {},
        logsMirrored: () => {},
        lost: ({ why }) => {
          told.lost = why;
        },
      });
      const batch = { position: 1, buffer: new ArrayBuffer(8), bytes: 8, recordBytes: 8, specs: [], puts: [] };
      storage.commit(batch, { giving: { to: idOf(3), attempts: [] } } as unknown as Parameters<
        typeof storage.commit
      >[1]);
      say?.pages({ puts: [{}] } as unknown as IndexPages);
      for (let i = 0; i < 5; i++) await turn();
      t.same(told, { committed: [] }, `${pages}: nothing is known yet`);
      if (record === 'done') answer({ end: 'done' });
      else refuse(new Error('no room'));
      for (let i = 0; i < 5; i++) await turn();
      return told;
    };
    t.same(await give('fenced', 'done'), { committed: [1], lost: 'fenced' }, 'it was given');
    t.same(
      await give('rewound', 'refused'),
      { committed: [], lost: 'rewound' },
      'it was not, and is lost all the same',
    );
  },
);
