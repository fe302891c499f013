/** When a node may begin attempts, by what it sent when and what it was answered when. */
import t from 'tap';
import { Lease, type LeasePorts, leaseTimes } from '../../../src/cluster/leases/lease.js';
import { BeginDeadline } from '../../../src/pool/shared/deadline.js';
import { type Beaten, type RandomId, UnknownEnd } from '../../../src/store/postgres/database.js';

interface Sent {
  /** It has its connection, and is on its way. */
  leaves(): void;
  readonly node: RandomId;
  readonly seen: number;
  readonly leaving: boolean | undefined;
  answer(beaten?: Partial<Beaten>): Promise<void>;
  lose(): Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function begin(options: { joins?: boolean } = {}) {
  const time = { monotonic: 10_000, wall: 1_700_000_000_000 };
  const clock = { now: () => time.wall, monotonic: () => time.monotonic };
  const deadline = new BeginDeadline();
  const sent: Sent[] = [];
  const left: RandomId[] = [];
  const told: string[] = [];
  let nodes = 0;
  let joins = options.joins ?? true;
  const database: LeasePorts['database'] = {
    join: async () => {
      if (!joins) throw new UnknownEnd('the connection broke');
    },
    beat: (node, seen, { leaving }, leaves) =>
      new Promise((resolve, reject) => {
        sent.push({
          leaves: () => leaves?.(),
          ...{ node, seen, leaving },
          answer: async (beaten = {}) => {
            resolve({ end: 'done', beat: seen + 1, ends: [], shards: [], now: time.wall, ...beaten });
            await turn();
          },
          lose: async () => {
            reject(new UnknownEnd('there was no answer in time'));
            await turn();
          },
        });
      }),
    leave: async (node) => {
      left.push(node);
    },
  };
  const events = {
    // Before anything is extended.
    shown: () => told.push(`shown ${deadline.hasPassed(time.monotonic, time.wall) ? 'without' : 'with'} a lease`),
    resumed: () => told.push('resumed'),
    ended: () => told.push(`ended ${deadline.hasPassed(time.monotonic, time.wall) ? 'without' : 'with'} a lease`),
  };
  const randomId = (): RandomId => `node ${++nodes}`;
  const about = { address: 'http://node', format: 1, mark: () => 0, known: () => [] };
  const lease = new Lease({ database, clock, deadline, randomId, events, ...about });
  const pass = async (ms: number): Promise<void> => {
    time.monotonic += ms;
    time.wall += ms;
    lease.tick();
    await turn();
  };
  await pass(0);
  return {
    ...{ lease, time, sent, left, told, pass, deadline },
    letJoin: () => {
      joins = true;
    },
    /** The latest. */
    get last(): Sent {
      return sent.at(-1) as Sent;
    },
  };
}

t.test('a lease counts from when its beat was sent, not from its answer', async (t) => {
  const side = await begin();
  t.notOk(side.lease.isLive, 'it has joined and was not confirmed');
  side.time.monotonic += 2900;
  side.time.wall += 2900;
  await side.last.answer();
  t.ok(side.lease.isLive);
  t.same(side.told, ['shown without a lease', 'resumed'], 'what it shows is looked at first');
  side.time.monotonic += 100;
  t.notOk(side.lease.isLive, 'no timer was needed');
});

t.test('a beat that waits for its connection counts from when it is on its way', async (t) => {
  const side = await begin();
  await side.pass(4000);
  side.last.leaves();
  side.time.monotonic += 1000;
  side.time.wall += 1000;
  await side.last.answer();
  t.ok(side.lease.isLive);
  t.equal(side.lease.leftMs, leaseTimes.lease - 1000);
  t.equal(side.lease.clockOffset, 500, 'the wait is none of the way there');
  side.time.monotonic += 1999;
  t.ok(side.lease.isLive);
  side.time.monotonic += 1;
  t.notOk(side.lease.isLive);
});

t.test('the wall clock ends it as well', async (t) => {
  const side = await begin();
  await side.last.answer();
  side.time.wall += leaseTimes.lease;
  t.notOk(side.lease.isLive);
  side.time.wall -= 3_600_000;
  t.ok(side.lease.isLive);
  side.time.monotonic += leaseTimes.lease;
  t.notOk(side.lease.isLive, 'a clock that was set back does not prolong it');
});

t.test('an answer that comes after its time gives nothing', async (t) => {
  const side = await begin();
  side.time.monotonic += leaseTimes.lease;
  side.time.wall += leaseTimes.lease;
  await side.last.answer();
  t.notOk(side.lease.isLive);
  t.same(side.told, ['shown without a lease']);
});

t.test('a beat without an answer is not waited for, and answers may come in any order', async (t) => {
  const side = await begin();
  await side.pass(leaseTimes.answerWithin);
  t.equal(side.sent.length, 2);
  const [first, second] = side.sent as [Sent, Sent];
  await second.answer({ beat: 2 });
  const until = side.time.monotonic + leaseTimes.lease;
  await first.answer({ beat: 1 });
  t.notOk(side.deadline.hasPassed(until - 1, side.time.wall), 'an older beat does not shorten it');
  t.ok(side.deadline.hasPassed(until, side.time.wall));
  await side.pass(leaseTimes.beatEvery);
  t.equal(side.last.seen, 2, 'the next one names the last that was confirmed');
});

t.test('after a beat that failed the next follows soon', async (t) => {
  const side = await begin();
  await side.last.lose();
  t.equal(side.lease.nextAt, side.time.monotonic + leaseTimes.retryAfter);
  await side.pass(leaseTimes.retryAfter);
  t.equal(side.sent.length, 2);
});

t.test('one that was declared dead loses all before anything else, and comes anew under another id', async (t) => {
  const side = await begin();
  await side.last.answer();
  await side.pass(leaseTimes.beatEvery);
  await side.last.answer({ end: 'dead' });
  t.same(side.told.at(-1), 'ended without a lease');
  t.equal(side.lease.node, undefined);
  await side.pass(leaseTimes.beatEvery);
  t.equal(side.lease.node, 'node 2');
  t.equal(side.last.seen, 0);
  await (side.sent[1] as Sent).answer();
  t.notOk(side.lease.isLive, 'what was meant for the one before gives it nothing');
});

t.test('one whose joining had an unknown end tries under another id', async (t) => {
  const side = await begin({ joins: false });
  t.equal(side.lease.node, undefined);
  side.letJoin();
  await side.pass(leaseTimes.beatEvery);
  t.equal(side.lease.node, 'node 2');
});

t.test('one that leaves says so, and has no lease when it asks to be forgotten', async (t) => {
  const side = await begin();
  await side.last.answer();
  side.lease.leave();
  await side.pass(leaseTimes.beatEvery);
  t.equal(side.last.leaving, true);
  await side.last.answer();
  t.ok(side.lease.isLive, 'until it has left it goes on');
  const ended = side.lease.end();
  t.notOk(side.lease.isLive);
  await ended;
  t.same(side.left, ['node 1']);
  t.equal(side.lease.nextAt, Number.POSITIVE_INFINITY);
});

t.test('how far its clock is from the database', async (t) => {
  const side = await begin();
  side.time.wall += 100;
  await side.last.answer({ now: side.time.wall + 450 });
  t.equal(side.lease.clockOffset, 500);
  t.equal(side.lease.certainOffset, 500, 'nothing of it is doubtful');
});

t.test('how far its clock is off at least, where the way to the database is slow', async (t) => {
  for (const [off, certain] of [
    [900, 400],
    [-900, -400],
    [300, 0],
  ] as const) {
    const side = await begin();
    side.time.wall += 1000;
    side.time.monotonic += 1000;
    await side.last.answer({ now: side.time.wall - 500 + off });
    t.equal(side.lease.clockOffset, off);
    t.equal(Math.abs(side.lease.certainOffset ?? Number.NaN), Math.abs(certain));
  }
});
