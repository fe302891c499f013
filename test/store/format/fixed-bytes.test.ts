/**
 * Bytes as servers have written them since 1.0.0: they are read as what they meant then, and written again the same. These must
 * never change: whoever changes a format adds a version, and bytes of that.
 */
import { RoaringBitmap32 } from 'roaring-wasm';
import t from 'tap';
import type { EventBody } from '../../../src/domain/events.js';
import type { JobSpec } from '../../../src/domain/job.js';
import { statuses } from '../../../src/domain/lifecycle.js';
import { ByteWriter } from '../../../src/store/format/bytes.js';
import { blockBytes, journalEntry, readJournalEntry, saltBytes } from '../../../src/store/format/journal/entry.js';
import { journalHead, readJournalHead } from '../../../src/store/format/journal/head.js';
import { checkPage, emptyPage, rowAt, sealPage } from '../../../src/store/format/layout.js';
import { type LogRecord, LogRecordReader, writeLogRecord } from '../../../src/store/format/log-record.js';
import { readRow, rowBytes, rowHasDetail, rowStatus, rowType, writeRow } from '../../../src/store/format/row.js';
import type { SealedBatch } from '../../../src/store/format/sealing.js';
import { readSpec, writeSpec } from '../../../src/store/format/spec-codec.js';
import * as due from '../../../src/store/format/trees/due-chunk.js';
import * as sets from '../../../src/store/format/trees/set-block.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { everyMinute, everyTenSeconds, noon, sampleSpec, sampleState } from '../samples.js';

const known = {
  specOnce:
    'c9a98d78010000030300846156690000a0eb6c799b0160ea00000000e09304000000000060dd96b779420b0000007b226f72646572223a317d',
  specCron: [
    'e12f9cf9010f01030300846156690000a0eb6c799b0160ea00000000e093040000000b00000030202a202a202a202a20',
    '2a03555443036b65790b0000007b226f72646572223a317d',
  ].join(''),
  specWithAlreadyRan: [
    '82320e93020002030300846156690000a0eb6c799b0160ea00000000e09304000000102700000000000060dd96b77942',
    '01000060dd96b7794200809edd96b779420b0000007b226f72646572223a317d',
  ].join(''),
  specWithTrace: [
    'c7ce09bb030000030300846156690000a0eb6c799b0160ea00000000e09304000000000060dd96b77942000af7651916',
    'cd43dd8448eb211c80319cb7ad6b7169203331010800000076656e646f723d310b0000007b226f72646572223a317d',
  ].join(''),
  record: [
    '7387e0ab0100d66d799b010d000000000014000000000001000000000002000000000003000000000084615669000006',
    '000000010000000d0000000100cd0100006400000000000500000000000700000000000100000100000000000060dd96',
    'b77942000060dd96b77942a0eb6c799b0100000000000000000000000000000000000000000000000008000000000002',
    '00000000000000000060dd96b77942000060dd96b77942a0eb6c799b0100000000000000000000000000000000000000',
    '00000000000900000000000300000000000000000060dd96b77942000060dd96b77942a0eb6c799b0100000000000000',
    '00000000000000000000000000000000000a00000000000400000000000000000060dd96b77942000060dd96b77942a0',
    'eb6c799b010000000000000000000000000000000000000000000000000b00000000000500000000000000000060dd96',
    'b77942000060dd96b77942a0eb6c799b010000000000000000000000000000000000000000000000000c000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '00000000000700000000000e0000007b22726573756c74223a2231227d0000046e6f6f70000700000000008461566900',
    '00000000d66d799b01000060dd96b779420001070000000000846156690000000000d66d799b01010000000207000000',
    '0000846156690000000000d66d799b0105000000000003070000000000846156690000000000d66d799b01020000006e',
    '6f01030104070000000000846156690000000000d66d799b01000060dd96b77942010004070000000000846156690000',
    '000000d66d799b01000060dd96b77942010104070000000000846156690000000000d66d799b01000060dd96b7794201',
    '0205070000000000846156690000000000d66d799b010005070000000000846156690000000000d66d799b0101050700',
    '00000000846156690000000000d66d799b010205070000000000846156690000000000d66d799b010305070000000000',
    '846156690000000000d66d799b010406070000000000846156690000000000d66d799b01000060dd96b7794201',
  ].join(''),
  page: [
    '263ca1960000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '00000000000000000000000000000101010102000000000060dd96b77942000060dd96b77942a0eb6c799b0100d66d79',
    '9b0100d66d799b010100040000000500000003000201010102000000000060dd96b77942000060dd96b77942a0eb6c79',
    '9b0100d66d799b0100d66d799b010100040000000500000003000301010102000000000060dd96b77942000060dd96b7',
    '7942a0eb6c799b0100d66d799b0100d66d799b010100040000000500000003000401010102000000000060dd96b77942',
    '000060dd96b77942a0eb6c799b0100d66d799b0100d66d799b0101000400000005000000030005010101020000000000',
    '60dd96b77942000060dd96b77942a0eb6c799b0100d66d799b0100d66d799b0101000400000005000000030000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000',
    '0000000000000000',
  ].join(''),
  dueKey: '00000019b796000000000009000000000002',
  dueChunk: '6d5530940200000060dd96b77942070000000000000860dd96b77942030000000001',
  setKey: '000000000010000000000001',
  setBlock: '13a71dfd3a300000010000000000030010000000010003006400ffff',
} as const;

const trace = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  flags: 1,
  state: 'vendor=1',
};

/** The types of the specs' server: theirs is the fourth. */
function typesOf(...names: string[]): TypeDictionary {
  const types = new TypeDictionary();
  names.forEach((name, id) => types.restore(id, name));
  return types;
}

t.test('a journal of version 1: its head, and an entry', async (t) => {
  const salt = Buffer.from(Array.from({ length: saltBytes }, (_, i) => i));
  const head = 'c3ff059d6573636170656d656e74206a6f75726e01000102030405060708090a0b0c0d0e0f00040000';
  const block = journalHead(salt, 1024);
  t.equal(block.length, blockBytes);
  t.equal(block.subarray(0, 41).toString('hex'), head);
  t.ok(block.subarray(41).every((byte) => byte === 0));
  t.same(readJournalHead(Buffer.concat([block, Buffer.alloc(1023 * blockBytes)])), { salt, blocks: 1024 });
  const batch: SealedBatch = {
    position: 7,
    buffer: new Uint8Array(Buffer.from('recordspec')).buffer,
    bytes: 10,
    recordBytes: 6,
    specs: [3, 6, 4],
    puts: [
      { tree: 'keys', key: Buffer.from('k'), value: Buffer.from('use') },
      { tree: 'finished', key: Buffer.from('f'), value: null },
    ],
  };
  const entry = [
    '1831dbe7000102030405060708090a0b0c0d0e0f070000000000290000000a0000000600000001000000030000000000',
    '0600000004000000020000000801006b0300000075736507010066ffffffff7265636f726473706563',
  ].join('');
  const written = Buffer.concat(journalEntry(batch, salt));
  t.equal(written.length, blockBytes);
  t.equal(written.subarray(0, entry.length / 2).toString('hex'), entry);
  const bytes = Buffer.alloc(blockBytes);
  Buffer.from(entry, 'hex').copy(bytes);
  t.same(readJournalEntry(bytes, 0, salt), { batch, blocks: 1 });
});

t.test('a row with a flag of a later version is newer, not damaged', async (t) => {
  const row = Buffer.alloc(rowBytes);
  writeRow(row, 0, sampleState(), 0, true);
  t.equal(rowHasDetail(row, 0), true);
  row[3] = 128 + 1;
  t.equal(rowHasDetail(row, 0), true, 'what is known is read');
  t.throws(() => readRow(row, 0), { name: 'NewerRecord', message: /a job's state was written by a newer escapement/ });
});

t.test(
  'specs of version 1, of version 2 with what has run already, and of version 3 with the trace of a request',
  async (t) => {
    const specs: [bytes: string, version: number, spec: JobSpec][] = [
      [known.specOnce, 1, sampleSpec()],
      [
        known.specCron,
        1,
        sampleSpec({ trigger: everyMinute, backoff: 'fixed', misfire: 'skip', idempotencyKey: 'key' }),
      ],
      [
        known.specWithAlreadyRan,
        2,
        sampleSpec({ trigger: everyTenSeconds, alreadyRan: [{ from: noon, until: noon + 1000 }] }),
      ],
      [known.specWithTrace, 3, sampleSpec({ trace })],
    ];
    const types = typesOf('a', 'b', 'c', 'noop');
    for (const [hex, version, spec] of specs) {
      const bytes = Buffer.from(hex, 'hex');
      t.equal(bytes[4], version);
      t.same(readSpec(7, bytes, types), spec);
      const out = new ByteWriter();
      writeSpec(out, spec, 3);
      t.equal(out.since(0).toString('hex'), hex);
    }
  },
);

const idSeconds = 1_767_268_740;
const bodies: readonly EventBody[] = [
  { type: 'job.scheduled', triggerAt: noon, isRepeat: false },
  { type: 'job.started', attempt: 1 },
  { type: 'job.completed', durationMs: 5 },
  { type: 'job.failed', error: 'no', retryCount: 1, maxRetries: 3, final: true },
  { type: 'job.retrying', nextRetryAt: noon, retryCount: 1, cause: 'failure' },
  { type: 'job.retrying', nextRetryAt: noon, retryCount: 1, cause: 'manual' },
  { type: 'job.retrying', nextRetryAt: noon, retryCount: 1, cause: 'interruption' },
  { type: 'job.cancelled', previousStatus: 'pending' },
  { type: 'job.cancelled', previousStatus: 'running' },
  { type: 'job.cancelled', previousStatus: 'success' },
  { type: 'job.cancelled', previousStatus: 'failed' },
  { type: 'job.cancelled', previousStatus: 'cancelled' },
  { type: 'job.updated', triggerAt: noon, isRepeat: true },
];
const record: LogRecord = {
  position: 9,
  at: noon,
  logBytes: 100,
  counters: { nextSeq: 13, jobs: 5, lastEvent: 20, completed: 1, failed: 2, cancelled: 3, idSeconds },
  changes: [
    { seq: 7, name: 'noop', state: sampleState({ status: 'pending' }), hasDetail: true, detail: { result: '1' } },
    { seq: 8, name: 'noop', state: sampleState({ status: 'running' }), hasDetail: false },
    { seq: 9, name: 'noop', state: sampleState({ status: 'success' }), hasDetail: false },
    { seq: 10, name: 'noop', state: sampleState({ status: 'failed' }), hasDetail: false },
    { seq: 11, name: 'noop', state: sampleState({ status: 'cancelled' }), hasDetail: false },
    { seq: 12, name: 'noop', state: undefined, hasDetail: false },
  ],
  events: bodies.map((body, i) => ({ seq: 8 + i, jobSeq: 7, idSeconds, jobName: 'noop', at: noon, body })),
};

t.test('a log record of version 1 with every status and every event', async (t) => {
  const read = new LogRecordReader(9, Buffer.from(known.record, 'hex'));
  t.same(read.counters, record.counters);
  t.equal(read.logBytes, 100);
  t.same(read.events(new TypeDictionary()), record.events);
  t.same([...read.details()], [{ seq: 7, json: '{"result":"1"}' }]);
  const found: unknown[] = [];
  read.rows((seq, at) => found.push([seq, rowStatus(read.bytes, at)]));
  t.same(
    found,
    record.changes.map(({ seq, state }) => [seq, state?.status]),
  );
  const out = new ByteWriter();
  writeLogRecord(out, record, new TypeDictionary());
  t.equal(out.since(0).toString('hex'), known.record);
});

t.test('a page of rows of version 1', async (t) => {
  const rest = { fence: 2, attempt: 1, startedAt: noon, finishedAt: noon };
  const counts = { retryCount: 1, interruptions: 1, skipped: 4, missed: 5 };
  const page = Buffer.from(known.page, 'hex');
  checkPage(page, 0);
  const again = emptyPage();
  statuses.forEach((status, i) => {
    const state = sampleState({ status, ...rest, ...counts });
    t.same(readRow(page, rowAt(i + 1)), state);
    t.equal(rowType(page, rowAt(i + 1)), 3);
    t.ok(rowHasDetail(page, rowAt(i + 1)));
    writeRow(again, rowAt(i + 1), state, 3, true);
  });
  t.equal(readRow(page, rowAt(0)), undefined);
  sealPage(again, 0);
  t.equal(again.toString('hex'), known.page);
});

t.test('a chunk of the due index', async (t) => {
  const entries = [
    { due: noon, seq: 7 },
    { due: noon + 0.5, seq: 2 ** 40 + 3 },
  ];
  const [key, chunk] = [Buffer.from(known.dueKey, 'hex'), Buffer.from(known.dueChunk, 'hex')];
  t.same([due.bucketOfKey(key), due.runOfKey(key), due.chunkOfKey(key)], [due.bucketOf(noon), 9, 2]);
  t.same(due.decodeDueChunk(chunk, key), entries);
  t.same(due.lastOfDueChunk(chunk, key), entries[1]);
  t.equal(due.dueKey(due.bucketOf(noon), 9, 2).toString('hex'), known.dueKey);
  t.equal(due.encodeDueChunk(entries, key).toString('hex'), known.dueChunk);
});

t.test('a block of a set of jobs', async (t) => {
  const places = [1, 3, 100, 65_535];
  const [key, block] = [Buffer.from(known.setKey, 'hex'), Buffer.from(known.setBlock, 'hex')];
  t.same([sets.setOfKey(key), sets.blockOfKey(key)], [16, 1]);
  const read = sets.decodeSet(block, key);
  t.same([...read], places);
  const made = new RoaringBitmap32(places);
  t.equal(sets.setKey(16, 1).toString('hex'), known.setKey);
  t.equal(sets.sealSet(sets.packSet(made), key).toString('hex'), known.setBlock);
  for (const bitmap of [read, made]) bitmap.dispose();
});
