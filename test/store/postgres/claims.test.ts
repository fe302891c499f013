/** What a commit takes and gives free over a whole cluster follows what becomes of the jobs that have the names. */
import t from 'tap';
import { asHolder } from '../../../src/domain/control/keys.js';
import type { Job } from '../../../src/domain/job.js';
import type { Status } from '../../../src/domain/lifecycle.js';
import { limits } from '../../../src/domain/limits.js';
import type { JobChange, KeyUse } from '../../../src/store/port.js';
import { claimsOf, type NamesOnDisk, type NamingChanges } from '../../../src/store/postgres/claims.js';
import { endingDigest } from '../../../src/store/postgres/database.js';

const at = 1_704_180_000_000;
const use: KeyUse = { seq: 8, digest: 'abc', at };
const nothing: NamesOnDisk = {
  keyHolder: () => undefined,
  keyUse: () => undefined,
  state: () => undefined,
  isRunning: () => false,
};
const key = { kind: 'key', name: 'pay order-1' } as const;
const request = { kind: 'idempotency', name: 'a client key' } as const;

interface Made {
  readonly seq?: number;
  readonly status?: Status;
  readonly removed?: boolean;
  readonly key?: string | undefined;
  readonly keyTtlMs?: number;
  readonly idempotencyKey?: string;
}

function change({ seq = 7, status = 'pending', removed = false, ...more }: Made): JobChange {
  const spec = { seq, name: 'pay', key: 'order-1', createdAt: at, ...more };
  const job = { spec, state: { status }, detail: {} } as unknown as Job;
  return { job, removed, detailChanged: false, specChanged: true } as JobChange;
}

const changes = (jobs: readonly JobChange[], names: Partial<NamingChanges> = {}): NamingChanges => ({
  ...{ at: at + 1000, keys: new Map(), jobKeys: new Map(), ...names },
  jobs: new Map(jobs.map((each) => [each.job.spec.seq, each])),
});

t.test('keys of jobs and idempotency keys, taken', async (t) => {
  const jobKeys = new Map([[key.name, { seq: 7, keptUntil: 0 }]]);
  const keys = new Map([[request.name, use]]);
  t.same(claimsOf(3, changes([change({}), change({ seq: 8, key: undefined })], { jobKeys, keys }), nothing), {
    claims: [
      { ...key, shard: 3, slot: 7, digest: '' },
      { ...request, shard: 3, slot: 8, digest: 'abc', expiresAt: at + limits.idempotencyKeptMs },
    ],
    // So that the shard may give a name that it holds to another of its jobs.
    released: [key, request],
  });
});

t.test('a key is given free when its job has finished, and kept as long as its key_ttl says', async (t) => {
  for (const status of ['success', 'failed', 'cancelled'] as const) {
    const finished = change({ status });
    const onDisk: NamesOnDisk = { ...nothing, keyHolder: () => asHolder(finished.job.spec) };
    t.same(claimsOf(3, changes([finished]), onDisk), { claims: [], released: [key] }, status);
    const kept = change({ status, keyTtlMs: 5000 });
    const stillOnDisk: NamesOnDisk = { ...nothing, keyHolder: () => asHolder(kept.job.spec) };
    const claim = { ...key, shard: 3, slot: 7, digest: '', expiresAt: at + 5000 };
    t.same(claimsOf(3, changes([kept]), stillOnDisk), { claims: [claim], released: [key] }, `${status}, with key_ttl`);
    t.same(claimsOf(3, { ...changes([kept]), at: at + 5000 }, stillOnDisk), { claims: [], released: [key] });
  }
  const runs = change({ status: 'running' });
  t.same(claimsOf(3, changes([runs]), { ...nothing, keyHolder: () => asHolder(runs.job.spec) }).released, []);
});

t.test('while an attempt of a cancelled job ends, its key leads there still', async (t) => {
  const cancelled = change({ status: 'cancelled' });
  const onDisk: NamesOnDisk = { ...nothing, keyHolder: () => asHolder(cancelled.job.spec), isRunning: () => true };
  t.match(claimsOf(3, changes([cancelled]), onDisk), { claims: [{ ...key, digest: endingDigest }], released: [key] });
});

t.test('made and finished in one commit', async (t) => {
  const jobKeys = new Map([[key.name, { seq: 7, keptUntil: 0 }]]);
  const end = claimsOf(3, changes([change({ status: 'cancelled' })], { jobKeys }), nothing);
  t.same(end, { claims: [], released: [key] });
});

t.test('a key that another job has by now stays its own', async (t) => {
  const onDisk: NamesOnDisk = { ...nothing, keyHolder: () => ({ seq: 9, keptUntil: 0 }) };
  t.same(claimsOf(3, changes([change({ status: 'failed' })]), onDisk), { claims: [], released: [] });
  const jobKeys = new Map([[key.name, { seq: 9, keptUntil: 0 }]]);
  const both = [change({ status: 'failed' }), change({ seq: 9 })];
  t.match(claimsOf(3, changes(both, { jobKeys }), nothing), { claims: [{ slot: 9 }], released: [key] });
});

t.test('all names go with the job', async (t) => {
  const gone = change({ removed: true, status: 'success', idempotencyKey: request.name });
  const jobKeys = new Map([[key.name, undefined]]);
  const onDisk: NamesOnDisk = { ...nothing, keyUse: () => ({ ...use, seq: 7 }) };
  t.same(claimsOf(3, changes([gone], { jobKeys }), onDisk), { claims: [], released: [key, request] });
  t.same(claimsOf(3, changes([gone], { jobKeys }), nothing).released, [key, request], 'what was forgotten, too');
  t.same(claimsOf(3, changes([gone], { jobKeys }), { ...nothing, keyUse: () => use }).released, [key]);
});

t.test('of a job that came before its key it counts how it is, and none has none', async (t) => {
  const jobKeys = new Map([[key.name, { seq: 7, keptUntil: 0 }]]);
  const keys = new Map([[request.name, use]]);
  const as = (status: Status): NamesOnDisk => ({ ...nothing, state: () => change({ status }).job.state });
  t.match(claimsOf(3, changes([], { jobKeys, keys }), as('pending')).claims, [
    { kind: 'key' },
    { kind: 'idempotency' },
  ]);
  t.match(claimsOf(3, changes([], { jobKeys, keys }), as('success')).claims, [{ kind: 'idempotency' }]);
  t.same(claimsOf(3, changes([], { jobKeys, keys }), nothing).claims, []);
});

t.test('most commits name nothing', async (t) => {
  const plain = change({ key: undefined, status: 'success' });
  t.same(claimsOf(0, changes([plain]), nothing), { claims: [], released: [] });
});
