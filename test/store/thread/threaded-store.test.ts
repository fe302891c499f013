/** The storage thread: what it commits can be read in the main thread once it says so. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { create } from '../../../src/domain/decisions.js';
import { Batch } from '../../../src/scheduler/batch.js';
import { rowStatus } from '../../../src/store/format/row.js';
import { type SealedBatch, sealChanges } from '../../../src/store/format/sealing.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { LmdbKv } from '../../../src/store/kv/kv-lmdb.js';
import { makeJournal } from '../../../src/store/log/journal-file.js';
import { KvLogSource } from '../../../src/store/log/kv-log.js';
import { noCounters } from '../../../src/store/port.js';
import { ThreadedStore } from '../../../src/store/thread/threaded-store.js';
import { JobSets } from '../../../src/store/trees/job-sets.js';
import { readMark } from '../../../src/store/trees/merge-mark.js';
import { StoreReader } from '../../../src/store/trees/reader.js';
import { noon, sampleSpec } from '../samples.js';

function sealed(position: number, types: TypeDictionary): SealedBatch {
  const batch = new Batch();
  const spec = sampleSpec({ seq: position });
  batch.apply(undefined, create(spec, noon));
  const counters = { ...noCounters, nextSeq: position + 1 };
  const { touched: jobs, events, keys, jobKeys, passed } = batch;
  return sealChanges({ at: noon, counters, jobs, events, keys, jobKeys, passed }, { position, logBytes: 0, types });
}

/** Opens a store and a reader; `next` resolves to the store's next answer. */
async function open(directory: string): Promise<{
  store: ThreadedStore;
  kv: LmdbKv;
  next: () => Promise<string>;
  checkpoint: (position: number) => Promise<void>;
  crashed: Error[];
}> {
  makeJournal(directory);
  const store = await ThreadedStore.open({ directory });
  const kv = new LmdbKv(directory);
  const answers: string[] = [];
  let checkpointed = 0;
  const crashed: Error[] = [];
  let wake = (): void => {};
  const say = (what: string): void => {
    answers.push(what);
    wake();
  };
  store.listen(
    {
      committed: (position) => say(`committed ${position}`),
      failed: (position, { message }) => say(`failed ${position} ${message}`),
      checkpointed: (position) => {
        checkpointed = position;
        wake();
      },
      logsWritten: () => {},
      logsRefused: () => {},
      merged: (position) => say(`merged ${position}`),
    },
    (error) => crashed.push(error),
  );
  const next = async (): Promise<string> => {
    while (answers.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    return answers.shift() as string;
  };
  const checkpoint = async (position: number): Promise<void> => {
    while (checkpointed < position) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  return { store, kv, next, checkpoint, crashed };
}

t.test(
  'after a checkpoint that was reported all is read at once, after a merge too; an order to close is kept',
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'escapement-store-'));
    const { store, kv, next, checkpoint, crashed } = await open(directory);
    t.equal(store.clean, true, 'a new directory is in order');
    const types = new TypeDictionary();
    const reader = new StoreReader(kv, types);
    const log = new KvLogSource(kv);
    for (let position = 1; position <= 50; position++) {
      store.commit(sealed(position, types));
      types.written(types.size);
      t.equal(await next(), `committed ${position}`);
      if (position % 10 !== 0) continue;
      await checkpoint(position);
      reader.sync();
      if (!log.read(position)) t.fail(`record ${position} cannot be read after its checkpoint was reported`);
      if (!reader.spec(position)) t.fail(`spec ${position} cannot be read after its checkpoint was reported`);
    }
    const sets = new JobSets();
    for (let seq = 1; seq <= 50; seq++) sets.set(seq, 'pending', 0);
    store.merge({ position: 50, watermark: noon, sets: sets.takeChanged(), now: noon });
    t.equal(await next(), 'merged 50');
    reader.refresh();
    t.equal(readMark(kv).position, 50);
    const row = reader.row(50)!;
    t.equal(rowStatus(row.bytes, row.at), 'pending');
    await store.close(true);
    await store.close(true);
    await kv.close();
    t.same(crashed, []);

    const again = await open(directory);
    t.equal(again.store.clean, true, 'it was left in order');
    await again.store.close(false);
    await again.kv.close();
    const unclean = await open(directory);
    t.equal(unclean.store.clean, false, 'it was not');
    await unclean.store.close(true);
    await unclean.kv.close();
    rmSync(directory, { recursive: true });
  },
);

t.test('a merge asked for is finished by a clean close', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'escapement-store-'));
  const { store, kv, next } = await open(directory);
  store.commit(sealed(1, new TypeDictionary()));
  t.equal(await next(), 'committed 1');
  store.merge({ position: 1, watermark: noon, sets: [], now: noon });
  await store.close(true);
  kv.refresh();
  t.equal(readMark(kv).position, 1);
  await kv.close();
  rmSync(directory, { recursive: true });
});

t.test('a directory that cannot be opened rejects with the reason', async (t) => {
  const parent = mkdtempSync(join(tmpdir(), 'escapement-store-'));
  const file = join(parent, 'a-file');
  writeFileSync(file, 'x');
  await t.rejects(ThreadedStore.open({ directory: file }), { message: /Not a directory/ });
  rmSync(parent, { recursive: true });
});
