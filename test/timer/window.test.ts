/**
 * The window of what is due next against a model. Jobs are added, merged into an index, spilled, refilled and popped in any
 * order; what must never happen is that one is lost or fires behind a later one. Repeats are allowed.
 */
import fc from 'fast-check';
import t from 'tap';
import { type Due, type DueSource, DueWindow } from '../../src/timer/window.js';

const byDue = (a: Due, b: Due): number => a.due - b.due || a.seq - b.seq;
const never = Number.POSITIVE_INFINITY;

/** The due index: a sorted list that merges add to. */
class ListSource implements DueSource {
  entries: Due[] = [];
  position: Due = { due: Number.NEGATIVE_INFINITY, seq: 0 };
  seeks = 0;

  seek(position: Due): void {
    this.position = position;
    this.seeks++;
  }

  take(limit: number): readonly Due[] {
    const taken = this.entries.filter((entry) => byDue(entry, this.position) > 0).slice(0, limit);
    this.position = taken.at(-1) ?? this.position;
    return taken;
  }

  merge(more: readonly Due[]): void {
    const all = [...this.entries, ...more].sort(byDue);
    this.entries = all.filter((entry, i) => i === 0 || byDue(all[i - 1] as Due, entry) !== 0);
  }
}

type Act =
  | { readonly kind: 'add'; readonly due: number }
  | { readonly kind: 'refill'; readonly limit: number }
  | { readonly kind: 'mergeBegins' }
  | { readonly kind: 'mergeEnded' }
  | { readonly kind: 'pop' }
  | { readonly kind: 'pass'; readonly ms: number };

const anyAct: fc.Arbitrary<Act> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), due: fc.integer({ min: 0, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('refill' as const), limit: fc.integer({ min: 1, max: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mergeBegins' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('mergeEnded' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('pop' as const) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 10 }) }) },
);

/** Runs a window and its index through `acts`; returns what went wrong, or nothing. */
function live(acts: readonly Act[], capacity: number, indexed: readonly number[]): string | undefined {
  const source = new ListSource();
  const window = new DueWindow(source, capacity);
  const waiting = new Map<number, number>();
  let seq = 0;
  let now = 0;
  let merging: Due[] | undefined;
  let gathered: Due[] = [];
  const enter = (due: number): Due => {
    waiting.set(++seq, due);
    return { due, seq };
  };
  source.merge(indexed.map(enter));

  /** Pops one entry, and checks that nothing known to the window is due before it. */
  const pop = (): string | 'nothing' | undefined => {
    if (window.nextDue === Number.NEGATIVE_INFINITY) {
      window.refill(3);
      return undefined;
    }
    const next = window.pop(now);
    if (!next) return 'nothing';
    if (next.due > now) return `${next.seq} fires early`;
    const earlier = [...waiting].find(([other, due]) => byDue({ due, seq: other }, next) < 0);
    if (earlier && waiting.has(next.seq))
      return `${next.seq} fires at ${next.due} before ${earlier[0]}, due at ${earlier[1]}`;
    waiting.delete(next.seq);
    return undefined;
  };

  for (const act of acts) {
    switch (act.kind) {
      case 'add': {
        // A job is made due now or later; the index has it with the next merge.
        const entry = enter(now + act.due);
        gathered.push(entry);
        window.add(entry.due, entry.seq);
        break;
      }
      case 'refill':
        window.refill(act.limit);
        break;
      case 'mergeBegins':
        if (merging) break;
        merging = gathered;
        gathered = [];
        window.mergeBegins();
        break;
      case 'mergeEnded':
        if (!merging) break;
        source.merge(merging);
        merging = undefined;
        window.mergeEnded();
        break;
      case 'pop': {
        const wrong = pop();
        if (wrong !== undefined && wrong !== 'nothing') return wrong;
        break;
      }
      case 'pass':
        now += act.ms;
        break;
      default:
        act satisfies never;
    }
    const first = Math.min(...waiting.values());
    if (window.earliest > first) return `earliest is ${window.earliest} with a job due at ${first}`;
    if (window.nextDue > first) return `wakes at ${window.nextDue} for a job due at ${first}`;
  }
  now = 1e6;
  for (let i = 0; i < 10_000; i++) {
    const wrong = pop();
    if (wrong === 'nothing') return waiting.size === 0 ? undefined : `lost: ${[...waiting.keys()].join()}`;
    if (wrong !== undefined) return wrong;
  }
  return 'does not come to an end';
}

for (const capacity of [1, 2, 4, 16, 1000]) {
  t.test(`a window of ${capacity}: nothing is lost, nothing overtakes`, async (t) => {
    fc.assert(
      fc.property(
        fc.array(anyAct, { maxLength: 80 }),
        fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 20 }),
        (acts, indexed) => {
          const wrong = live(acts, capacity, indexed);
          if (wrong !== undefined) t.comment(wrong);
          return wrong === undefined;
        },
      ),
      { numRuns: 300 },
    );
  });
}

const filled = (entries: number, capacity: number): { window: DueWindow; source: ListSource } => {
  const source = new ListSource();
  const window = new DueWindow(source, capacity);
  source.merge(Array.from({ length: entries }, (_, i) => ({ due: 100 + i, seq: i + 1 })));
  return { window, source };
};

t.test('a new window wants to be filled before it can say what is due', async (t) => {
  const { window } = filled(0, 16);
  t.equal(window.nextDue, Number.NEGATIVE_INFINITY);
  t.equal(window.wantsRefill, true);
  t.equal(window.pop(1e9), undefined);
  window.refill(4);
  t.equal(window.nextDue, never);
  t.equal(window.wantsRefill, false);
  t.equal(window.earliest, never);
});

t.test('a refill that nobody wants changes nothing', async (t) => {
  for (const capacity of [2, 1000]) {
    const { window, source } = filled(0, capacity);
    window.refill(4);
    window.add(0, 1);
    window.add(1, 2);
    window.mergeBegins();
    source.merge([
      { due: 0, seq: 1 },
      { due: 1, seq: 2 },
    ]);
    window.mergeEnded();
    window.refill(1);
    window.add(0, 3);
    const fired = new Set<number>();
    while (window.nextDue !== never) {
      const next = window.pop(9);
      if (next) fired.add(next.seq);
      else window.refill(4);
    }
    t.same([...fired], [1, 3, 2], `a window of ${capacity}`);
  }
});

t.test('it asks for more when it runs low and something may lie behind its edge', async (t) => {
  const { window } = filled(20, 32);
  window.refill(10);
  t.equal(window.size, 10);
  t.equal(window.wantsRefill, false);
  for (let i = 0; i < 7; i++) window.pop(1e9);
  t.equal(window.wantsRefill, true, 'less than an eighth is left');
  window.refill(100);
  t.equal(window.size, 13);
  t.equal(window.wantsRefill, false, 'there is no more');
});

t.test('what lies behind the edge waits outside', async (t) => {
  const { window } = filled(20, 32);
  window.refill(10);
  window.add(105, 500);
  window.add(1000, 501);
  t.equal(window.size, 11);
  t.equal(window.earliest, 100);
  window.refill(100);
  t.equal(window.size, 22);
});

t.test('an overfull window gives back its later half, and gets it again', async (t) => {
  const source = new ListSource();
  const window = new DueWindow(source, 100);
  window.refill(1);
  for (let i = 101; i > 0; i--) window.add(i, i);
  t.equal(window.size, 51);
  t.equal(window.earliest, 1);
  const seen: number[] = [];
  while (seen.length < 101) {
    if (window.nextDue === Number.NEGATIVE_INFINITY) window.refill(10);
    const next = window.pop(1e9);
    if (next) seen.push(next.seq);
  }
  t.same(
    seen,
    Array.from({ length: 101 }, (_, i) => i + 1),
  );
});

t.test('jobs that are all due at one instant spill and come back', async (t) => {
  const source = new ListSource();
  const window = new DueWindow(source, 4);
  window.refill(1);
  for (let seq = 1; seq <= 40; seq++) window.add(7, seq);
  t.ok(window.size <= 5);
  const seen: number[] = [];
  for (let i = 0; i < 200; i++) {
    if (window.nextDue === Number.NEGATIVE_INFINITY) window.refill(10);
    const next = window.pop(7);
    if (next) seen.push(next.seq);
  }
  t.same(
    seen,
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
});

t.test('a job that is changed again and again while it waits takes one place in the window', async (t) => {
  for (const others of [0, 60, 99, 100, 500]) {
    const source = new ListSource();
    const window = new DueWindow(source, 100);
    window.refill(1);
    for (let seq = 2; seq <= others + 1; seq++) window.add(seq, seq);
    const before = source.seeks;
    let most = 0;
    for (let i = 0; i < 2000; i++) {
      window.add(1, 1);
      most = Math.max(most, window.size);
    }
    t.ok(most <= 100, `at most ${most} entries beside ${others} others`);
    t.ok(source.seeks - before <= 1, 'the later half is given back once, if at all');
    t.equal(window.earliest, 1);
    t.same(window.pop(1), { due: 1, seq: 1 });
  }
});

t.test('a job added behind a spill that has been merged is not lost with the merge', async (t) => {
  const source = new ListSource();
  const window = new DueWindow(source, 4);
  window.refill(1);
  const all = Array.from({ length: 6 }, (_, i) => ({ due: i + 1, seq: i + 1 }));
  for (const { due, seq } of all) window.add(due, seq);
  window.mergeBegins();
  window.add(6, 7);
  source.merge(all);
  window.mergeEnded();
  const seen: number[] = [];
  for (let i = 0; i < 50; i++) {
    if (window.nextDue === Number.NEGATIVE_INFINITY) window.refill(2);
    const next = window.pop(1e9);
    if (next && !seen.includes(next.seq)) seen.push(next.seq);
  }
  t.same(seen, [1, 2, 3, 4, 5, 6, 7]);
});
