/** After a crash: what was overdue or running starts a few at a time, until it is known that none of it is to blame. */
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import { after, make, running, second, state } from './worlds.js';

const handlers = [anyHandler('one', { concurrency: 1 }), anyHandler('free')];
const trial = 5 * second;

t.test('long jobs that a crash cut short all run again within seconds', async (t) => {
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

t.test('ends count too, and the waves grow', async (t) => {
  let world = new World({ handlers, poolCapacity: 100 });
  for (let i = 0; i < 20; i++) make(world, { name: 'free' });
  world = world.crash();
  world.settle();
  for (const seq of running(world)) world.end(seq);
  t.equal(running(world).length, 8);
  for (const seq of running(world)) world.end(seq);
  t.equal(running(world).length, 8, 'all that are left');
});

t.test('one that was cut short twice runs by itself for a while', async (t) => {
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
