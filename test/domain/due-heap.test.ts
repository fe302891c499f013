import fc from 'fast-check';
import t from 'tap';
import { DueHeap } from '../../src/domain/due-heap.js';

interface Entry {
  readonly due: number;
  readonly seq: number;
}

const anyEntry = fc.record({
  due: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer()),
  seq: fc.integer({ min: 1, max: 5 }),
});
const inOrder = (a: Entry, b: Entry): number => a.due - b.due || a.seq - b.seq;

/** Few instants and few jobs, so that some repeat. */
const anyNearEntry = fc.record({ due: fc.integer({ min: 0, max: 9 }), seq: fc.integer({ min: 1, max: 9 }) });

const same = (a: readonly unknown[], b: readonly unknown[]): boolean => JSON.stringify(a) === JSON.stringify(b);

/** All that a heap has, in order; empties it. */
function taken(heap: DueHeap): Entry[] {
  const all: Entry[] = [];
  for (; heap.size > 0; heap.pop()) all.push({ due: heap.firstDue, seq: heap.firstSeq });
  return all;
}

function first(heap: DueHeap): Entry | undefined {
  return heap.size > 0 ? { due: heap.firstDue, seq: heap.firstSeq } : undefined;
}

t.test('any pushes and pops: the first entry and the size are those of a sorted list', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(anyEntry, { nil: undefined, freq: 3 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 4 }),
      (acts, capacity) => {
        const heap = new DueHeap(capacity);
        let model: Entry[] = [];
        for (const entry of acts) {
          if (entry) {
            heap.push(entry.due, entry.seq);
            model = [...model, entry].sort(inOrder);
          } else {
            heap.pop();
            model.shift();
          }
          const head = first(heap);
          if (heap.size !== model.length || head?.due !== model[0]?.due || head?.seq !== model[0]?.seq) return false;
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
});

t.test('a hundred thousand entries come out in order, equal ones as often as they went in', async (t) => {
  const heap = new DueHeap();
  const model: Entry[] = [];
  for (let i = 0; i < 100_000; i++) {
    const entry = { due: (i * 7919) % 1009, seq: (i * 31) % 503 };
    heap.push(entry.due, entry.seq);
    model.push(entry);
  }
  model.sort(inOrder);
  let wrong = 0;
  for (const { due, seq } of model) {
    if (heap.firstDue !== due || heap.firstSeq !== seq) wrong++;
    heap.pop();
  }
  t.equal(wrong, 0);
  t.equal(heap.size, 0);
});

t.test('an empty heap is due never, and popping it changes nothing', async (t) => {
  const heap = new DueHeap();
  t.equal(heap.firstDue, Number.POSITIVE_INFINITY);
  heap.pop();
  t.equal(heap.size, 0);
  heap.push(5, 1);
  heap.pop();
  t.equal(heap.firstDue, Number.POSITIVE_INFINITY);
});

t.test('splitting keeps the first entries, each once, also among those due at the same instant', async () => {
  fc.assert(
    fc.property(fc.array(anyNearEntry, { minLength: 1, maxLength: 80 }), fc.nat(), (entries, pick) => {
      const heap = new DueHeap(4);
      for (const { due, seq } of entries) heap.push(due, seq);
      const distinct = [...entries]
        .sort(inOrder)
        .filter((entry, i, all) => i === 0 || inOrder(all[i - 1] as Entry, entry) !== 0);
      const keep = 1 + (pick % entries.length);
      const later = new DueHeap(4);
      const edge = heap.split(keep, later);
      const kept = taken(heap);
      const moved = entries.filter((entry) => inOrder(entry, kept.at(-1) as Entry) > 0).sort(inOrder);
      return (
        same(kept, distinct.slice(0, keep)) &&
        same(taken(later), moved) &&
        same([edge], [moved.length > 0 ? kept.at(-1) : undefined])
      );
    }),
    { numRuns: 500 },
  );
});

t.test('a heap of one entry, many times, splits into one and nothing', async (t) => {
  const [heap, later] = [new DueHeap(), new DueHeap()];
  for (let i = 0; i < 10_000; i++) heap.push(7, 1);
  t.equal(heap.split(10, later), undefined);
  t.same([heap.size, later.size], [1, 0]);
  heap.push(6, 2);
  t.same(taken(heap), [
    { due: 6, seq: 2 },
    { due: 7, seq: 1 },
  ]);
});
