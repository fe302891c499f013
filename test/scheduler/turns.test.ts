/** Turns of types and groups when threads are short, also of what is due far behind a flood, and over a restart. */
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import { after, cancel, id, make, running, send, update } from './worlds.js';

const handlers = [anyHandler('flood'), anyHandler('few')];

/** Ends what runs, one attempt at a time; the jobs that started, in order. */
function starts(world: World, count: number): number[] {
  const started: number[] = [];
  while (started.length < count) {
    world.settle();
    const [seq] = running(world);
    if (seq === undefined) break;
    started.push(seq);
    world.end(seq);
  }
  return started;
}

t.test('a flood of one type does not keep another waiting, however far behind it is due', async (t) => {
  const world = new World({ handlers, poolCapacity: 1, windowCapacity: 16 });
  for (let i = 0; i < 300; i++) make(world, { name: 'flood' });
  world.settle();
  world.clock.advance(1000);
  const late = [make(world, { name: 'few' }), make(world, { name: 'few' })];
  world.settle();
  const order = starts(world, 8);
  for (const seq of late) t.ok(order.includes(seq), `job ${seq} is among ${order}`);
  t.ok(order.indexOf(late[1] as number) - order.indexOf(late[0] as number) >= 2, 'they take turns');
});

t.test('nor does a flood of one group, also after a restart', async (t) => {
  const first = new World({ handlers, poolCapacity: 0, windowCapacity: 16 });
  for (let i = 0; i < 300; i++) make(first, { name: 'flood' });
  const grouped = make(first, { name: 'flood', group: 'acme' });
  const changed = make(first, { name: 'flood' });
  update(first, changed, { group: 'beta' });
  first.settle();
  const world = first.restart({ handlers, poolCapacity: 1, windowCapacity: 16 });
  world.settle();
  t.equal(world.memtable.job(changed)?.spec.group, 'beta');
  const order = starts(world, 50);
  for (const seq of [grouped, changed]) t.ok(order.includes(seq), `job ${seq} is among ${order}`);
});

t.test('a lower priority waits all the same', async (t) => {
  const world = new World({ handlers, poolCapacity: 1 });
  const high = Array.from({ length: 5 }, () => make(world, { name: 'flood', priority: 1 }));
  const low = make(world, { name: 'few' });
  t.same(starts(world, 6), [...high, low]);
});

for (const [what, change] of [
  ['changed', (world: World, seq: number) => update(world, seq, { payload: '1' })],
  ['was cancelled', cancel],
] as const)
  t.test(`what ${what} while it waited is not taken for something else that waits`, async (t) => {
    const world = new World({ handlers: [...handlers, anyHandler('still')], poolCapacity: 1 });
    world.ask({ kind: 'pauseType', name: 'still' });
    for (let i = 0; i < 9; i++) change(world, make(world, { name: 'still' }));
    for (let i = 0; i < 5; i++) make(world, { name: 'flood', trigger: after(1000) });
    const few = make(world, { name: 'few', trigger: after(1000) });
    world.clock.advance(1000);
    t.ok(starts(world, 2).includes(few));
  });

for (const [what, name] of [
  ['waits', 'flood'],
  ['waited', 'other'],
] as const)
  t.test(`what ${what} for the end of a previous run is not either`, async (t) => {
    const world = new World({ handlers: [...handlers, anyHandler('other')], poolCapacity: 2 });
    const first = make(world, { name, key: 'k' });
    cancel(world, first);
    const second = make(world, { name, key: 'k' });
    t.equal(world.scheduler.waitingFor(world.memtable.job(second)!), 'previous_run');
    if (what === 'waited') cancel(world, second);
    for (let i = 0; i < 5; i++) make(world, { name: 'flood', trigger: after(1000) });
    const few = make(world, { name: 'few', trigger: after(1000) });
    world.clock.advance(1000);
    world.settle();
    const [next] = running(world).filter((seq) => seq !== first);
    world.end(next as number);
    t.ok(next === few || running(world).includes(few));
  });

t.test('a type with enough of a lower priority has its turn in a higher one', async (t) => {
  const world = new World({ handlers, poolCapacity: 2 });
  world.ask({ kind: 'pauseServer' });
  for (let i = 0; i < 5; i++) make(world, { name: 'few', priority: -1 });
  for (let i = 0; i < 5; i++) make(world, { name: 'flood' });
  const few = make(world, { name: 'few' });
  world.ask({ kind: 'resumeServer' });
  t.ok(running(world).includes(few));
});

t.test('jobs whose changes are being written do not cost their type its turn', async (t) => {
  const world = new World({ handlers, poolCapacity: 1 });
  for (let i = 0; i < 6; i++) make(world, { name: 'flood' });
  const few = Array.from({ length: 5 }, () => make(world, { name: 'few' }));
  starts(world, 2);
  // All are in the line by now, and of each type enough, so that this one is not.
  const late = make(world, { name: 'few' });
  const [first] = running(world);
  t.notOk(few.includes(first as number), 'it is the turn of the few');
  for (const seq of few) send(world, { kind: 'update', id: id(world, seq), patch: { payload: '1' } });
  world.end(first as number);
  t.ok([...few, late].includes(running(world)[0] as number), `job ${running(world)} runs`);
});
