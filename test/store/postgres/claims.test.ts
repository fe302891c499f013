/** What a commit takes and gives free over a whole cluster is what it writes about keys. */
import t from 'tap';
import { limits } from '../../../src/domain/limits.js';
import { jobKeyPut } from '../../../src/store/format/trees/job-key.js';
import { keyUsePuts } from '../../../src/store/format/trees/key-use.js';
import { claimsOf } from '../../../src/store/postgres/claims.js';

const at = 1_704_180_000_000;

t.test('keys of jobs and idempotency keys, taken', async (t) => {
  const puts = [
    jobKeyPut('pay order-1', { seq: 7, keptUntil: 0 }),
    ...keyUsePuts('a client key', { seq: 8, digest: 'abc', at }),
    { tree: 'meta' as const, key: Buffer.from('mark'), value: Buffer.alloc(1) },
  ];
  t.same(claimsOf(3, { puts }), {
    claims: [
      { kind: 'key', name: 'pay order-1', shard: 3, slot: 7, digest: '' },
      {
        kind: 'idempotency',
        name: 'a client key',
        shard: 3,
        slot: 8,
        digest: 'abc',
        expiresAt: at + limits.idempotencyKeptMs,
      },
    ],
    // So that the shard may give a name that it holds to another of its jobs.
    released: [
      { kind: 'key', name: 'pay order-1' },
      { kind: 'idempotency', name: 'a client key' },
    ],
  });
});

t.test('given free with the job', async (t) => {
  const puts = [jobKeyPut('pay order-1', undefined)];
  t.same(claimsOf(3, { puts }), { claims: [], released: [{ kind: 'key', name: 'pay order-1' }] });
});

t.test('the last of several in one commit counts', async (t) => {
  const puts = [jobKeyPut('a b', { seq: 1, keptUntil: 0 }), jobKeyPut('a b', { seq: 2, keptUntil: 5 })];
  t.match(claimsOf(0, { puts }).claims, [{ slot: 2 }]);
  t.equal(claimsOf(0, { puts }).claims.length, 1);
  const gone = [jobKeyPut('a b', { seq: 1, keptUntil: 0 }), jobKeyPut('a b', undefined)];
  t.same(claimsOf(0, { puts: gone }), { claims: [], released: [{ kind: 'key', name: 'a b' }] });
});

t.test('most commits name nothing', async (t) => {
  t.same(claimsOf(0, { puts: [] }), { claims: [], released: [] });
});
