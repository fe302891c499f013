import fc from 'fast-check';
import t from 'tap';
import { DueHeap } from '../src/due-heap.js';

interface Entry {
  readonly due: number;
  readonly seq: number;
}

const anyEntry = fc.record({
  due: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer()),
  seq: fc.integer({ min: 1, max: 5 }),
});
const inOrder = (a: Entry, b: Entry): number => a.due - b.due || a.seq - b.seq;

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

t.test('splitting keeps the first entries, also among those due at the same instant', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 50 })), {
        minLength: 1,
        maxLength: 80,
      }),
      fc.nat(),
      (entries, pick) => {
        const heap = new DueHeap(4);
        for (const [due, seq] of entries) heap.push(due, seq);
        const ordered = [...entries].sort(([a, b], [c, d]) => a - c || b - d);
        const keep = 1 + (pick % entries.length);
        const later = new DueHeap(4);
        const edge = heap.split(keep, later);
        const taken = (from: DueHeap): [number, number][] => {
          const all: [number, number][] = [];
          for (; from.size > 0; from.pop()) all.push([from.firstDue, from.firstSeq]);
          return all;
        };
        const [kept, rest] = [taken(heap), taken(later)];
        const same = JSON.stringify([...kept, ...rest]) === JSON.stringify(ordered);
        // What repeats the edge stays with it.
        const last = kept.at(-1) as [number, number];
        return same && kept.length >= keep && last[0] === edge.due && last[1] === edge.seq;
      },
    ),
  );
});
