/** One suite for every adapter of the log: on LMDB, on a real file, and on the memory that the simulation crashes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { SealedBatch } from '../../../src/store/format/sealing.js';
import type { KvReader } from '../../../src/store/kv/kv.js';
import { LmdbKv } from '../../../src/store/kv/kv-lmdb.js';
import { Journal } from '../../../src/store/log/journal.js';
import { makeJournal } from '../../../src/store/log/journal-file.js';
import { JournaledLog } from '../../../src/store/log/journaled-log.js';
import { KvLog, KvLogSource } from '../../../src/store/log/kv-log.js';
import { openLog } from '../../../src/store/log/open-log.js';
import type { LogSource, RecordLog, RecordRange } from '../../../src/store/log/record-log.js';
import { MemoryKv } from '../../support/kv-memory.js';

/** A log under test, the trees that its appends add to, and the same log opened anew. */
interface Opened {
  readonly log: RecordLog;
  readonly trees: KvReader;
  again(): Promise<LogSource>;
}

/** Runs `body` with a fresh log of each adapter. */
function each(name: string, body: (t: Test, open: () => Opened) => Promise<void>): void {
  t.test(`memory: ${name}`, (t) =>
    body(t, () => {
      const kv = new MemoryKv();
      return { log: new KvLog(kv), trees: kv, again: async () => new KvLogSource(kv) };
    }),
  );
  t.test(`memory with a journal: ${name}`, (t) =>
    body(t, () => {
      const kv = new MemoryKv();
      const log = () => new JournaledLog(new KvLog(kv), new Journal(kv.journal));
      return { log: log(), trees: kv, again: async () => log() };
    }),
  );
  for (const journaled of [false, true]) onLmdb(name, journaled, body);
}

function onLmdb(name: string, journaled: boolean, body: (t: Test, open: () => Opened) => Promise<void>): void {
  t.test(`lmdb${journaled ? ' with a journal' : ''}: ${name}`, async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'escapement-log-'));
    if (journaled) makeJournal(directory);
    const opened: LmdbKv[] = [];
    const logOf = (kv: LmdbKv) => (journaled ? openLog(kv, directory) : new KvLog(kv));
    const openKv = (): LmdbKv => {
      const kv = new LmdbKv(directory);
      opened.push(kv);
      return kv;
    };
    try {
      await body(t, () => {
        const kv = openKv();
        const again = async (): Promise<LogSource> => {
          await opened.pop()?.close();
          return logOf(openKv());
        };
        return { log: logOf(kv), trees: kv, again };
      });
    } finally {
      for (const kv of opened) await kv.close();
      rmSync(directory, { recursive: true });
    }
  });
}

const contentOf = (position: number): string => `record ${position}`;

/** A batch whose record says its position, with `more` behind it in the same buffer. */
function batchOf(position: number, more: Partial<Pick<SealedBatch, 'specs' | 'puts'>> = {}): SealedBatch {
  const record = Buffer.from(contentOf(position));
  const bytes = Buffer.concat([record, Buffer.from('spec')]);
  const buffer = new Uint8Array(bytes).buffer;
  return { position, buffer, bytes: buffer.byteLength, recordBytes: record.length, specs: [], puts: [], ...more };
}

function append(log: RecordLog, first: number, last: number): void {
  for (let position = first; position <= last; position++) log.append(batchOf(position));
}

const positions = (log: LogSource, range: RecordRange = {}): number[] =>
  Array.from(log.records(range), ({ position }) => position);

each('an empty log has no ends and no records', async (t, open) => {
  const { log } = open();
  t.equal(log.ends(), undefined);
  t.equal(log.size(), 0);
  t.equal(log.read(1), undefined);
  t.same(positions(log), []);
  t.equal(
    log.trim(10, 10, () => true),
    0,
  );
});

each(
  'what was appended is read as it was, alone and in order, past the bytes that keys are made of',
  async (t, open) => {
    const { log } = open();
    append(log, 1, 300);
    t.same(log.ends(), { first: 1, last: 300 });
    t.equal(log.size(), 300);
    for (const position of [1, 255, 256, 300]) t.equal(String(log.read(position)), contentOf(position));
    t.equal(log.read(301), undefined);
    const read = [...log.records({})];
    t.same(
      read.map(({ position }) => position),
      Array.from({ length: 300 }, (_, i) => i + 1),
    );
    t.ok(read.every(({ position, bytes }) => String(bytes) === contentOf(position)));
  },
);

each('a range begins with its first and ends before its last, in both directions', async (t, open) => {
  const { log } = open();
  append(log, 1, 9);
  t.same(positions(log, { from: 7 }), [7, 8, 9]);
  t.same(positions(log, { to: 3 }), [1, 2]);
  t.same(positions(log, { from: 3, to: 5 }), [3, 4]);
  t.same(positions(log, { to: 4, reverse: true }), [3, 2, 1]);
  t.same(positions(log, { from: 8, reverse: true }), [9, 8]);
  t.same(positions(log, { from: 10 }), []);
});

each('what a commit writes beside its record is there with it', async (t, open) => {
  const { log, trees } = open();
  const at = contentOf(1).length;
  const name = Buffer.from('name');
  log.append(
    batchOf(1, { specs: [5, at, 4, 3, at, 2], puts: [{ tree: 'keys', key: name, value: Buffer.from('use') }] }),
  );
  log.checkpoint();
  t.same(
    Array.from(trees.entries('specs', {}), ({ value }) => String(value)),
    ['sp', 'spec'],
    'in order of their jobs, whatever order they come in',
  );
  t.equal(String(trees.get('keys', name)), 'use');
  log.append(batchOf(2, { puts: [{ tree: 'keys', key: name, value: null }] }));
  log.checkpoint();
  t.equal(trees.get('keys', name), undefined);
});

each('an append that fails leaves nothing, and the next one takes its position', async (t, open) => {
  const { log, trees } = open();
  append(log, 1, 1);
  const name = Buffer.from('name');
  const broken = { tree: 'nowhere' as 'keys', key: name, value: Buffer.from('use') };
  t.throws(() => log.append(batchOf(2, { specs: [9, 0, 2], puts: [{ ...broken, tree: 'keys' }, broken] })));
  t.same(log.ends(), { first: 1, last: 1 });
  t.equal(trees.get('keys', name), undefined);
  t.same([...trees.keys('specs', {})], []);
  log.append(batchOf(2, { specs: [9, contentOf(2).length, 4] }));
  t.same(log.ends(), { first: 1, last: 2 });
  t.equal(log.checkpointed, 2);
  t.equal([...trees.keys('specs', {})].length, 1);
});

each(
  'a trim drops the first records up to the last that is over, and never the one it stops before',
  async (t, open) => {
    const { log } = open();
    append(log, 1, 10);
    const seen: number[] = [];
    const trimmed = log.trim(8, 5, ({ position, bytes }) => {
      if (String(bytes) !== contentOf(position)) t.fail(`record ${position} is shown as another`);
      seen.push(position);
      return position === 2 || position === 3;
    });
    t.equal(trimmed, 3);
    t.ok(
      seen.every((position) => position <= 5),
      'no more are looked at than was said',
    );
    t.same(log.ends(), { first: 4, last: 10 });
    t.equal(log.size(), 7);
    t.equal(log.read(3), undefined);
    t.equal(
      log.trim(8, 100, () => true),
      4,
    );
    t.same(positions(log), [8, 9, 10]);
    t.equal(
      log.trim(8, 100, () => true),
      0,
      'what comes first is what is to stay',
    );
    t.equal(
      log.trim(11, 100, () => false),
      0,
    );
    append(log, 11, 12);
    t.same(positions(log), [8, 9, 10, 11, 12]);
  },
);

each('a trim that fails leaves all', async (t, open) => {
  const { log } = open();
  append(log, 1, 5);
  const reason = new Error('cannot tell');
  t.throws(
    () =>
      log.trim(5, 5, ({ position }) => {
        if (position === 4) throw reason;
        return true;
      }),
    reason,
  );
  t.same(positions(log), [1, 2, 3, 4, 5]);
});

each('who opens the log anew finds what was appended and trimmed', async (t, open) => {
  const opened = open();
  append(opened.log, 1, 20);
  opened.log.trim(6, 100, () => true);
  const log = await opened.again();
  t.same(log.ends(), { first: 6, last: 20 });
  t.equal(log.size(), 15);
  t.equal(String(log.read(20)), contentOf(20));
});
