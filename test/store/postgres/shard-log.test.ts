/** Appends to a shard's log over a database that refuses, is late, loses answers and gives the shard away. */
import fc from 'fast-check';
import t from 'tap';
import type { Append, RandomId } from '../../../src/store/postgres/database.js';
import { type AppendEnd, emptyLog, ShardLog } from '../../../src/store/postgres/shard-log.js';
import { allFaults, FakeDatabase, noFaults } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';

const node = 'a'.repeat(32) as RandomId;
const other = 'b'.repeat(32) as RandomId;

interface Opened {
  readonly fake: FakeDatabase;
  readonly log: ShardLog;
  /** What was sent, in order. */
  readonly sent: Append[];
  append(text: string): Promise<AppendEnd>;
}

function open(seed: number): Opened {
  const fake = new FakeDatabase({ random: new Random(seed) });
  const database = fake.of(node);
  const sent: Append[] = [];
  const log = new ShardLog(
    {
      database: {
        append: (append) => {
          sent.push({ ...append, row: { ...append.row, bytes: Buffer.from(append.row.bytes) } });
          return database.append(append);
        },
        endBackends: (of) => database.endBackends(of),
      },
      node,
      pause: () => Promise.resolve(),
      randomId: () => fake.randomId(),
    },
    { shard: 0, token: tokenOf(fake) },
    emptyLog,
  );
  return {
    fake,
    log,
    sent,
    append: (text) => fake.run(log.append({ position: log.last.position + 1, bytes: () => Buffer.from(text) })),
  };
}

function tokenOf(fake: FakeDatabase): RandomId {
  return fake.tables.shards()[0]?.token as RandomId;
}

function records(fake: FakeDatabase): { text: string; position: number; id: RandomId; previous: RandomId | null }[] {
  return fake.tables
    .recordsAfter(0, 0, Number.POSITIVE_INFINITY)
    .map(({ bytes, ...row }) => ({ ...row, text: Buffer.from(bytes).toString() }));
}

t.test('whatever happens, what was acknowledged is there once, in order and chained', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 2 ** 31 }), fc.integer({ min: 1, max: 30 }), async (seed, count) => {
      const { fake, log, sent, append } = open(seed);
      const random = new Random(seed + 1);
      const acknowledged: string[] = [];
      let taken: number | undefined;
      let wasRefused = false;
      for (let i = 0; i < count; i++) {
        fake.faults = random.chance(0.8) ? allFaults : noFaults;
        if (taken === undefined && random.chance(0.05)) {
          fake.tables.take(0, tokenOf(fake), other);
          taken = acknowledged.length;
        }
        const text = `record ${i}`;
        const { end } = await append(text);
        wasRefused = end === 'refused';
        if (end === 'done') acknowledged.push(text);
        else if (end !== 'refused') break;
      }
      const found = records(fake);
      const texts = found.map(({ text }) => text);
      if (texts.join() !== acknowledged.join()) return false;
      if (taken !== undefined && acknowledged.length !== taken) return false;
      if (taken !== undefined && !log.isOver && !wasRefused) return false;
      if (!found.every(({ position }, i) => position === i + 1)) return false;
      if (!found.every(({ previous }, i) => previous === (found[i - 1]?.id ?? null))) return false;
      // What was sent again is what was sent.
      const first = new Map<RandomId, string>();
      return sent.every(({ row: { id, bytes, position, previous } }) => {
        const said = `${position} ${previous} ${Buffer.from(bytes).toString()}`;
        if (!first.has(id)) first.set(id, said);
        return first.get(id) === said;
      });
    }),
    { numRuns: 300 },
  );
  t.pass('all of them');
});

t.test('a refusal after an unknown end says nothing of the record that was sent before', async (t) => {
  const { fake, log, sent } = open(1);
  fake.faults = { lost: 1 };
  const appended = log.append({ position: 1, bytes: () => Buffer.from('one') });
  // Carried out, its answer lost; then its connections are ended, and the next try is refused.
  fake.step();
  fake.faults = { plain: 1 };
  await turn();
  fake.faults = { refused: 1 };
  fake.step();
  await turn();
  fake.faults = noFaults;
  t.same(await fake.run(appended), { end: 'done' });
  t.equal(sent.length, 3);
  t.same(
    records(fake).map(({ text }) => text),
    ['one'],
  );
});

t.test('after a refusal another record takes the place of the one that is not there', async (t) => {
  const { fake, append } = open(2);
  fake.faults = { refused: 1 };
  t.match(await append('one'), { end: 'refused', message: /takes nothing/ });
  fake.faults = noFaults;
  t.same(await append('another'), { end: 'done' });
  t.same(
    records(fake).map(({ text }) => text),
    ['another'],
  );
});

t.test('nothing is sent once the shard is taken, or the database has lost records', async (t) => {
  const fenced = open(3);
  await fenced.append('one');
  fenced.fake.tables.take(0, tokenOf(fenced.fake), other);
  t.same(await fenced.append('two'), { end: 'fenced' });
  const sent = fenced.sent.length;
  t.same(await fenced.append('three'), { end: 'fenced' });
  t.equal(fenced.sent.length, sent);

  const rewound = open(4);
  await rewound.append('one');
  await rewound.append('two');
  rewound.fake.tables.forget(1);
  t.same(await rewound.append('three'), { end: 'rewound' });
  t.ok(rewound.log.isOver);
  t.same(
    records(rewound.fake).map(({ text }) => text),
    ['one'],
  );
});

t.test('names that others hold refuse the record, and the log goes on', async (t) => {
  const { fake, log, append } = open(5);
  const claim = { kind: 'key', name: 'report nightly', shard: 0, digest: '' } as const;
  const first = { position: 1, bytes: () => Buffer.from('one'), claims: [{ ...claim, slot: 1 }] };
  t.same(await fake.run(log.append(first)), { end: 'done' });
  const second = { position: 2, bytes: () => Buffer.from('two'), claims: [{ ...claim, slot: 2 }] };
  t.match(await fake.run(log.append(second)), { end: 'claimed', by: [{ slot: 1 }] });
  t.same(await append('three'), { end: 'done' });
  const released = { position: 3, bytes: () => Buffer.from('four'), claims: second.claims, released: [claim] };
  t.same(await fake.run(log.append(released)), { end: 'done' });
});

t.test('the record that gives the shard away is the last, also when its answer was lost', async (t) => {
  const { fake, log, sent, append } = open(8);
  await append('one');
  fake.faults = { lost: 1 };
  const given = log.append({ position: 2, bytes: () => Buffer.from('last'), giveTo: other });
  fake.step();
  fake.faults = noFaults;
  t.same(await fake.run(given), { end: 'done' });
  t.equal(fake.tables.shards()[0]?.owner, other);
  t.same(await append('three'), { end: 'fenced' });
  t.equal(sent.length, 3);
});

t.test('one that is given up hears so at once, whatever the database does', async (t) => {
  const { fake, log } = open(6);
  fake.writesBlocked = true;
  const appended = log.append({ position: 1, bytes: () => Buffer.from('one') });
  log.drop();
  t.same(await appended, { end: 'dropped' });
  t.same(await log.append({ position: 1, bytes: () => Buffer.from('two') }), { end: 'dropped' });
  t.same(fake.waiting, ['append 1']);
});

t.test('records follow each other, one at a time', async (t) => {
  const { fake, log } = open(7);
  await t.rejects(log.append({ position: 2, bytes: () => Buffer.alloc(1) }), RangeError);
  const first = log.append({ position: 1, bytes: () => Buffer.alloc(1) });
  await t.rejects(log.append({ position: 1, bytes: () => Buffer.alloc(1) }), /in flight/);
  t.same(await fake.run(first), { end: 'done' });
});

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
