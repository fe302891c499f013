/** A type with places of its own waits for these alone, whatever all the threads of the others do. */
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import { after, make, running, second } from './worlds.js';

const handlers = [anyHandler('free'), anyHandler('apart')];
const count = (world: World, name: string): number =>
  [...world.pool.attempts.values()].filter((attempt) => attempt.name === name).length;

t.test('it starts while no thread is free, also behind what waits for one', async (t) => {
  const world = new World({ handlers, poolCapacity: 2, ownPlaces: { apart: 5 } });
  for (let i = 0; i < 50; i++) make(world, { name: 'free', trigger: after(second) });
  for (let i = 0; i < 3; i++) make(world, { name: 'apart', trigger: after(second + 1) });
  world.pass(second + 1);
  t.equal(count(world, 'free'), 2);
  t.equal(count(world, 'apart'), 3);
});

t.test('it takes no place of the others, and never has more than its own', async (t) => {
  const world = new World({ handlers, poolCapacity: 2, ownPlaces: { apart: 5 } });
  for (let i = 0; i < 50; i++) make(world, { name: 'apart', trigger: after(second) });
  for (let i = 0; i < 3; i++) make(world, { name: 'free', trigger: after(second + 1) });
  world.pass(second + 1);
  t.equal(count(world, 'apart'), 5);
  t.equal(count(world, 'free'), 2);
  let ended = 0;
  while (running(world).length > 0) {
    t.ok(count(world, 'apart') <= 5 && count(world, 'free') <= 2);
    world.end(running(world)[ended++ % running(world).length] as number);
  }
  t.equal(ended, 53, 'all have run');
});

t.test('suspects of it are tried while no thread is free', async (t) => {
  const before = new World({ handlers, poolCapacity: 2, ownPlaces: { apart: 5 } });
  const seqs = ['free', 'free', 'free', 'apart'].map((name) => make(before, { name, trigger: after(second) }));
  before.pass(second);
  const world = before.crash({ poolCapacity: 0 });
  world.pass(1);
  t.same(running(world), [seqs[3]]);
});
