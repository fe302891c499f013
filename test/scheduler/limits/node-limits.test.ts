/** What a scheduler asks of who keeps places for several processes, and what it does with what it gets. */
import t from 'tap';
import type { PlaceAnswer, PlaceAsk } from '../../../src/domain/control/limited-places.js';
import { parseRate, type Rate } from '../../../src/domain/control/rate.js';
import type { Job } from '../../../src/domain/job.js';
import { Places } from '../../../src/scheduler/admission/places.js';
import { FakeClock } from '../../support/fake-clock.js';
import { anyHandler, World, type WorldOptions } from '../../support/world.js';
import { cancel, make, running } from '../worlds.js';

/** What was asked, and how it is answered: a test does that when it likes. */
class Keeper {
  readonly asked: (readonly PlaceAsk[])[] = [];
  #open: { answer(given: readonly PlaceAnswer[]): void; fail(): void }[] = [];

  ask(asks: readonly PlaceAsk[]): Promise<readonly PlaceAnswer[]> {
    this.asked.push(asks);
    return new Promise((resolve, reject) => {
      this.#open.push({ answer: resolve, fail: () => reject(new Error('the database is away')) });
    });
  }

  get isAsked(): boolean {
    return this.#open.length > 0;
  }

  /** The ask under way, its first type. */
  get last(): PlaceAsk | undefined {
    return this.asked.at(-1)?.[0];
  }

  answer(...given: Partial<PlaceAnswer>[]): void {
    const none = { type: 'one', given: [], used: 0, groups: [], startsIn: null, next: [] };
    this.#open.shift()?.answer(given.map((one) => ({ ...none, ...one })));
  }

  fail(): void {
    this.#open.shift()?.fail();
  }
}

const rateOf = (text: string): Rate => parseRate(text) as Rate;
const [anyOf, two] = [anyHandler('free'), anyHandler('one', { concurrency: 2 })];

function begin(options: WorldOptions = {}) {
  const keeper = new Keeper();
  const clock = new FakeClock();
  const places = new Places({ keeper, clock: () => clock.monotonic() });
  const world = new World({ handlers: [anyOf, two], clock, places, ...options });
  /** Has it hear what was answered. */
  const heard = async (): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    world.settle();
  };
  const shown = (seq: number) => world.scheduler.waitingFor(world.memtable.job(seq) as Job);
  return { keeper, clock, places, world, heard, shown };
}

t.test('types without limits are not asked for', (t) => {
  const { keeper, world } = begin();
  make(world, { name: 'free' });
  world.endAll();
  world.pass(10_000);
  t.same(keeper.asked, []);
  t.end();
});

t.test('what waits starts when it has a place, and the place is given back when it has ended', async (t) => {
  const { keeper, world, heard } = begin();
  const first = make(world, { name: 'one', priority: 3 });
  t.same(running(world), []);
  t.match(keeper.asked, [
    [{ type: 'one', concurrency: 2, groupConcurrency: null, pace: null, uses: [], heads: [{ priority: 3, jobs: 1 }] }],
  ]);
  const second = make(world, { name: 'one' });
  t.equal(keeper.asked.length, 1, 'one ask at a time');
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  t.same(running(world), [first]);
  t.match(keeper.last, { uses: [[null, 1]], heads: [{ priority: 0, jobs: 1 }] });
  keeper.answer({ given: [[null, 1]], used: 2 });
  await heard();
  t.same(running(world), [first, second]);
  t.notOk(keeper.isAsked, 'there is nothing to say');
  world.end(first);
  t.match(keeper.last, { uses: [[null, 1]], heads: [] });
  keeper.answer({ used: 1 });
  await heard();
  world.end(second);
  t.match(keeper.last, { uses: [], heads: [] });
  keeper.answer({});
  await heard();
  t.equal(keeper.asked.length, 4);
});

t.test('what has changed is told once more when all is quiet: a failover may have lost it', async (t) => {
  const { keeper, world, heard } = begin();
  const seq = make(world, { name: 'one' });
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  world.end(seq);
  keeper.answer({});
  await heard();
  const asked = keeper.asked.length;
  world.pass(4_990);
  t.equal(keeper.asked.length, asked, 'nothing is new');
  world.pass(20);
  t.equal(keeper.asked.length, asked + 1);
  t.match(keeper.last, { uses: [], heads: [], again: false });
  keeper.fail();
  await heard();
  world.pass(300);
  t.equal(keeper.asked.length, asked + 2, 'until it has been heard');
  keeper.answer({});
  await heard();
  world.pass(5_010);
  keeper.answer({});
  await heard();
  const told = keeper.asked.length;
  world.pass(60_000);
  t.equal(keeper.asked.length, told, 'and then no more');
});

t.test('it asks again while others have all places, less and less often, and at once for what is new', async (t) => {
  const { keeper, world, heard, shown, clock } = begin();
  const seq = make(world, { name: 'one' });
  keeper.answer({ used: 2, groups: [[null, 2]] });
  await heard();
  t.equal(shown(seq), 'type_concurrency');
  t.same([...world.scheduler.queues()], [{ name: 'one', waitsFor: 'type_concurrency', jobs: 1 }]);
  const times: number[] = [];
  let [asked, last] = [keeper.asked.length, clock.mono];
  while (times.length < 5) {
    world.pass(10);
    if (keeper.asked.length === asked) continue;
    times.push(clock.mono - last);
    [asked, last] = [keeper.asked.length, clock.mono];
    keeper.answer({ used: 2 });
    await heard();
  }
  t.same(times, [50, 100, 200, 200, 200]);
  t.match(keeper.last, { again: true }, 'with nothing new');
  const more = make(world, { name: 'one' });
  t.equal(keeper.asked.length, asked, 'another one that waits says nothing new');
  const better = make(world, { name: 'one', priority: 1 });
  t.match(keeper.last, { again: false, heads: [{ priority: 1 }, { priority: 0, jobs: 2 }] });
  keeper.answer({ given: [[null, 1]], used: 2 });
  await heard();
  t.same(running(world), [better]);
  cancel(world, seq);
  cancel(world, more);
  world.pass(500);
  t.ok(keeper.isAsked);
  keeper.answer({ used: 2 });
  await heard();
  t.match(keeper.last, { uses: [[null, 1]], heads: [] }, 'nothing waits any more');
});

t.test('a place that cannot be used is given back, and not asked for again at once', async (t) => {
  const { keeper, world, heard } = begin();
  const seq = make(world, { name: 'one' });
  cancel(world, seq);
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  t.same(running(world), []);
  t.match(keeper.last, { uses: [], heads: [] });
  t.equal(keeper.asked.length, 2);
  keeper.answer({});
  await heard();
  make(world, { name: 'one' });
  t.equal(keeper.asked.length, 2);
  world.pass(60);
  t.match(keeper.last, { uses: [], heads: [{ jobs: 1 }] });
});

t.test('without a thread that is free nothing is asked for', async (t) => {
  const { keeper, world, heard } = begin({ poolCapacity: 1 });
  const free = make(world, { name: 'free' });
  make(world, { name: 'one' });
  make(world, { name: 'one' });
  t.same(keeper.asked, []);
  world.end(free);
  t.match(keeper.last, { heads: [{ jobs: 1 }] }, 'as many as could start');
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  t.equal(running(world).length, 1);
});

t.test('each group has places of its own, and they are asked for by turn', async (t) => {
  const { keeper, world, heard, shown } = begin({ handlers: [anyHandler('one', { groupConcurrency: 1 })] });
  const x = make(world, { name: 'one', group: 'x' });
  const again = make(world, { name: 'one', group: 'x' });
  const y = make(world, { name: 'one', group: 'y' });
  keeper.answer({ given: [['x', 1]], used: 1, groups: [['x', 1]] });
  await heard();
  t.same(running(world), [x]);
  t.match(keeper.last, { uses: [['x', 1]], heads: [{ group: 'y', jobs: 1 }], groupConcurrency: 1 });
  keeper.answer({ used: 2, groups: [['y', 1]] });
  await heard();
  t.equal(shown(y), 'group_concurrency', 'it runs elsewhere');
  t.equal(shown(again), 'group_concurrency');
  t.same([...world.scheduler.queues()], [{ name: 'one', waitsFor: 'group_concurrency', jobs: 2 }]);
  world.end(x);
  t.match(keeper.last, { uses: [], heads: [{ group: 'y' }, { group: 'x' }] }, 'x had its turn');
  keeper.answer({ given: [['y', 1]], used: 1 });
  await heard();
  t.same(running(world), [y]);
});

t.test('what runs when a limit is set is told, and so is that there is none any more', async (t) => {
  const { keeper, world, heard } = begin();
  const seqs = [make(world, { name: 'free' }), make(world, { name: 'free' })];
  t.same(keeper.asked, []);
  world.ask({ kind: 'setType', name: 'free', change: { concurrency: 1 } });
  t.match(keeper.last, { type: 'free', concurrency: 1, uses: [[null, 2]], heads: [] });
  keeper.answer({ type: 'free', used: 2 });
  await heard();
  world.end(seqs[0]!);
  t.match(keeper.last, { uses: [[null, 1]] });
  keeper.answer({ type: 'free', used: 1 });
  await heard();
  world.ask({ kind: 'setType', name: 'free', change: { concurrency: null } });
  t.match(keeper.last, { type: 'free', concurrency: null, uses: [], heads: [] });
  keeper.answer({ type: 'free' });
  await heard();
  const { length } = keeper.asked;
  make(world, { name: 'free' });
  world.endAll();
  t.equal(keeper.asked.length, length);
});

t.test('an ask that failed leaves nothing known: the next one says all', async (t) => {
  const { keeper, world, heard } = begin();
  make(world, { name: 'one' });
  keeper.fail();
  await heard();
  t.same(running(world), []);
  t.equal(keeper.asked.length, 1, 'not at once');
  world.pass(250);
  t.match(keeper.last, { uses: [], heads: [{ jobs: 1 }] });
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  world.end(running(world)[0]!);
  t.match(keeper.last, { uses: [] });
  keeper.fail();
  await heard();
  world.pass(250);
  t.match(keeper.asked.length, 4);
  t.match(keeper.last, { uses: [], heads: [], again: false }, 'that it has ended may not be known');
  keeper.answer();
  await heard();
  world.pass(250);
  t.equal(keeper.asked.length, 5, 'one that was late has no answer');
});

t.test('whoever is taken for another one has nothing', async (t) => {
  const { keeper, world, heard, places } = begin();
  make(world, { name: 'one' });
  places.begunAnew();
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  t.same(running(world), [], 'what was given to the one before');
  t.equal(keeper.asked.length, 2);
  keeper.answer({ given: [[null, 1]], used: 1 });
  await heard();
  t.equal(running(world).length, 1);
});

t.test('starts of a rate are those that were allowed, within a moment', async (t) => {
  const { keeper, world, heard, shown, clock } = begin({ handlers: [anyHandler('one', { rate: rateOf('4/2s') })] });
  const first = make(world, { name: 'one' });
  t.match(keeper.last, { pace: { rate: '4/2s', toleranceMs: 0, lateMs: 50, extraMs: 0 }, concurrency: null });
  t.ok(keeper.last!.pace!.gapMs > 500);
  keeper.answer({ given: [[null, 1]], startsIn: 500 });
  await heard();
  t.same(running(world), [first]);
  const second = make(world, { name: 'one' });
  t.equal(shown(second), 'rate');
  t.match(keeper.last, { uses: [], heads: [{ jobs: 1 }] }, 'others are to know that it waits');
  keeper.answer({ startsIn: 500 });
  await heard();
  world.end(first);
  t.notOk(keeper.isAsked, 'how many run does not matter');
  const { length } = keeper.asked;
  while (clock.mono < 500) {
    world.pass(10);
    if (keeper.isAsked) keeper.answer({ startsIn: 500 - clock.mono });
    await heard();
  }
  t.ok(keeper.asked.length > length, 'and it says so again');
  world.pass(10);
  t.ok(keeper.isAsked);
  clock.advance(60);
  keeper.answer({ given: [[null, 1]], startsIn: 500 });
  await heard();
  t.same(running(world), [], 'what comes too late is not used');
  t.ok(keeper.isAsked);
  t.match(keeper.last, { pace: { lateMs: 50, extraMs: 140 } }, 'the next may be late, too: so there is room behind it');
  clock.advance(100);
  keeper.answer({ given: [[null, 1]], startsIn: 600 });
  await heard();
  t.same(running(world), [second]);
});

t.test('what waits is asked for at once when another process has seen that something is free', async (t) => {
  const { keeper, places, world, heard } = begin();
  const waits = make(world, { name: 'one' });
  keeper.answer({ used: 2 });
  await heard();
  t.equal(keeper.asked.length, 1, 'all is taken, and its time has not come');
  places.freed(['free', 'nothing', '__proto__']);
  world.settle();
  t.equal(keeper.asked.length, 1, 'other types are not asked for');
  places.freed(['one']);
  world.settle();
  t.equal(keeper.asked.length, 2, 'though no time has passed');
  t.match(keeper.last, { type: 'one', again: true, heads: [{ jobs: 1 }] });
  places.freed(['one']);
  world.settle();
  t.equal(keeper.asked.length, 2, 'one ask at a time');
  keeper.answer({ used: 2 });
  await heard();
  t.equal(keeper.asked.length, 3, 'what was under way may have been carried out before');
  keeper.answer({ given: [[null, 1]], used: 2 });
  await heard();
  t.same(running(world), [waits]);
  const { length } = keeper.asked;
  places.freed(['one']);
  world.settle();
  t.equal(keeper.asked.length, length, 'nothing waits');
});
