/** A record that is damaged concerns its own job: that one is set aside, the others go on. */

import t from 'tap';
import { metaKey, pageKey, pageOf, specKey, type Tree } from '../../src/store/format/layout.js';
import type { KvWriter } from '../../src/store/kv/kv.js';
import { World } from '../support/world.js';
import { after, draftOf, fillDisk, id, make, minute, running, state } from './worlds.js';

function flip(tx: KvWriter, tree: Tree, key: Buffer): void {
  const value = tx.get(tree, key) as Buffer;
  value[value.length >> 1] = (value[value.length >> 1] as number) ^ 1;
  tx.put(tree, key, value);
}

/** Forty jobs, merged into the trees, on a server that has read none of them yet. */
function stored(): World {
  const world = new World({ mergeRows: 1, poolCapacity: 100 });
  for (let i = 0; i < 40; i++) make(world, { trigger: after(minute) });
  return world.restart();
}

t.test('a job whose spec is damaged is set aside; those beside it run', async (t) => {
  const world = stored();
  world.kv.transact((tx) => flip(tx, 'specs', specKey(7)));
  world.pass(minute);
  t.equal(running(world).length, 39);
  t.notOk(running(world).includes(7));
  t.same(world.logged, ['error: a job is set aside: its record is damaged']);
  t.same(world.fatal, []);
});

t.test('a damaged page sets its jobs aside and no others', async (t) => {
  const world = stored();
  world.kv.transact((tx) => flip(tx, 'states', pageKey(pageOf(20))));
  world.pass(minute);
  t.same(
    running(world).sort((a, b) => a - b),
    Array.from({ length: 40 }, (_, i) => i + 1).filter((seq) => pageOf(seq) !== pageOf(20)),
  );
});

t.test('a refused write while the record of a running job is damaged concerns nobody else', async (t) => {
  const world = stored();
  world.pass(minute);
  world.kv.transact((tx) => flip(tx, 'specs', specKey(7)));
  const free = fillDisk(world);
  t.match(world.ask({ kind: 'create', draft: draftOf() }), { ok: false, refusal: { code: 'storage_unavailable' } });
  free();
  world.pass(1000);
  for (const seq of running(world)) world.end(seq);
  t.equal(state(world, 8).status, 'success');
  t.equal(state(world, 7).status, 'success', 'its attempt was known');
  t.same(world.fatal, []);
});

t.test('a request about a damaged job is answered, and not with what it is not', async (t) => {
  const world = stored();
  const jobId = id(world, 7);
  const other = id(world, 8);
  const fresh = world.restart();
  fresh.kv.transact((tx) => flip(tx, 'specs', specKey(7)));
  t.match(fresh.ask({ kind: 'cancel', id: jobId }), { ok: false, refusal: { code: 'internal_error' } });
  t.match(fresh.ask({ kind: 'cancel', id: other }), { ok: true });
  t.throws(() => fresh.queries.get(jobId), { name: 'Refusal', code: 'internal_error' });
  t.equal(state(fresh, 7).status, 'pending');
});

t.test('a damaged due index ends the server: what is due could be missed', async (t) => {
  const world = new World({ mergeRows: 1, windowCapacity: 8 });
  for (let i = 0; i < 40; i++) make(world, { trigger: after(minute) });
  const next = world.restart();
  next.kv.transact((tx) => {
    for (const { key } of [...tx.entries('due', {})]) flip(tx, 'due', key);
  });
  t.match(next.crash().fatal[0], /the due index does not match its checksum/);
});

t.test('a job whose record was lost is not taken for one that is gone', async (t) => {
  const losses: [what: string, lose: (tx: KvWriter) => void][] = [
    ['state page', (tx) => tx.remove('states', pageKey(pageOf(7)))],
    ['spec', (tx) => tx.remove('specs', specKey(7))],
  ];
  for (const [what, lose] of losses) {
    const world = stored();
    const jobId = id(world, 7);
    const fresh = world.restart();
    fresh.kv.transact(lose);
    const refused = { name: 'Refusal', code: 'internal_error' };
    t.throws(() => fresh.queries.get(jobId), refused, what);
    t.throws(() => fresh.queries.list({ limit: 100, offset: 0 }), refused, `${what}: a list does not leave it out`);
    t.match(fresh.ask({ kind: 'cancel', id: jobId }), { ok: false, refusal: { code: 'internal_error' } });
    t.throws(() => fresh.queries.get(jobId), refused);
    const told = fresh.logged.filter((line) => line === 'error: a damaged record was asked for');
    t.equal(told.length, what === 'spec' ? 1 : 2, `${what}: each damaged record is told once`);
    t.equal(fresh.queries.list({ limit: 10, offset: 0 }).total, 40, 'others are listed');
  }
});

t.test('a start is refused when what was counted is not there', async (t) => {
  const all = (tx: KvWriter, tree: Tree): Buffer[] => [...tx.keys(tree, {})];
  const losses: [what: RegExp, lose: (tx: KvWriter) => void][] = [
    [/log record \d+ is missing/, (tx) => tx.remove('log', all(tx, 'log').at(-1)!)],
    [/log record \d+ is missing/, (tx) => all(tx, 'log').forEach((key) => tx.remove('log', key))],
    [/the sets of jobs are not complete/, (tx) => tx.remove('bitmaps', all(tx, 'bitmaps').at(0)!)],
    [/the sets of jobs are not complete/, (tx) => all(tx, 'bitmaps').forEach((key) => tx.remove('bitmaps', key))],
    [/the list of job types is not complete/, (tx) => tx.remove('meta', metaKey('types'))],
  ];
  for (const [what, lose] of losses) {
    const world = stored();
    world.kv.transact(lose);
    // Only a start soon after a checkpoint could have it from there.
    world.kv.journal.empty();
    t.throws(() => world.crash(), { name: 'DamagedRecord', message: what });
  }
});
