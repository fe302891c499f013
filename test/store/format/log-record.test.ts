/** Log records survive the round trip, and a damaged one is refused. */
import fc from 'fast-check';
import t from 'tap';
import { ByteWriter, crc32 } from '../../../src/store/format/bytes.js';
import { type Change, type LogRecord, LogRecordReader, writeLogRecord } from '../../../src/store/format/log-record.js';
import { readRow, rowType } from '../../../src/store/format/row.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { noCounters } from '../../../src/store/port.js';
import { anyDamage, damage, refuses, same } from '../damaging.js';
import { anyCounters, anyDetail, anyEvent, anyName, anySeq, anyState } from '../samples.js';

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

t.test('a record of a newer version is refused as that, not as damaged', async (t) => {
  const out = new ByteWriter();
  writeLogRecord(
    out,
    { position: 9, at: 1, logBytes: 0, counters: noCounters, changes: [], events: [] },
    new TypeDictionary(),
  );
  const bytes = Buffer.from(out.since(0));
  bytes[4] = 3;
  bytes.writeUInt32LE(crc32(bytes.subarray(4), 9));
  t.throws(() => new LogRecordReader(9, bytes), {
    name: 'NewerRecord',
    message:
      'log record 9 was written by a newer escapement (its format is 3, this one knows up to 2): use that version',
  });
  bytes[5] = 77;
  t.throws(
    () => new LogRecordReader(9, bytes),
    { name: 'DamagedRecord' },
    'one that is not whole tells nothing of its version',
  );
});
