/** The due index: whatever was merged into it, in however many runs, comes out in order of firing and completely. */
import fc from 'fast-check';
import t from 'tap';
import {
  bucketOf,
  bucketOfKey,
  type DueEntry,
  decodeDueChunk,
  dueKey,
  runOfKey,
} from '../../../src/store/format/trees/due-chunk.js';
import {
  beforeAll,
  chunkEntries,
  combined,
  combineRuns,
  compareDue,
  DueCursor,
  dropPassed,
  dueChunks,
} from '../../../src/store/trees/due-index.js';
import { MemoryKv } from '../../support/kv-memory.js';

const bucketMs = 2 ** 20;
const start = 1_700_000 * bucketMs;

function merge(kv: MemoryKv, entries: readonly DueEntry[], run: number): void {
  kv.transact((tx) => {
    for (const chunk of dueChunks([...entries].sort(compareDue), run)) tx.put('due', chunk.key, chunk.value);
  });
}

/** What the end of a merge does: keeps the runs of the buckets it added to few. */
function combine(kv: MemoryKv, entries: readonly DueEntry[], run: number): void {
  for (const bucket of new Set(entries.map(({ due }) => bucketOf(due))))
    kv.transact((tx) => combineRuns(tx, bucket, run));
}

/** How many runs the index has, all of its buckets together. */
function runsOf(kv: MemoryKv): number {
  return new Set([...kv.keys('due', {})].map((chunk) => `${bucketOfKey(chunk)} ${runOfKey(chunk)}`)).size;
}

/** Counts the values read and the entries written through a store. */
function counted(kv: MemoryKv): { reads: number; written: number } {
  const counts = { reads: 0, written: 0 };
  const [peek, transact] = [kv.peek.bind(kv), kv.transact.bind(kv)];
  kv.peek = (tree, under) => {
    counts.reads++;
    return peek(tree, under);
  };
  kv.transact = (work) =>
    transact((tx) => {
      const put = tx.put.bind(tx);
      tx.put = (tree, under, value) => {
        counts.written += decodeDueChunk(Buffer.from(value), Buffer.from(under)).length;
        put(tree, under, value);
      };
      return work(tx);
    });
  return counts;
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
  t.same(keys, [dueKey(bucket, 9, 0), dueKey(bucket, 9, 1), dueKey(bucket + 1, 9, 2), dueKey(bucket + 5, 9, 3)]);
  t.same([...dueChunks([], 9)], []);
});

t.test('instants before 1970 share the first bucket', async (t) => {
  t.same(
    [-1e15, -1, 0, 1, bucketMs - 1, bucketMs].map((due) => bucketOf(due)),
    [0, 0, 0, 0, 0, 1],
  );
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

t.test(
  'a bucket that thousands of merges have added to has few runs, and few chunks are read to open it',
  async (t) => {
    const kv = new MemoryKv();
    const counts = counted(kv);
    const merges = 6000;
    const all = Array.from({ length: merges }, (_, i) => ({ due: start + ((i * 7919) % 1000), seq: i + 1 }));
    all.forEach((entry, i) => {
      merge(kv, [entry], i + 1);
      combine(kv, [entry], i + 1);
    });
    t.ok(runsOf(kv) <= 2 * combined.runs, `${runsOf(kv)} runs`);
    // Each rewriting takes in `runs` of them and writes no more than the chunks it has read.
    const most = merges * (1 + (combined.chunks * chunkEntries) / (combined.runs - 1));
    t.ok(counts.written < most, `${counts.written} entries written`);
    const cursor = new DueCursor(kv);
    counts.reads = 0;
    cursor.seek({ due: start + 500, seq: 0 });
    cursor.take(1);
    t.ok(counts.reads <= 5 * runsOf(kv), `${counts.reads} chunks read`);
    cursor.seek(beforeAll);
    t.ok(sameEntries(drain(cursor, 1000), ordered(all)), 'all are found');
  },
);

t.test('runs are made one once they are many, but for the one of the merge that is going on', async (t) => {
  const kv = new MemoryKv();
  const bucket = start / bucketMs;
  for (let run = 1; run <= combined.runs; run++) merge(kv, [{ due: start + 100 - run, seq: 1 }], run);
  const combineUpTo = (position: number): number => kv.transact((tx) => combineRuns(tx, bucket, position));
  t.equal(combineUpTo(combined.runs), 0);
  t.equal(combineUpTo(combined.runs + 1), combined.runs);
  t.same([...kv.keys('due', {})], [dueKey(bucket, combined.runs, 1)], 'in the place of the latest, under a new key');
  t.equal(combineUpTo(combined.runs + 1), 0);
});

t.test('large runs stay as they are, and what is combined fits into a slice', async (t) => {
  const kv = new MemoryKv();
  const large = Array.from({ length: 3 * chunkEntries }, (_, i) => ({ due: start + i, seq: 1 }));
  let most = 0;
  for (let run = 1; run <= 40; run++) {
    merge(kv, run % 10 === 0 ? [{ due: start, seq: run }] : large, run);
    most = Math.max(
      most,
      kv.transact((tx) => combineRuns(tx, start / bucketMs, run)),
    );
  }
  t.equal(most, 0);
  for (let run = 41; run <= 400; run++) {
    merge(kv, large.slice(0, run), run);
    most = Math.max(
      most,
      kv.transact((tx) => combineRuns(tx, start / bucketMs, run)),
    );
  }
  t.ok(most > 0 && most <= combined.chunks * chunkEntries, `${most} entries at once`);
});

t.test('however runs are combined, a bucket is read in order and completely, each run in its order', async () => {
  // A merge has each entry once.
  const run = fc.uniqueArray(anyEntry, { minLength: 1, maxLength: 6, selector: ({ due, seq }) => `${due} ${seq}` });
  const manyRuns = fc.array(run, { minLength: 8, maxLength: 60 });
  fc.assert(
    fc.property(manyRuns, anyEntry, (runs, point) => {
      const kv = new MemoryKv();
      runs.forEach((entries, run) => {
        merge(kv, entries, run + 1);
        combine(kv, entries, run + 1);
      });
      let before: { key: Buffer; entry: DueEntry } | undefined;
      for (const { key, value } of kv.entries('due', {})) {
        for (const entry of decodeDueChunk(value, key)) {
          const isSameRun = before?.key.subarray(0, 12).equals(key.subarray(0, 12));
          if (before && isSameRun && compareDue(before.entry, entry) >= 0) return false;
          before = { key, entry };
        }
      }
      const cursor = new DueCursor(kv);
      if (!sameEntries(drain(cursor, 10), ordered(runs.flat()))) return false;
      cursor.seek(point);
      const behind = ordered(runs.flat()).filter((entry) => compareDue(entry, point) > 0);
      return sameEntries(drain(cursor, 10), behind);
    }),
    { numRuns: 200 },
  );
});

t.test('runs that become one under a cursor are read to their end, whatever it had read of them', async () => {
  const sizes = fc.array(fc.integer({ min: 1, max: 2 * chunkEntries }), { minLength: 8, maxLength: 12 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 1, max: 1500 }), (sizes, limit) => {
      const kv = new MemoryKv();
      const runs = sizes.map((size, run) =>
        Array.from({ length: size }, (_, i) => ({ due: start + ((i * 17 + run) % 1000), seq: run * 10_000 + i })),
      );
      runs.forEach((entries, run) => {
        merge(kv, entries, run + 1);
      });
      const cursor = new DueCursor(kv);
      const taken = cursor.take(limit);
      kv.transact((tx) => combineRuns(tx, start / bucketMs, runs.length + 1));
      taken.push(...drain(cursor, limit));
      return sameEntries(taken, ordered(runs.flat()));
    }),
    { numRuns: 60 },
  );
});

t.test('a chunk that is listed and not there is passed over, and the cursor comes to an end', async (t) => {
  const kv = new MemoryKv();
  for (let run = 1; run <= 3; run++) {
    merge(
      kv,
      Array.from({ length: 4 * chunkEntries }, (_, i) => ({ due: start + i, seq: run })),
      run,
    );
  }
  const [peek, bucket] = [kv.peek.bind(kv), start / bucketMs];
  for (const lost of [0, 1, 2, 3]) {
    kv.peek = (tree, under) => (dueKey(bucket, 2, lost).equals(under) ? undefined : peek(tree, under));
    t.equal(drain(new DueCursor(kv), 100).length, 11 * chunkEntries, `chunk ${lost}`);
  }
});
