/** The due index: whatever was merged into it, in however many runs, comes out in order of firing and completely. */
import fc from 'fast-check';
import t from 'tap';
import {
  beforeAll,
  bucketOf,
  chunkEntries,
  compareDue,
  DueCursor,
  type DueEntry,
  dropPassed,
  dueChunks,
} from '../../src/store/due-index.js';
import { MemoryKv } from '../../src/store/kv-memory.js';
import { key } from '../../src/store/numbers.js';

const bucketMs = 2 ** 20;
const start = 1_700_000 * bucketMs;

function merge(kv: MemoryKv, entries: readonly DueEntry[], run: number): void {
  kv.transact((tx) => {
    for (const chunk of dueChunks([...entries].sort(compareDue), run)) tx.put('due', chunk.key, chunk.value);
  });
}

/** Entries in order, each once. */
function ordered(entries: readonly DueEntry[]): DueEntry[] {
  return [...entries]
    .sort(compareDue)
    .filter((entry, i, all) => i === 0 || compareDue(all[i - 1] as DueEntry, entry) !== 0);
}

const sameEntries = (a: readonly DueEntry[], b: readonly DueEntry[]): boolean =>
  a.length === b.length && a.every((entry, i) => compareDue(entry, b[i] as DueEntry) === 0);

/** Everything behind the cursor's position, in takes of at most `limit`. */
function drain(cursor: DueCursor, limit: number): DueEntry[] {
  const taken: DueEntry[] = [];
  for (;;) {
    const some = cursor.take(limit);
    taken.push(...some);
    if (some.length < limit) return taken;
  }
}

const anyEntry = fc.record({
  due: fc.oneof(
    fc.integer({ min: start, max: start + 50 }),
    fc.integer({ min: start - 3 * bucketMs, max: start + 3 * bucketMs }),
    fc.constantFrom(-5, 0, bucketMs - 1, bucketMs, start - 1, start, start + 1000 * bucketMs),
  ),
  seq: fc.integer({ min: 1, max: 2 ** 33 }),
});
const anyRuns = fc.array(fc.array(anyEntry, { maxLength: 40 }), { maxLength: 8 });

t.test('runs of any number are read in order and completely, in takes of any size', async () => {
  fc.assert(
    fc.property(anyRuns, fc.integer({ min: 1, max: 50 }), (runs, limit) => {
      const kv = new MemoryKv();
      runs.forEach((entries, run) => {
        merge(kv, entries, run + 1);
      });
      return sameEntries(drain(new DueCursor(kv), limit), ordered(runs.flat()));
    }),
    { numRuns: 300 },
  );
});

t.test('after a seek everything behind the point comes, and nothing before', async () => {
  fc.assert(
    fc.property(anyRuns, anyEntry, fc.integer({ min: 1, max: 50 }), (runs, point, limit) => {
      const kv = new MemoryKv();
      runs.forEach((entries, run) => {
        merge(kv, entries, run + 1);
      });
      const cursor = new DueCursor(kv);
      cursor.take(3);
      const behind = ordered(runs.flat()).filter((entry) => compareDue(entry, point) > 0);
      cursor.seek(point);
      if (!sameEntries(drain(cursor, limit), behind)) return false;
      cursor.seek(beforeAll);
      return sameEntries(drain(cursor, limit), ordered(runs.flat()));
    }),
    { numRuns: 300 },
  );
});

t.test('a merge between takes is seen after seeking to where one was', async () => {
  fc.assert(
    fc.property(anyRuns, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 8, maxLength: 8 }), (runs, takes) => {
      const kv = new MemoryKv();
      const cursor = new DueCursor(kv);
      let position = beforeAll;
      const merged: DueEntry[] = [];
      const taken: DueEntry[] = [];
      const expected: DueEntry[] = [];
      runs.forEach((entries, run) => {
        merge(kv, entries, run + 1);
        merged.push(...entries);
        cursor.seek(position);
        const behind = ordered(merged).filter((entry) => compareDue(entry, position) > 0);
        expected.push(...behind.slice(0, takes[run]));
        taken.push(...cursor.take(takes[run] as number));
        position = taken.at(-1) ?? position;
      });
      return sameEntries(taken, expected);
    }),
    { numRuns: 200 },
  );
});

t.test('runs that fill many chunks of one bucket are found from any point in them', async (t) => {
  const kv = new MemoryKv();
  const all: DueEntry[] = [];
  for (let run = 1; run <= 3; run++) {
    const entries = Array.from({ length: 3 * chunkEntries + run }, (_, i) => ({
      due: start + i * 3 + run,
      seq: run * 10_000 + i,
    }));
    merge(kv, entries, run);
    all.push(...entries);
  }
  const inOrder = ordered(all);
  const cursor = new DueCursor(kv);
  t.ok(sameEntries(drain(cursor, 100), inOrder));
  for (let at = 0; at < inOrder.length; at += 97) {
    cursor.seek(inOrder[at] as DueEntry);
    if (!sameEntries(cursor.take(5), inOrder.slice(at + 1, at + 6))) t.fail(`from entry ${at}`);
  }
  cursor.seek(inOrder.at(-1) as DueEntry);
  t.same(cursor.take(5), []);
});

t.test('a merge writes a chunk of its own for every bucket and every 512 entries', async (t) => {
  const entries = [
    ...Array.from({ length: chunkEntries + 1 }, (_, i) => ({ due: start + i, seq: i + 1 })),
    { due: start + bucketMs, seq: 1 },
    { due: start + 5 * bucketMs, seq: 2 },
  ];
  const keys = [...dueChunks(entries, 9)].map((chunk) => chunk.key);
  const bucket = start / bucketMs;
  t.same(keys, [key(bucket, 9, 0), key(bucket, 9, 1), key(bucket + 1, 9, 2), key(bucket + 5, 9, 3)]);
  t.same([...dueChunks([], 9)], []);
});

t.test('instants before 1970 share the first bucket', async (t) => {
  t.same([-1e15, -1, 0, 1, bucketMs - 1, bucketMs].map(bucketOf), [0, 0, 0, 0, 0, 1]);
});

t.test('buckets that have passed leave; nothing due at or after the watermark does', async () => {
  fc.assert(
    fc.property(anyRuns, anyEntry, (runs, { due: watermark }) => {
      const kv = new MemoryKv();
      runs.forEach((entries, run) => {
        merge(kv, entries, run + 1);
      });
      kv.transact((tx) => dropPassed(tx, watermark, 1000));
      const left = drain(new DueCursor(kv), 100);
      const all = ordered(runs.flat());
      const needed = all.filter(({ due }) => due >= watermark);
      const allowed = all.filter(({ due }) => bucketOf(due) >= bucketOf(watermark));
      return (
        sameEntries(left, allowed) && needed.every((entry) => left.some((other) => compareDue(entry, other) === 0))
      );
    }),
    { numRuns: 300 },
  );
});

t.test('removal goes on where its bound stopped it', async (t) => {
  const kv = new MemoryKv();
  for (let run = 1; run <= 10; run++) merge(kv, [{ due: start, seq: run }], run);
  const chunks = (): number => [...kv.keys('due', {})].length;
  kv.transact((tx) => dropPassed(tx, start + bucketMs, 4));
  t.equal(chunks(), 6);
  kv.transact((tx) => dropPassed(tx, start, 4));
  t.equal(chunks(), 6, 'the bucket of the watermark stays');
  kv.transact((tx) => dropPassed(tx, Number.POSITIVE_INFINITY, 1000));
  t.equal(chunks(), 0, 'with nothing pending all of it is out of date');
});

t.test('a chunk that was removed under the cursor is passed over', async (t) => {
  const kv = new MemoryKv();
  merge(
    kv,
    Array.from({ length: 2 * chunkEntries }, (_, i) => ({ due: start + i, seq: 1 })),
    1,
  );
  merge(kv, [{ due: start + 2 * bucketMs, seq: 3 }], 2);
  const cursor = new DueCursor(kv);
  cursor.take(10);
  kv.transact((tx) => dropPassed(tx, start + bucketMs, 1000));
  const rest = drain(cursor, 1000);
  t.equal(rest.length, chunkEntries - 10 + 1, 'what had been read, and the other bucket');
  t.same(rest.at(-1), { due: start + 2 * bucketMs, seq: 3 });
});
