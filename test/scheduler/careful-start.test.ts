/**
 * After a stop that was not in order: what was overdue or running starts only once its record is on disk, a few at a time;
 * a job that ends the process each time is counted and stopped, and takes no other along.
 */
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import {
  after,
  cancel,
  draftOf,
  fillDisk,
  hour,
  id,
  make,
  minute,
  running,
  second,
  send,
  state,
  told,
  toldOf,
} from './worlds.js';

/** A server that died and was down while `count` jobs came due. */
function died(count: number, options: ConstructorParameters<typeof World>[0] = {}): World {
  const world = new World({ poolCapacity: 1000, ...options });
  for (let i = 0; i < count; i++) make(world, { trigger: after(1000 + i) });
  world.clock.advance(minute);
  return world.crash();
}

t.test('a suspect leaves for its thread only when its record is on disk', async (t) => {
  const world = died(1);
  while (world.store.pending === 0) world.scheduler.turn();
  t.same(running(world), []);
  t.equal(state(world, 1).status, 'pending');
  world.store.step();
  t.equal(state(world, 1).status, 'running');
  t.same(running(world), [1]);
});

t.test('suspects start a few at a time, and more as they survive', async (t) => {
  const world = died(100);
  const waves: number[] = [];
  world.settle();
  while (running(world).length > 0) {
    waves.push(running(world).length);
    for (const seq of running(world)) {
      const { fence } = world.pool.attempts.get(seq)!;
      world.pool.attempts.delete(seq);
      world.scheduler.outcomes([{ kind: 'succeeded', jobSeq: seq, fence, durationMs: 1 }]);
    }
    world.settle();
  }
  t.same(waves.slice(0, 3), [4, 8, 16]);
  t.equal(
    waves.reduce((sum, n) => sum + n, 0),
    100,
  );
  t.equal(world.queries.totals().completed, 100);
});

t.test('the next suspect starts as soon as one of its wave has ended', async (t) => {
  const world = died(6);
  world.settle();
  t.same(running(world), [1, 2, 3, 4]);
  world.end(2);
  t.same(running(world), [1, 3, 4, 5]);
});

t.test('jobs made since, and those not due at the start, are under no suspicion', async (t) => {
  const world = new World({ poolCapacity: 1000 });
  for (let i = 0; i < 10; i++) make(world, { trigger: after(1000) });
  for (let i = 0; i < 10; i++) make(world, { trigger: after(minute + 2 * second) });
  world.clock.advance(minute);
  const next = world.crash();
  next.settle();
  t.equal(running(next).length, 4);
  const made = Array.from({ length: 10 }, () => make(next));
  t.same(running(next).slice(4), made, 'they do not wait for the suspects');
  next.pass(2 * second);
  t.equal(running(next).length, 24);
});

t.test('after a stop in order everything that is overdue starts at once', async (t) => {
  const world = new World({ poolCapacity: 1000 });
  for (let i = 0; i < 50; i++) make(world, { trigger: after(1000) });
  const next = world.restart();
  next.clock.advance(minute);
  next.settle();
  t.equal(running(next).length, 50);
});

t.test('an attempt that a crash interrupted runs again at once, uncharged', async (t) => {
  const world = new World();
  const seq = make(world);
  t.equal(world.pool.attempts.get(seq)?.alone, false);
  const next = world.crash();
  next.settle();
  t.match(next.pool.attempts.get(seq), { attempt: 1, fence: 2, alone: false });
  t.match(state(next, seq), { status: 'running', interruptions: 1, retryCount: 0 });
  t.same(told(next, seq), ['retrying', 'started']);
  next.end(seq);
  t.equal(state(next, seq).status, 'success');
});

/** Crashes each time one of `seqs` is dispatched; returns how often, and the world that was left. */
function killing(world: World, seqs: readonly number[], passMs: number): { kills: number; world: World } {
  class Killed extends Error {}
  let kills = 0;
  for (let i = 0; i < 1000; i++) {
    world.pool.onDispatch = ({ jobSeq }) => {
      if (seqs.includes(jobSeq)) throw new Killed();
    };
    try {
      for (let round = 0; round < 50; round++) {
        world.settle();
        const others = running(world).filter((seq) => !seqs.includes(seq));
        for (const seq of others) world.end(seq);
        if (others.length === 0) world.pass(passMs);
      }
      return { kills, world };
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      kills++;
      world = world.crash();
    }
  }
  throw new Error('it goes on for ever');
}

t.test('a job that ends the process each time is a failure at the third time, and in the end for good', async (t) => {
  for (const maxRetries of [0, 2]) {
    const first = new World();
    const seq = make(first, { maxRetries, retryDelayMs: second, backoff: 'fixed', trigger: after(10) });
    const { kills, world } = killing(first, [seq], 200);
    t.equal(kills, 1 + 3 * (maxRetries + 1), 'the first time it was under no suspicion, and its record not on disk');
    t.match(state(world, seq), { status: 'failed', retryCount: maxRetries });
    t.match(world.memtable.detail(seq).lastError, { code: 'worker_lost' });
    t.equal(world.queries.totals().failed, 1);
  }
});

t.test('a retry that ends the process is counted although the clock was set back before it', async (t) => {
  const first = new World();
  const seq = make(first, { maxRetries: 1, retryDelayMs: second });
  first.clock.wall -= hour;
  first.end(seq, { kind: 'failed' });
  const { kills, world } = killing(first, [seq], 200);
  t.equal(kills, 1 + 3);
  t.match(state(world, seq), { status: 'failed', retryCount: 1 });
});

t.test('jobs beside one that ends the process do not fail for it', async (t) => {
  for (const place of [0, 3, 6]) {
    const first = new World();
    const seqs = Array.from({ length: 7 }, (_, i) => make(first, { maxRetries: 0, trigger: after(1000 + i) }));
    const killer = seqs[place] as number;
    first.clock.advance(minute);
    const { world } = killing(first.crash(), [killer], 200);
    for (const seq of seqs)
      t.equal(state(world, seq).status, seq === killer ? 'failed' : 'success', `job ${seq} beside job ${killer}`);
  }
});

t.test('two that end the process are both found out', async (t) => {
  const first = new World();
  const seqs = Array.from({ length: 8 }, (_, i) => make(first, { maxRetries: 0, trigger: after(1000 + i) }));
  first.clock.advance(minute);
  const killers = [seqs[1], seqs[6]] as number[];
  const { world } = killing(first.crash(), killers, 200);
  for (const seq of seqs) t.equal(state(world, seq).status, killers.includes(seq) ? 'failed' : 'success');
});

/** A server that starts with up to four jobs that were interrupted twice. */
function cutShortTwice(count: number): World {
  const world = new World();
  for (let i = 0; i < count; i++) make(world);
  const next = world.crash();
  next.settle();
  return next.crash();
}

t.test('one that was interrupted twice starts with no other suspect beside it', async (t) => {
  const world = cutShortTwice(3);
  world.settle();
  const [first] = running(world) as [number];
  t.equal(running(world).length, 1);
  const made = make(world);
  t.same(running(world), [first, made], 'a new job is no suspect');
  world.end(first);
  t.equal(running(world).length, 2);
  t.notOk(running(world).includes(first));
  t.equal(state(world, first).status, 'success');
});

t.test('one on trial that has run for five seconds holds up nobody any more', async (t) => {
  const world = cutShortTwice(3);
  world.settle();
  t.equal(running(world).length, 1);
  world.pass(4999);
  t.equal(running(world).length, 1);
  world.pass(1);
  t.equal(running(world).length, 2, 'the next, interrupted twice as well, is on trial now');
  world.pass(5000);
  t.equal(running(world).length, 3);
});

t.test(
  'an occurrence that was interrupted three times fails, and the next begins with nothing held against it',
  async (t) => {
    let world = new World();
    const seq = make(world, { trigger: after(10 * second), isRepeat: true, maxRetries: 0 });
    world.pass(10 * second);
    for (let i = 0; i < 3; i++) {
      t.same(running(world), [seq]);
      world = world.crash();
      world.settle();
    }
    t.same(running(world), []);
    t.match(state(world, seq), { status: 'pending', interruptions: 0, attempt: 0, retryCount: 0 });
    t.same(told(world, seq), ['failed', 'scheduled']);
    world.pass(10 * second);
    t.match(world.pool.attempts.get(seq), { alone: false });
  },
);

t.test('the limit of a type holds for suspects too', async (t) => {
  const world = died(5, { handlers: [anyHandler('noop', { concurrency: 1 })] });
  world.settle();
  for (let left = 5; left > 0; left--) {
    t.equal(running(world).length, 1);
    world.end(running(world)[0] as number);
  }
  t.equal(world.queries.totals().completed, 5);
});

t.test('a suspect that is cancelled while its record is written does not run', async (t) => {
  const world = died(1);
  world.settle();
  cancel(world, 1);
  t.same(world.pool.aborted, [1], 'it was dispatched and is stopped');
  const other = died(1);
  let answered = false;
  other.scheduler.request({ kind: 'cancel', id: id(other, 1) }, 1, () => {
    answered = true;
  });
  other.settle();
  t.ok(answered);
  t.same(running(other), []);
  t.equal(state(other, 1).status, 'cancelled');
});

t.test('a suspect whose record cannot be written is tried again when it can', async (t) => {
  const world = died(6);
  const free = fillDisk(world);
  world.pass(hour);
  t.same(running(world), []);
  free();
  world.pass(250);
  t.same(running(world), [1, 2, 3, 4]);
  while (running(world).length > 0) world.end(running(world)[0] as number);
  t.equal(toldOf(world, 'job.started'), 6);
  t.equal(world.queries.totals().completed, 6);
});

t.test('suspects that have moved on take no thread from one that waits', async (t) => {
  const world = died(12, { poolCapacity: 1 });
  world.settle();
  t.same(running(world), [1]);
  for (let seq = 2; seq < 12; seq++) cancel(world, seq);
  world.end(1);
  t.same(running(world), [12]);
});

t.test('the place of a suspect whose start is being written is taken', async (t) => {
  const world = died(5, { poolCapacity: 2 });
  const fresh = send(world, { kind: 'create', draft: draftOf() });
  let most = 0;
  world.pool.onDispatch = () => {
    most = Math.max(most, world.pool.attempts.size);
  };
  world.settle();
  t.equal(fresh.length, 1);
  t.same(running(world), [1, 2]);
  while (running(world).length > 0) world.end(running(world)[0] as number);
  t.equal(most, 2);
  t.equal(world.queries.totals().completed, 6);
});

t.test('a retry at the very instant of the attempt before it is under suspicion too', async (t) => {
  const first = new World({ poolCapacity: 1 });
  const seq = make(first, { trigger: after(minute), maxRetries: 1, retryDelayMs: 0 });
  const world = first.crash();
  // Entries of the window may repeat: the second is for the same instant as the retry.
  world.window.add(state(world, seq).due, seq);
  world.pass(minute);
  t.match(world.pool.attempts.get(seq), { fence: 1 });
  const recorded: number[] = [];
  world.pool.onDispatch = () => void recorded.push(state(world, seq).fence);
  world.end(seq, { kind: 'failed' });
  t.same(recorded, [2], 'its start was on disk when it left for its thread');
});

const handlers = [anyHandler('one', { concurrency: 1 }), anyHandler('free')];
const trial = 5 * second;

t.test('long jobs that a crash interrupted all run again within seconds', async (t) => {
  let world = new World({ handlers, poolCapacity: 100 });
  const seqs = Array.from({ length: 20 }, () => make(world, { name: 'free' }));
  t.equal(running(world).length, 20);
  world = world.crash();
  world.settle();
  t.equal(running(world).length, 4, 'a few at first');
  world.pass(trial - 1);
  t.equal(running(world).length, 4);
  world.pass(1);
  t.equal(running(world).length, 12, 'those have run for long enough to be harmless');
  world.pass(trial);
  t.same(running(world), seqs, 'and none had to end');
  t.ok(seqs.every((seq) => state(world, seq).retryCount === 0));
});

t.test('one that was interrupted twice runs by itself for a while', async (t) => {
  let world = new World({ handlers, poolCapacity: 100 });
  const [first, ...others] = Array.from({ length: 4 }, () => make(world, { name: 'free' })) as [number, ...number[]];
  world = world.crash();
  world.settle();
  for (const seq of others) world.end(seq);
  const later = [make(world, { name: 'free', trigger: after(10) }), make(world, { name: 'free', trigger: after(10) })];
  world.pass(10);
  for (const seq of later) t.equal(state(world, seq).status, 'running', 'a new job is no suspect');
  world = world.crash();
  world.settle();
  t.same(running(world), [first], 'it began twice, they once');
  world.pass(trial);
  t.same(running(world), [first, ...later]);
});

t.test('suspects of a type at its limit do not hold up those behind them', async (t) => {
  let world = new World({ handlers, poolCapacity: 100 });
  for (let i = 0; i < 5; i++) make(world, { name: 'one', trigger: after(10) });
  const free = [make(world, { name: 'free', trigger: after(11) }), make(world, { name: 'free', trigger: after(12) })];
  world.clock.advance(second);
  world = world.crash();
  world.settle();
  t.same(running(world), [1, ...free]);
});
