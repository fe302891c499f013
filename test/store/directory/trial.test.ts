/** A trial of opening reads and writes as a start does, and leaves what is on disk as it was. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { openOnTrial } from '../../../src/store/directory/trial.js';
import { encodeMeta, metaKey, trees } from '../../../src/store/format/layout.js';
import type { KvReader } from '../../../src/store/kv/kv.js';
import { LmdbKv } from '../../../src/store/kv/kv-lmdb.js';
import { DamagedRecord } from '../../../src/store/port.js';
import { anyHandler, World } from '../../support/world.js';

const root = mkdtempSync(join(tmpdir(), 'escapement-trial-'));
t.teardown(() => rmSync(root, { recursive: true }));

const entriesOf = (kv: KvReader): string[] =>
  trees.flatMap((tree) =>
    [...kv.entries(tree, {})].map(({ key, value }) => `${tree} ${key.toString('hex')} ${value.toString('hex')}`),
  );

/** A store with a job, closed in order; returns what is in it. */
async function store(path: string): Promise<string[]> {
  const world = new World({ handlers: [anyHandler('noop')] });
  const trigger = { kind: 'delay', delayMs: 1000 } as const;
  world.ask({ kind: 'create', draft: { name: 'noop', trigger, isRepeat: false, payload: '{}' } });
  world.settle();
  const kv = new LmdbKv(path);
  kv.transact((tx) => {
    for (const tree of trees) for (const { key, value } of world.kv.entries(tree, {})) tx.put(tree, key, value);
    tx.put('meta', metaKey('clean'), encodeMeta(true, 'clean'));
  });
  const entries = entriesOf(kv);
  await kv.close();
  return entries;
}

t.test('what a trial writes is taken back', async (t) => {
  const path = join(root, 'whole');
  const before = await store(path);
  t.ok(before.some((entry) => entry.startsWith('log ')));
  await openOnTrial(path);
  const kv = new LmdbKv(path);
  t.same(entriesOf(kv), before);
  await kv.close();
});

t.test('what a start could not read is thrown', async (t) => {
  const path = join(root, 'damaged');
  await store(path);
  const kv = new LmdbKv(path);
  kv.transact((tx) => {
    for (const { key } of [...tx.entries('log', { limit: 1 })]) tx.put('log', key, Buffer.alloc(100));
  });
  await kv.close();
  await t.rejects(openOnTrial(path), DamagedRecord);
});
