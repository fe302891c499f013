/** Everything that is written can be read back, and nothing that was damaged is read at all. */
import fc from 'fast-check';
import t from 'tap';
import type { Job } from '../../src/domain/job.js';
import { ByteReader, ByteWriter, crc32, key, keyPart } from '../../src/store/bytes.js';
import { DamagedRecord } from '../../src/store/damage.js';
import { DueCursor, dueChunks } from '../../src/store/due-index.js';
import { findKey, rememberKey } from '../../src/store/idempotency.js';
import { JobSets } from '../../src/store/job-sets.js';
import { MemoryKv } from '../../src/store/kv-memory.js';
import {
  checkPage,
  decodeMeta,
  emptyPage,
  encodeMeta,
  finishedKey,
  pageRows,
  rowAt,
  seal,
  sealPage,
  setKey,
  stateIn,
  unseal,
} from '../../src/store/layout.js';
import { type Change, type LogRecord, LogRecordReader, writeLogRecord } from '../../src/store/log-record.js';
import { StoreReader } from '../../src/store/reader.js';
import {
  RowTable,
  readRow,
  rowBytes,
  rowDue,
  rowFinishedAt,
  rowHasDetail,
  rowStatus,
  rowType,
  writeNoRow,
  writeRow,
} from '../../src/store/row.js';
import { readSpec, writeSpec } from '../../src/store/spec-codec.js';
import { TypeDictionary } from '../../src/store/types.js';
import {
  anyCounters,
  anyDetail,
  anyEvent,
  anyName,
  anySeq,
  anySpec,
  anyState,
  noon,
  sampleSpec,
  sampleState,
} from './samples.js';

/** One bit turned over, or the end cut off: where, as a fraction of the record. */
const anyDamage = fc.record({
  cut: fc.boolean(),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bit: fc.integer({ min: 0, max: 7 }),
});

function damage(record: Buffer, { cut, place, bit }: { cut: boolean; place: number; bit: number }): Buffer {
  const at = Math.floor(place * record.length);
  if (cut) return Buffer.from(record.subarray(0, at));
  const damaged = Buffer.from(record);
  damaged[at] = (damaged[at] as number) ^ (1 << bit);
  return damaged;
}

/** True when `read` refuses with DamagedRecord; what else it throws is thrown on. */
function refuses(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (error instanceof DamagedRecord) return true;
    throw error;
  }
}

const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, of]) => [name, sorted(of)]),
  );
}

const bytesOf = (spec: Job['spec'], types: TypeDictionary): Buffer => {
  const out = new ByteWriter(16);
  // A spec stands behind others in its buffer.
  out.text('something before');
  const from = out.length;
  writeSpec(out, spec, types.idOf(spec.name));
  return Buffer.from(out.since(from));
};

t.test('any spec survives the round trip', async () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const types = new TypeDictionary();
      types.idOf('another');
      return same(readSpec(spec.seq, bytesOf(spec, types), types), spec);
    }),
    { numRuns: 500 },
  );
});

t.test('any damaged spec is refused', async () => {
  fc.assert(
    fc.property(anySpec, anyDamage, (spec, how) => {
      const types = new TypeDictionary();
      const bytes = bytesOf(spec, types);
      return (
        refuses(() => readSpec(spec.seq, damage(bytes, how), types)) &&
        refuses(() => readSpec(spec.seq + 1, bytes, types))
      );
    }),
    { numRuns: 500 },
  );
});

t.test('a spec is refused at whatever byte it ends', async (t) => {
  const types = new TypeDictionary();
  const whole = bytesOf(
    sampleSpec({ idempotencyKey: 'k', trigger: { kind: 'cron', expression: '@daily', timezone: 'UTC', repeat: true } }),
    types,
  );
  for (let length = 0; length < whole.length; length++)
    t.ok(refuses(() => readSpec(1, whole.subarray(0, length), types)));
});

t.test('a spec of an unknown version is refused although it is whole', async (t) => {
  const types = new TypeDictionary();
  const body = bytesOf(sampleSpec(), types).subarray(4);
  body[0] = 99;
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(body, 7));
  t.throws(() => readSpec(7, Buffer.concat([checksum, body]), types), {
    name: 'DamagedRecord',
    message: /unknown format version/,
  });
});

// --- Rows ---

t.test('any state survives as a row, beside other rows', async () => {
  fc.assert(
    fc.property(anyState, fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 10 }), (state, type, at) => {
      const buffer = Buffer.alloc(rowBytes + 20, 0xaa);
      writeRow(buffer, at, state, type, at % 2 === 1);
      return (
        same(readRow(buffer, at), state) &&
        rowHasDetail(buffer, at) === (at % 2 === 1) &&
        rowType(buffer, at) === type &&
        rowStatus(buffer, at) === state.status &&
        rowDue(buffer, at) === state.due &&
        rowFinishedAt(buffer, at) === state.finishedAt &&
        buffer.subarray(0, at).every((byte) => byte === 0xaa) &&
        buffer.subarray(at + rowBytes).every((byte) => byte === 0xaa)
      );
    }),
    { numRuns: 500 },
  );
});

t.test('a job that is no more has a row without a state that keeps its type', async (t) => {
  const buffer = Buffer.alloc(rowBytes, 0xff);
  writeNoRow(buffer, 0, 515);
  t.equal(readRow(buffer, 0), undefined);
  t.equal(rowStatus(buffer, 0), undefined);
  t.equal(rowType(buffer, 0), 515);
});

t.test('counts that outgrow their place stay at its end', async (t) => {
  const buffer = Buffer.alloc(rowBytes);
  writeRow(buffer, 0, sampleState({ attempt: 70_000, skipped: 2 ** 33, missed: 2 ** 40 }), 0, false);
  t.match(readRow(buffer, 0), { attempt: 65_535, skipped: 2 ** 32 - 1, missed: 2 ** 32 - 1 });
});

t.test('a table of rows holds the latest row of every job', async () => {
  const anyWrites = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.option(anyState, { nil: undefined })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(anyWrites, fc.integer({ min: 1, max: 4 }), (writes, initial) => {
      const table = new RowTable(initial);
      const copied = new RowTable(initial);
      const model = new Map<number, unknown>();
      for (const [seq, state] of writes) {
        table.put(seq, state, seq, false);
        copied.set(seq, table.slab, table.find(seq) as number);
        model.set(seq, state);
      }
      for (const of of [table, copied]) {
        if (of.size !== model.size || [...of.keys()].some((seq) => !model.has(seq) || !of.has(seq))) return false;
        for (const [seq, state] of model) {
          const at = of.find(seq) as number;
          if (!same(readRow(of.slab, at), state) || rowType(of.slab, at) !== seq) return false;
        }
      }
      return table.find(41) === undefined && !table.has(41);
    }),
    { numRuns: 200 },
  );
});

t.test('a page holds the rows of its jobs, and any damage to it is refused', async () => {
  fc.assert(
    fc.property(anySeq, anyState, anyDamage, (seq, state, how) => {
      const number = Math.floor(seq / pageRows);
      const page = emptyPage();
      writeRow(page, rowAt(seq), state, 1, false);
      sealPage(page, number);
      checkPage(page, number);
      return (
        same(stateIn(page, seq), state) &&
        refuses(() => checkPage(damage(page, how), number)) &&
        refuses(() => checkPage(page, number + 1))
      );
    }),
    { numRuns: 300 },
  );
});

t.test('zeros are not a page', async (t) => {
  t.ok(refuses(() => checkPage(emptyPage(), 0)));
});

// --- Log records ---

const anyChange: fc.Arbitrary<Change> = fc
  .record(
    {
      seq: anySeq,
      name: anyName,
      state: fc.option(anyState, { nil: undefined }),
      hasDetail: fc.boolean(),
      detail: anyDetail,
    },
    { requiredKeys: ['seq', 'name', 'state', 'hasDetail'], noNullPrototype: true },
  )
  .map((change) => change as Change);

const anyRecord: fc.Arbitrary<LogRecord> = fc
  .record({
    position: fc.constant(5),
    at: fc.integer({ min: 0, max: 2 ** 47 }),
    logBytes: fc.integer({ min: 0, max: 2 ** 47 }),
    counters: anyCounters,
    changes: fc.uniqueArray(anyChange, { selector: ({ seq }) => seq, maxLength: 8 }),
    events: fc.array(anyEvent, { maxLength: 8 }),
  })
  .map(({ events, ...rest }) => ({
    ...rest,
    events: events.map((event, i) => ({ ...event, seq: rest.counters.lastEvent - events.length + 1 + i })),
  }));

function written(record: LogRecord, types: TypeDictionary): Buffer {
  for (const { name } of record.changes) types.idOf(name);
  for (const { jobName } of record.events) types.idOf(jobName);
  const out = new ByteWriter(64);
  writeLogRecord(out, record, types);
  return Buffer.from(out.since(0));
}

t.test('any log record survives the round trip, its types named where they are new', async () => {
  fc.assert(
    fc.property(anyRecord, anyName, (record, known) => {
      const types = new TypeDictionary();
      types.idOf(known);
      types.written(1);
      const reader = new LogRecordReader(5, written(record, types));
      const types2 = new TypeDictionary();
      types2.restore(0, known);
      reader.restoreTypes(types2);
      const rows: unknown[] = [];
      reader.rows((seq, at) =>
        rows.push({ seq, name: types2.nameOf(rowType(reader.bytes, at)), state: readRow(reader.bytes, at) ?? null }),
      );
      const details = [...reader.details()].map(({ seq, json }) => ({ seq, detail: JSON.parse(json) }));
      return (
        same(types2.all(), types.all()) &&
        same(
          rows,
          record.changes.map(({ seq, name, state }) => ({ seq, name, state: state ?? null })),
        ) &&
        same(
          details,
          record.changes.filter(({ detail }) => detail).map(({ seq, detail }) => ({ seq, detail })),
        ) &&
        same(reader.events(types2), record.events) &&
        same(
          [reader.at, reader.logBytes, reader.counters, reader.eventCount],
          [record.at, record.logBytes, record.counters, record.events.length],
        ) &&
        reader.firstEvent === record.counters.lastEvent - record.events.length + 1
      );
    }),
    { numRuns: 300 },
  );
});

t.test('any damaged log record is refused', async () => {
  fc.assert(
    fc.property(anyRecord, anyDamage, (record, how) =>
      refuses(() => new LogRecordReader(5, damage(written(record, new TypeDictionary()), how))),
    ),
    { numRuns: 500 },
  );
});

t.test('a log record in the place of another is refused', async (t) => {
  const [record] = fc.sample(anyRecord, 1);
  t.ok(refuses(() => new LogRecordReader(6, written(record!, new TypeDictionary()))));
});

t.test('a damaged log record names its position', async (t) => {
  t.throws(() => new LogRecordReader(42, Buffer.alloc(100)), {
    name: 'DamagedRecord',
    message: 'log record 42 does not match its checksum: the data directory is damaged',
  });
});

// --- The rest of what has a checksum ---

t.test('a sealed value is whole or refused', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), anyDamage, (value, how) => {
      const [mine, other] = [Buffer.from('mine'), Buffer.from('other')];
      const sealed = seal(value, mine);
      return (
        unseal(sealed, mine, 'it').equals(Buffer.from(value)) &&
        refuses(() => unseal(damage(sealed, how), mine, 'it')) &&
        refuses(() => unseal(sealed, other, 'it'))
      );
    }),
    { numRuns: 500 },
  );
});

t.test('facts about the whole are whole or refused', async (t) => {
  const facts = { position: 7, watermark: noon, names: ['a', 'b'] };
  const sealed = encodeMeta(facts, 'mark');
  t.same(decodeMeta(sealed, 'mark'), facts);
  for (let at = 0; at < sealed.length; at++)
    t.ok(refuses(() => decodeMeta(damage(sealed, { cut: false, place: at / sealed.length, bit: 0 }), 'mark')));
});

t.test('an idempotency key is whole or refused', async () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!-~]{1,255}$/), anySeq, fc.string(), anyDamage, (name, seq, digest, how) => {
      const kv = new MemoryKv();
      const use = { seq, digest, at: noon };
      const store = (change: (value: Buffer) => Buffer): void =>
        kv.transact((tx) => {
          for (const { tree, key: at, value } of rememberKey(name, use))
            tx.put(tree, at, tree === 'keys' ? change(Buffer.from(value as Uint8Array)) : (value as Uint8Array));
        });
      store((value) => value);
      if (!same(findKey(kv, name, noon), use)) return false;
      store((value) => damage(value, how));
      return refuses(() => findKey(kv, name, noon));
    }),
    { numRuns: 200 },
  );
});

t.test('damage to the due index, the finished list and the sets is refused when they are read', async (t) => {
  const sets = new JobSets();
  for (let seq = 1; seq < 100; seq++) sets.set(seq, 'pending', 0);
  const [saved] = sets.takeChanged();
  const finished = Buffer.alloc(36, 7);
  for (const how of [
    { cut: true, place: 0.5, bit: 0 },
    { cut: true, place: 0, bit: 0 },
    { cut: false, place: 0.1, bit: 3 },
    { cut: false, place: 0.9, bit: 3 },
  ]) {
    const kv = new MemoryKv();
    kv.transact((tx) => {
      for (const chunk of dueChunks([{ due: noon, seq: 1 }], 1)) tx.put('due', chunk.key, damage(chunk.value, how));
      tx.put('finished', finishedKey(1, 0), damage(seal(finished, finishedKey(1, 0)), how));
      const set = setKey(saved?.set as number, 0);
      tx.put('bitmaps', set, damage(seal(saved?.bytes as Uint8Array, set), how));
    });
    const reader = new StoreReader(kv, new TypeDictionary());
    t.ok(refuses(() => new DueCursor(kv).take(1)));
    t.ok(refuses(() => reader.finished(finishedKey(1, 0))));
    t.ok(refuses(() => reader.loadSets(new JobSets())));
  }
  sets.dispose();
});

// --- Bytes ---

t.test('keys order as their numbers do and give them back', async () => {
  const part = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 48 - 1 }));
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      const [left, right] = [key(a, b), key(c, d)];
      const order = Math.sign(a - c || b - d);
      return Buffer.compare(left, right) === order && keyPart(left, 0) === a && keyPart(right, 1) === d;
    }),
    { numRuns: 1000 },
  );
});

t.test('reading past the end is an error, never rubbish', async (t) => {
  const out = new ByteWriter(4);
  out.text('häßlich 😀');
  out.word('word');
  const whole = Buffer.from(out.since(0));
  const read = (bytes: Buffer): string[] => {
    const input = new ByteReader(bytes);
    return [input.text(), input.word()];
  };
  t.same(read(whole), ['häßlich 😀', 'word']);
  for (let length = 0; length < whole.length; length++)
    t.throws(() => read(whole.subarray(0, length)), { name: 'RangeError' });
});

t.test('job types keep their numbers, and a list with a hole is refused', async (t) => {
  const types = new TypeDictionary();
  t.equal(types.idOf('a'), 0);
  t.equal(types.idOf('b'), 1);
  t.equal(types.idOf('a'), 0);
  t.same(types.fresh(), [
    { id: 0, name: 'a' },
    { id: 1, name: 'b' },
  ]);
  types.written(2);
  t.same(types.fresh(), []);
  t.equal(types.idOf('c'), 2);
  t.same(types.fresh(), [{ id: 2, name: 'c' }]);
  t.equal(types.find('d'), undefined);
  const restored = new TypeDictionary();
  restored.restore(0, 'a');
  restored.restore(0, 'a');
  restored.restore(1, 'b');
  t.same(restored.all(), ['a', 'b']);
  t.same(restored.fresh(), []);
  t.throws(() => restored.restore(3, 'x'), /hole/);
  t.throws(() => restored.nameOf(9), /not in the list/);
});
