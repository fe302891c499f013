/** A type with a limit never has more attempts than that, and holds up no other type. */
import t from 'tap';
import { Ledger } from '../../src/scheduler/ledger.js';
import { anyHandler, World } from '../support/world.js';
import { after, cancel, draftOf, make, running, second, update } from './worlds.js';

const handlers = [anyHandler('one', { concurrency: 1 }), anyHandler('three', { concurrency: 3 }), anyHandler('free')];
const count = (world: World, name: string): number =>
  [...world.pool.attempts.values()].filter((attempt) => attempt.name === name).length;

t.test('attempts of a type stay within its limit while many of them are due', async (t) => {
  const world = new World({ handlers, poolCapacity: 100 });
  for (let i = 0; i < 10; i++)
    for (const name of ['one', 'three', 'free']) make(world, { name, trigger: after(second) });
  world.pass(second);
  let finished = 0;
  while (running(world).length > 0) {
    t.ok(count(world, 'one') <= 1 && count(world, 'three') <= 3);
    world.end(running(world)[finished++ % running(world).length] as number);
  }
  t.equal(finished, 30);
});

t.test('a type at its limit does not hold up those behind it', async (t) => {
  const world = new World({ handlers, poolCapacity: 3 });
  for (let i = 0; i < 20; i++) make(world, { name: 'one', trigger: after(second) });
  const free = [
    make(world, { name: 'free', trigger: after(second + 1) }),
    make(world, { name: 'free', trigger: after(second + 2) }),
  ];
  world.pass(second + 2);
  t.same(running(world), [1, ...free]);
});

t.test('jobs of a limited type run in the order they are due', async (t) => {
  const world = new World({ handlers });
  const seqs = [30, 10, 20].map((delayMs) => make(world, { name: 'one', trigger: after(delayMs) }));
  world.pass(100);
  const order: number[] = [];
  while (running(world).length > 0) {
    order.push(running(world)[0] as number);
    world.end(running(world)[0] as number);
  }
  t.same(order, [seqs[1], seqs[2], seqs[0]]);
});

t.test('the pool is never given more than it takes', async (t) => {
  const world = new World({ handlers, poolCapacity: 5 });
  for (let i = 0; i < 30; i++) make(world, { name: 'free', trigger: after(second) });
  world.pass(second);
  t.equal(running(world).length, 5);
  world.end(running(world)[0] as number);
  t.equal(running(world).length, 5);
  world.pool.capacity = 7;
  world.scheduler.turn();
  t.equal(running(world).length, 7, 'more room is used as soon as the pool tells of it');
});

t.test('a place of a limited type is freed by every kind of end', async (t) => {
  const world = new World({ handlers });
  const seqs = Array.from({ length: 6 }, () =>
    make(world, { name: 'one', retryDelayMs: 60 * second, trigger: after(second) }),
  );
  world.pass(second);
  world.end(seqs[0] as number);
  world.end(seqs[1] as number, { kind: 'failed' });
  world.end(seqs[2] as number, { kind: 'failed', retryable: false });
  cancel(world, seqs[3] as number);
  world.end(seqs[3] as number);
  t.same(running(world), [seqs[4]]);
  world.end(seqs[4] as number, { kind: 'interrupted', begun: true });
  t.equal(running(world).length, 1);
});

t.test('a job that moves away while it waits for its type’s place leaves the line', async (t) => {
  const world = new World({ handlers });
  const [first, moved, last] = [1, 2, 3].map(() => make(world, { name: 'one', trigger: after(second) })) as [
    number,
    number,
    number,
  ];
  world.pass(second);
  update(world, moved, { trigger: after(10 * second) });
  world.end(first);
  t.same(running(world), [last]);
  world.end(last);
  world.pass(10 * second);
  t.same(running(world), [moved]);
});

/** The most jobs that were read in one turn while `happen` ran, and the most characters of payload. */
function mostRead(world: World, happen: () => void): { jobs: number; characters: number } {
  const most = { jobs: 0, characters: 0 };
  let now = { jobs: 0, characters: 0 };
  const count = <T extends { readonly spec: { readonly payload: string } } | undefined>(job: T): T => {
    now.jobs++;
    now.characters += job?.spec.payload.length ?? 0;
    return job;
  };
  const { lookup, lookupWritten } = Ledger.prototype;
  const turn = world.scheduler.turn.bind(world.scheduler);
  Ledger.prototype.lookup = function (seq) {
    return count(lookup.call(this, seq));
  };
  Ledger.prototype.lookupWritten = function (seq) {
    return count(lookupWritten.call(this, seq));
  };
  world.scheduler.turn = () => {
    now = { jobs: 0, characters: 0 };
    turn();
    most.jobs = Math.max(most.jobs, now.jobs);
    most.characters = Math.max(most.characters, now.characters);
  };
  try {
    happen();
  } finally {
    Object.assign(Ledger.prototype, { lookup, lookupWritten });
  }
  return most;
}

t.test('a backlog that was cancelled is passed over in several turns', async (t) => {
  const world = new World({ handlers });
  const first = make(world, { name: 'one' });
  const backlog = world.ask({
    kind: 'createMany',
    drafts: Array.from({ length: 6000 }, () => draftOf({ name: 'one' })),
  });
  t.ok(backlog?.ok);
  const jobs = backlog?.ok ? backlog.jobs : [];
  for (const { spec } of jobs.slice(0, -1)) cancel(world, spec.seq);
  const { jobs: most } = mostRead(world, () => world.end(first));
  t.ok(most > 0 && most < 3000, `${most} in one turn`);
  t.same(running(world), [jobs.at(-1)?.spec.seq], 'what was behind them runs at once');
});

t.test('large jobs that come due are looked at a few in a turn', async (t) => {
  const world = new World({ handlers });
  const payload = JSON.stringify({ text: 'x'.repeat(100_000) });
  const drafts = Array.from({ length: 300 }, () => draftOf({ name: 'one', payload, trigger: after(second) }));
  world.ask({ kind: 'createMany', drafts });
  const { characters } = mostRead(world, () => world.pass(second));
  t.ok(characters > 0 && characters < 10_000_000, `${characters} characters in one turn`);
  t.equal(count(world, 'one'), 1);
});
