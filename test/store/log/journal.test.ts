/** The journal: what a start finds in it after any end, and what it refuses. */
import fc from 'fast-check';
import t from 'tap';
import { blockBytes, journalEntry, readJournalEntry, saltBytes } from '../../../src/store/format/journal/entry.js';
import { journalHead } from '../../../src/store/format/journal/head.js';
import type { SealedBatch } from '../../../src/store/format/sealing.js';
import { Journal } from '../../../src/store/log/journal.js';
import { JournaledLog } from '../../../src/store/log/journaled-log.js';
import { KvLog } from '../../../src/store/log/kv-log.js';
import { MemoryJournal } from '../../support/journal-memory.js';
import { MemoryKv } from '../../support/kv-memory.js';

const sectorBytes = 512;

/** A batch whose record has so many bytes, and a spec and two puts beside it. */
function batchOf(position: number, bytes = 10): SealedBatch {
  const record = Buffer.alloc(bytes, position);
  const spec = Buffer.from(`spec ${position}`);
  const whole = Buffer.concat([record, spec]);
  return {
    position,
    buffer: new Uint8Array(whole).buffer,
    bytes: whole.length,
    recordBytes: record.length,
    specs: [position, record.length, spec.length],
    puts: [
      { tree: 'keys', key: Buffer.from(`key ${position}`), value: Buffer.from('use') },
      { tree: 'finished', key: Buffer.from('passed'), value: null },
    ],
  };
}

const file = (): MemoryJournal => new MemoryJournal(() => {});
const positions = (batches: readonly SealedBatch[]): number[] => batches.map(({ position }) => position);
/** What a start finds that has the log up to a position. */
const found = (from: MemoryJournal, logEnd = 0): number[] => positions(new Journal(from).recover(logEnd));

function filled(count: number, from = 1): MemoryJournal {
  const kept = file();
  const journal = new Journal(kept);
  for (let i = 0; i < count; i++) journal.append(batchOf(from + i));
  return kept;
}

t.test('a batch comes back as it went in, whatever is in it', async (t) => {
  const kept = file();
  const journal = new Journal(kept);
  const batches = [batchOf(1), batchOf(2, 3 * blockBytes), { ...batchOf(3), specs: [], puts: [] }];
  for (const batch of batches) {
    t.ok(journal.fits(batch));
    journal.append(batch);
  }
  t.same(new Journal(kept).recover(0), batches);
});

t.test('only what is behind the end of the log counts, and what an earlier round left does not', async (t) => {
  const kept = filled(5);
  t.same(found(kept, 0), [1, 2, 3, 4, 5]);
  t.same(found(kept, 3), [4, 5]);
  t.same(found(kept, 5), []);
  t.same(found(kept, 9), []);
  const journal = new Journal(kept);
  journal.append(batchOf(6));
  t.same(found(kept, 5), [6], 'those behind it are older');
  journal.append(batchOf(7, 2 * blockBytes));
  t.same(found(kept, 5), [6, 7], 'one may end in the middle of an older one');
});

t.test('a start after a torn write has all that was acknowledged, and of the last all or nothing', async () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 2 * blockBytes }), { minLength: 1, maxLength: 5 }),
      fc.integer({ min: 0, max: 3 }),
      fc.infiniteStream(fc.boolean()),
      (sizes, round, survives) => {
        const kept = file();
        const journal = new Journal(kept);
        // What is left of an earlier round lies under it.
        for (let i = 1; i <= round; i++) journal.append(batchOf(i, 100 * i));
        journal.restart();
        const acknowledged = sizes.slice(0, -1).map((size, i) => batchOf(round + 1 + i, size));
        for (const batch of acknowledged) if (journal.fits(batch)) journal.append(batch);
        const before = Buffer.from(kept.bytes);
        const last = batchOf(round + sizes.length, sizes.at(-1));
        if (!journal.fits(last)) return true;
        journal.append(last);
        for (let at = 0; at < kept.bytes.length; at += sectorBytes)
          if (!survives.next().value) before.copy(kept.bytes, at, at, at + sectorBytes);
        const all = found(kept, round);
        return all.length === acknowledged.length || (all.length === sizes.length && all.at(-1) === last.position);
      },
    ),
    { numRuns: 300 },
  );
});

t.test('an entry that was acknowledged and is damaged is noticed when one follows it', async (t) => {
  const kept = filled(4);
  kept.bytes[2 * blockBytes + 60] = (kept.bytes[2 * blockBytes + 60] as number) ^ 1;
  t.throws(() => found(kept), { name: 'DamagedRecord', message: /log record 2 is missing in the journal/ });
  t.same(found(kept, 2), [3, 4], 'but not when the log has it');
  t.throws(() => found(filled(3, 5), 2), { name: 'DamagedRecord', message: /log record 3 is missing/ });
});

t.test('a batch whose flush was refused is not taken by the next start', async (t) => {
  const kept = filled(1);
  let refusals = 0;
  const refusing = {
    read: () => kept.read(),
    write: (at: number, pieces: readonly Uint8Array[]) => {
      kept.write(at, pieces);
      if (refusals++ === 0) throw new Error('no room');
    },
    close: () => {},
  };
  const journal = new Journal(refusing);
  journal.recover(0);
  t.throws(() => journal.append(batchOf(2)), { message: 'no room' });
  t.same(found(kept, 1), []);
  journal.append(batchOf(2, 100));
  t.same(found(kept, 1), [2], 'the next one is');
});

t.test('a payload that looks like an entry is none', async (t) => {
  const forged = Buffer.concat(journalEntry(batchOf(2), Buffer.alloc(saltBytes)));
  const kept = file();
  const journal = new Journal(kept);
  const record = Buffer.concat([Buffer.alloc(2 * blockBytes), forged, Buffer.alloc(blockBytes)]);
  journal.append({
    position: 1,
    buffer: new Uint8Array(record).buffer,
    bytes: record.length,
    recordBytes: record.length,
    specs: [],
    puts: [],
  });
  t.same(found(kept), [1]);
  for (let at = blockBytes; at < kept.bytes.length - forged.length; at++) {
    const entry = readJournalEntry(kept.bytes, at, Buffer.alloc(saltBytes, 7));
    if (entry && at !== blockBytes) t.fail(`an entry is read at byte ${at}`);
  }
  kept.bytes[blockBytes + 4] = 1;
  t.same(found(kept), [], 'nor when what it is in is torn');
});

t.test('a journal that is not whole, or newer, is refused in words', async (t) => {
  const damaged = file();
  damaged.bytes[30] = (damaged.bytes[30] as number) ^ 1;
  t.throws(() => new Journal(damaged), { name: 'DamagedRecord', message: /the head of the journal/ });
  for (const bytes of [100, blockBytes, file().bytes.length - 1]) {
    const cut = file();
    cut.bytes = cut.bytes.subarray(0, bytes);
    t.throws(() => new Journal(cut), { name: 'DamagedRecord', message: /journal/ }, `${bytes} bytes`);
  }
  const newer = file();
  journalHead(Buffer.alloc(saltBytes), 16, 2).copy(newer.bytes);
  t.throws(() => new Journal(newer), { name: 'NewerRecord', message: /newer escapement .*its format is 2/ });
});

t.test('what does not fit goes to the log at once, with all before it', async (t) => {
  const kv = new MemoryKv();
  const log = new JournaledLog(new KvLog(kv), new Journal(kv.journal));
  log.append(batchOf(1));
  t.equal(log.checkpointed, 0);
  log.append(batchOf(2, kv.journal.bytes.length));
  t.equal(log.checkpointed, 2);
  log.append(batchOf(3));
  t.equal(log.checkpointed, 2);
  t.same(positions(new Journal(kv.journal).recover(2)), [3]);
  for (let position = 4; position <= 40; position++) log.append(batchOf(position));
  t.ok(log.checkpointed >= 17, 'a full journal begins anew');
  t.same(log.ends(), { first: 1, last: 40 });
  t.equal(kv.size('specs'), 40);
});
