/** Keys over real nodes: one job has a key, whichever node is asked, and also when nodes are killed. */
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { isWhole } from '../support/looks.js';
import { threeNodes } from '../support/three-nodes.js';

t.setTimeout(240_000);

interface Job {
  readonly id: string;
  readonly payload: { readonly n?: number };
  readonly job_id?: string;
}
interface Batch {
  readonly items: readonly {
    readonly status: number;
    readonly job?: Job;
    readonly problem?: { readonly code: string };
  }[];
}

const never = '9999h';

t.test('keys over three nodes', { skip: withoutPostgres }, async (t) => {
  const nodes = await threeNodes(t);
  const [first, second, third] = nodes;
  const asked = (key: string, more: object = {}) => ({ name: 'noop', delay: never, key, ...more });

  // Of many at once each key makes one job.
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  const made = await Promise.all(
    keys.flatMap((key) => nodes.map(({ api }) => api.post<Job>('/jobs', asked(key, { if_exists: 'return' })))),
  );
  t.same(
    made.map(({ status }) => status).sort(),
    [...Array(20).fill(201), ...Array(40).fill(200)].sort().reverse().sort(),
  );
  const idOf = new Map<string, string>();
  for (const [i, key] of keys.entries()) {
    const ids = new Set(made.slice(3 * i, 3 * i + 3).map(({ body }) => body.id));
    t.equal(ids.size, 1, `${key} is one job's`);
    idOf.set(key, [...ids][0] as string);
  }
  for (const [n, { api }] of nodes.entries()) {
    const taken = await api.post<Job>('/jobs', asked('k3'));
    t.match(taken, { status: 409, body: { code: 'conflict', job_id: idOf.get('k3') } });
    const replaced = await api.post<Job>('/jobs', asked('k4', { if_exists: 'replace', payload: { n } }));
    t.match(replaced, { status: 200, body: { id: idOf.get('k4') } });
    t.same((await first.api.job(idOf.get('k4') as string)).payload, { n });
    t.equal(replaced.headers.location, `/api/v1/jobs/${idOf.get('k4')}`);
  }

  // Requests with an idempotency key: the same job again, from any node.
  const once = { 'idempotency-key': 'once' };
  const posted = await Promise.all(
    nodes.map(({ api }) => api.post<Job>('/jobs', { name: 'noop', delay: never }, once)),
  );
  t.equal(new Set(posted.map(({ body }) => body.id)).size, 1);
  t.same(
    posted.map(({ status }) => status),
    [201, 201, 201],
  );
  t.equal(posted.filter(({ headers }) => headers['idempotent-replayed'] === 'true').length, 2);
  const other = await third.api.post('/jobs', { name: 'noop', delay: '1h' }, once);
  t.match(other, { status: 409, body: { code: 'conflict' } });

  // Lists: all or nothing in one shard, and each where its key is.
  const list = [asked('new-1'), asked('k5', { if_exists: 'return' })];
  const whole = await second.api.post<{ items: readonly Job[] }>('/jobs/batch', list);
  t.match(whole, { status: 201, body: { items: [{ id: /^job_/ }, { id: idOf.get('k5') }] } });
  const lenient = await third.api.post<Batch>(
    '/jobs/batch',
    keys.slice(5).map((key) => asked(key, { if_exists: 'return' })),
    { prefer: 'handling=lenient' },
  );
  t.same(
    lenient.body.items.map(({ job }) => job?.id),
    keys.slice(5).map((key) => idOf.get(key)),
  );

  // A job that waits for its end at another node.
  await first.api.post('/jobs', { name: 'sleep', delay: '0s', key: 'runs', payload: { ms: 300 } });
  const waited = await Promise.all(
    nodes.map(({ api }) =>
      api.post<{ status: string }>(
        '/jobs',
        { name: 'sleep', delay: '0s', key: 'runs', if_exists: 'return' },
        { prefer: 'wait=20' },
      ),
    ),
  );
  t.same(
    waited.map(({ body }) => body.status),
    ['success', 'success', 'success'],
  );

  // Its node is gone: it waits, and is decided by who takes the shard.
  await second.kill();
  const during = await first.api.post('/jobs', asked('k0', { if_exists: 'return' }));
  t.ok([200, 503, 504].includes(during.status), `${during.status} while a node is gone`);
  if (during.status === 503) t.ok(during.headers['retry-after'] !== undefined);
  // Until a node has heard that the other is dead, a request may be sent there in vain: its end is unknown then.
  for (const node of [first, third]) await eventually(() => isWhole(node), 'both know who has the shards now', 30_000);
  for (const key of keys) {
    await eventually(
      async () => (await third.api.post('/jobs', asked(key, { if_exists: 'return' }))).status === 200,
      `${key} is decided again`,
      30_000,
    );
    const found = await first.api.post<Job>('/jobs', asked(key, { if_exists: 'return' }));
    t.match(found, { status: 200, body: { id: idOf.get(key) } }, `${key} is still that job's`);
  }
  const again = await third.api.post<Job>('/jobs', { name: 'noop', delay: never }, once);
  t.equal(again.body.id, posted[0]?.body.id, 'the idempotency key, too');
});
