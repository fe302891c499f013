/** Of due jobs that wait the larger priority starts first, then the earlier due, then the older, however many wait. */
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import type { JobDraft } from '../../src/scheduler/messages.js';
import { anyHandler, World, type WorldOptions } from '../support/world.js';
import { faultsOf } from './worlds.js';

/** A world with one place, and what starts in it. */
function oneByOne(options: WorldOptions = {}): { world: World; order: number[]; runAll: () => void } {
  const world = new World({ poolCapacity: 1, handlers: [anyHandler('noop'), anyHandler('other')], ...options });
  const order: number[] = [];
  const watch = (of: World): void => {
    of.pool.onDispatch = ({ jobSeq }) => order.push(jobSeq);
  };
  watch(world);
  const runAll = (): void => {
    while (world.pool.attempts.size > 0) world.endAll();
  };
  return { world, order, runAll };
}

const at = (world: World, beforeMs: number, priority: number, more: Partial<JobDraft> = {}): number => {
  const answer = world.create({ trigger: { kind: 'at', at: world.clock.now() - beforeMs }, priority, ...more });
  return answer.jobs[0]?.spec.seq ?? 0;
};

t.test('by priority, then by due time, then by age, over all types', async (t) => {
  const { world, order, runAll } = oneByOne();
  const blocker = at(world, 0, 0);
  const late = at(world, 10, -5);
  const plain = at(world, 10, 0);
  const older = at(world, 5, 7);
  const younger = at(world, 5, 7, { name: 'other' });
  const earlier = at(world, 9, 7, { name: 'other' });
  const highest = at(world, 1, 100);
  runAll();
  t.same(order, [blocker, highest, earlier, older, younger, plain, late]);
});

t.test('a high priority comes first though more are overdue than the window and the line hold', async (t) => {
  const { world, order, runAll } = oneByOne({ windowCapacity: 8, mergeRows: 20 });
  const jobs = Array.from({ length: 300 }, () => at(world, 1000, 0));
  const high = Array.from({ length: 40 }, () => at(world, 0, 50));
  runAll();
  t.same(order, [jobs[0], ...high, ...jobs.slice(1)]);
});

t.test('also after a crash, and a check finds every lane as it must be', async (t) => {
  const first = new World({ poolCapacity: 1, windowCapacity: 8, mergeRows: 10 });
  first.create();
  const low = Array.from({ length: 50 }, () => at(first, 1000, 0));
  const high = Array.from({ length: 50 }, () => at(first, 0, 50, { expiresAfterMs: 3_600_000 }));
  t.same(faultsOf(first), []);
  const world = first.crash();
  const order: number[] = [...world.pool.attempts.keys()];
  world.pool.onDispatch = ({ jobSeq }) => order.push(jobSeq);
  world.settle();
  while (world.pool.attempts.size > 0) world.endAll();
  const started = order.filter((seq) => low.includes(seq) || high.includes(seq));
  t.same(new Set(started.slice(0, 50)), new Set(high), 'all of the higher priority came first');
  t.equal(new Set(started).size, 100);
});

t.test('another priority counts from its update on', async (t) => {
  const { world, order, runAll } = oneByOne();
  const blocker = at(world, 0, 0);
  const [a, b, c] = [at(world, 10, 9), at(world, 9, 9), at(world, 8, 0)];
  const id = (seq: number): string => {
    const { jobs } = world.queries.list({ limit: 100, offset: 0 });
    const found = jobs.find(({ spec }) => spec.seq === seq);
    return found ? formatId(found.spec.seq, found.spec.idSeconds) : '';
  };
  world.ask({ kind: 'update', id: id(a), patch: { priority: undefined } });
  world.ask({ kind: 'update', id: id(c), patch: { priority: 10 } });
  runAll();
  t.same(order, [blocker, c, b, a]);
});

t.test('what waits beyond the window expires in time, and nothing of it starts', async (t) => {
  const { world, order } = oneByOne({ windowCapacity: 8, mergeRows: 20 });
  const blocker = at(world, 0, 0);
  const many = Array.from({ length: 200 }, () => at(world, 0, 0));
  const expiring = Array.from({ length: 50 }, () => at(world, 0, 0, { expiresAfterMs: 5000 }));
  world.pass(5001);
  for (const seq of expiring)
    t.match(world.memtable.job(seq), { state: { status: 'failed' }, detail: { lastError: { code: 'expired' } } });
  t.equal(world.queries.totals().failed, 50);
  t.same(order, [blocker]);
  t.match(world.memtable.state(many[0] ?? 0), { status: 'pending' });
});

t.test('what expired while the server was down does not start', async (t) => {
  const first = new World({ poolCapacity: 1 });
  const blocker = at(first, 0, 0);
  const waits = at(first, 0, 0, { expiresAfterMs: 1000 });
  const other = at(first, 0, 0);
  first.clock.advance(10_000);
  const world = first.crash();
  world.settle();
  t.match(world.memtable.job(waits), { state: { status: 'failed', fence: 0 } });
  for (let ended = 1; ended > 0; ) ended = world.endAll();
  for (const seq of [blocker, other]) t.match(world.memtable.state(seq), { status: 'success' });
});
