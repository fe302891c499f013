/** Following the log from place to place: nothing is read twice, and what is removed meanwhile is told of. */
import t from 'tap';
import type { LogPlace } from '../../../src/store/queries-port.js';
import { World } from '../../support/world.js';

const hour = 3_600_000;

/** A world whose looks at log records are counted. */
function countingWorld(options = {}) {
  const world = new World(options);
  let reads = 0;
  const get = world.kv.get.bind(world.kv);
  world.kv.get = (tree, key) => {
    if (tree === 'log') reads++;
    return get(tree, key);
  };
  return { world, reads: () => reads };
}

/** Jobs that are made in one commit, one event each. */
function createTogether(world: World, count: number): void {
  for (let n = 0; n < count; n++) {
    const draft = {
      name: 'noop',
      trigger: { kind: 'delay', delayMs: 48 * hour },
      isRepeat: false,
      payload: '{}',
    } as const;
    world.scheduler.request({ kind: 'create', draft }, 1, () => {});
  }
  world.settle();
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Follows the log in pieces of `limit`; returns the numbers of the events. */
function follow({ queries }: World, after: number, limit: number, place?: LogPlace): number[] {
  const seqs: number[] = [];
  for (let next = place; ; ) {
    const found = queries.eventsAfter(seqs.at(-1) ?? after, limit, next);
    if (found.events.length === 0) return seqs;
    seqs.push(...found.events.map(({ seq }) => seq));
    next = found.next;
  }
}

t.test('a record of many events is read once, in however small pieces it is followed', async (t) => {
  const { world, reads } = countingWorld();
  createTogether(world, 300);
  const first = world.queries.eventsAfter(0, 7);
  const before = reads();
  t.same(follow(world, 7, 7, first.next), range(8, 300));
  t.equal(reads(), before);
});

t.test(
  'records are read once each, and nothing is searched, by whoever goes on where the last look ended',
  async (t) => {
    const { world, reads } = countingWorld();
    for (let n = 0; n < 60; n++) world.create({ trigger: { kind: 'delay', delayMs: hour } });
    const first = world.queries.eventsAfter(0, 20);
    const before = reads();
    t.same(follow(world, 20, 10, first.next), range(21, 60));
    t.equal(reads() - before, 40);
  },
);

t.test('all who are in the same record keep the same', async (t) => {
  const { world, reads } = countingWorld();
  createTogether(world, 300);
  const first = world.queries.eventsAfter(0, 7);
  const before = reads();
  const second = world.queries.eventsAfter(100, 7, { position: first.next!.position });
  t.equal(second.next!.record, first.next!.record);
  t.equal(reads(), before);
  t.same(follow(world, 107, 50, second.next), range(108, 300));
});

t.test('from any event on, in pieces of any size, small and large records', async (t) => {
  const world = new World();
  for (const count of [1, 30, 1, 1, 50, 2]) createTogether(world, count);
  for (const limit of [1, 3, 29, 30, 31, 85, 1000])
    for (const after of [0, 1, 17, 30, 31, 32, 33, 84, 85]) {
      const seqs = follow(world, after, limit);
      if (JSON.stringify(seqs) !== JSON.stringify(range(after + 1, 85))) t.fail(`${limit} after ${after}: ${seqs}`);
    }
  t.same(follow(world, 85, 10), []);
});

t.test('what is removed behind a place is a gap before a look, never one within it', async (t) => {
  const world = new World({ mergeRows: 1 });
  createTogether(world, 10);
  createTogether(world, 10);
  const kept = world.queries.eventsAfter(0, 4).next!;
  const between = world.queries.eventsAfter(0, 10).next!;
  t.equal(kept.record?.length, 10);
  t.notOk(between.record);
  for (let n = 0; n < 6; n++) {
    world.pass(12 * hour);
    world.create({ trigger: { kind: 'delay', delayMs: 1000 * hour } });
  }
  const oldest = world.queries.eventsAfter(0, 1).oldest;
  t.ok(oldest > 20, `the log begins with event ${oldest}`);
  const rest = world.queries.eventsAfter(4, 1000, kept);
  t.same(
    rest.events.map(({ seq }) => seq),
    range(5, 10),
    'what is kept is still there',
  );
  t.equal(rest.oldest, 5);
  for (const place of [rest.next, between]) {
    const later = world.queries.eventsAfter(10, 1000, place);
    t.equal(later.oldest, oldest);
    t.equal(later.events[0]?.seq, oldest);
  }
});
