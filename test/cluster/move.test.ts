/** `escapement move`: what was in the directory of a single server is in the cluster, under the same ids; or nothing was moved. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { startPostgres, withoutPostgres } from '../support/postgres.js';
import { runCli, startServer } from '../support/server.js';
import { asNode, startCluster } from './support/cluster.js';
import { startNodes } from './support/nodes.js';

t.setTimeout(180_000);

/** What does not change with the clock. */
interface Shown {
  readonly id: string;
  readonly next_run_in?: string;
  readonly status: string;
  readonly due?: string;
}

interface TypeShown {
  readonly name: string;
  readonly paused?: true;
  readonly pause_reason?: string;
  readonly concurrency: unknown;
}

const later = '2h';

/** Jobs of every kind that there is, the first fifteen among them, which have the first slot of their shard. */
async function fill(api: Client): Promise<void> {
  const make = async (body: Record<string, unknown>, headers = {}): Promise<string> => {
    const { status, body: made, text } = await api.post<{ id: string }>('/jobs', { payload: {}, ...body }, headers);
    if (status !== 201) throw new Error(text);
    return made.id;
  };
  const ids = [
    await make({ name: 'echo', delay: later, payload: { text: 'x'.repeat(2000) } }),
    await make({ name: 'echo', delay: '0s', payload: { result: true } }),
    await make({ name: 'lines', delay: '0s', payload: { count: 5 } }),
    await make({ name: 'fail', delay: '0s', max_retries: 1, retry_delay: '1ms' }),
    await make({ name: 'enqueue', delay: '0s', payload: { jobs: [{ name: 'echo', delay: later, payload: {} }] } }),
    await make({
      name: 'echo',
      delay: later,
      key: 'taken',
      key_ttl: '1h',
      tags: ['red', 'big'],
      group: 'g1',
      priority: 7,
    }),
    await make({ name: 'echo', delay: later }, { 'Idempotency-Key': 'asked-once' }),
    await make({ name: 'echo', cron_expr: '0 0 9 * * *', is_repeat: true, timezone: 'Europe/Berlin' }),
    await make({ name: 'noop', delay: '1d', is_repeat: true, expires_after: '1h' }),
    await make({ name: 'echo', delay: later }),
    await make({ name: 'echo', delay: later }),
    await make({ name: 'fail', delay: '0s', max_retries: 0 }),
  ];
  await api.post(`/jobs/${ids[8]}/run`);
  await api.post(`/jobs/${ids[9]}/pause`, { reason: 'not yet' });
  await api.delete(`/jobs/${ids[10]}`);
  for (const at of [1, 2, 4]) await api.until(ids[at] as string, 'success');
  for (const at of [3, 11]) await api.until(ids[at] as string, 'failed');
  await eventually(
    async () => (await api.get(`/jobs/${ids[8]}/runs`)).text.includes('"success"'),
    'the extra run is over',
  );
  await api.put('/job-types/limited', { concurrency: 3 });
  await api.post('/job-types/noop/pause', { reason: 'for the move' });
  const bulk = await api.post<{ id: string }>('/bulk', { action: 'cancel', filter: { tag: 'nobody' } });
  await eventually(async () => (await api.get(`/bulk/${bulk.body.id}`)).text.includes('"success"'), 'it is done');
  await api.post(
    '/jobs/batch',
    Array.from({ length: 500 }, (_, n) => ({ name: 'noop', delay: later, payload: { n } })),
  );
}

/** All that can be read of jobs. */
async function read(api: Client): Promise<object> {
  const jobs: Record<string, object> = {};
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: { items: Shown[]; next_cursor?: string } = await api.list(`?limit=100&cursor=${cursor}`);
    for (const { id } of page.items) {
      const { next_run_in: _, ...job } = (await api.get<Shown>(`/jobs/${id}`)).body;
      const runs = (await api.get(`/jobs/${id}/runs`)).body;
      const logs = (await api.get(`/jobs/${id}/logs`)).body;
      jobs[id] = { job, runs, logs };
    }
    cursor = page.next_cursor;
  }
  // The others count from the start of the process.
  const { pending, running, completed, failed, cancelled } = (await api.get<Record<string, number>>('/stats')).body;
  const { body: types } = await api.get<{ items: TypeShown[] }>('/job-types');
  const set = types.items.map(({ name, paused, pause_reason: why, concurrency }) => ({
    name,
    paused,
    why,
    concurrency,
  }));
  return { jobs, set, stats: { pending, running, completed, failed, cancelled } };
}

const idsOf = async (api: Client, query: string): Promise<string[]> =>
  (await api.list(`?limit=100&${query}`)).items.map(({ id }) => id).sort();

const filters = ['status=failed', 'tag=red', 'group=g1', 'key=taken', 'paused=true', 'is_repeat=true', 'name=lines'];

t.test('a directory is moved into a cluster', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const store = await postgres.fresh();
  const server = await startServer();
  const api = new Client(server);
  const move = (dataDir = server.dataDir): ReturnType<typeof runCli> =>
    runCli(['move', '--data-dir', dataDir, '--store', store]);
  await fill(api);
  const before = await read(api);
  const found = await Promise.all(filters.map((filter) => idsOf(api, filter)));
  t.match(await move(), { code: 1, stderr: /is in use by another escapement/ });
  // What was committed last is in the journal only.
  await server.kill();

  const moved = await move();
  t.equal(moved.code, 0, moved.stderr);
  t.match(
    moved.stdout,
    /^513 jobs \(.*\) of .* are in PostgreSQL at 127\.0\.0\.1:\d+\/test_1: start nodes with --store/m,
  );
  const again = await move();
  t.match(again, {
    code: 1,
    stderr: /^escapement: the jobs of .* were moved to PostgreSQL at 127\.0\.0\.1:\d+\/test_1 already \(20.*\)\n$/,
  });
  const start = await runCli(['start', '--port', '0', '--data-dir', server.dataDir]);
  t.match(start, {
    code: 1,
    stderr: /were moved to PostgreSQL at .*, and would run twice: start with --store, and with another/,
  });
  const asNodeOfIt = ['--store', store, '--advertise', 'http://127.0.0.1:1'];
  const onIt = await runCli(['start', '--port', '0', '--data-dir', server.dataDir, ...asNodeOfIt]);
  t.match(onIt, { code: 1, stderr: /were moved to PostgreSQL at .*: give the node another --data-dir/ });

  const checked = await runCli(['check', '--store', store]);
  t.match(
    checked,
    { code: 0, stdout: /^the cluster in PostgreSQL at .* is whole: 513 jobs .*, in 16 shards\n$/ },
    checked.output,
  );

  const [node] = await startNodes({ count: 1, database: store, args: asNode });
  const cluster = node!.api;
  await eventually(async () => (await cluster.get('/health')).status === 200, 'all shards are run', 30_000);
  t.same(await read(cluster), before, 'all jobs, their runs and lines, and the totals');
  for (const [at, filter] of filters.entries()) t.same(await idsOf(cluster, filter), found[at], filter);
  const job = { name: 'echo', delay: later, payload: {} };
  t.match(await cluster.post('/jobs', { ...job, key: 'taken' }), { status: 409, body: { job_id: found[3]?.[0] } });
  const replayed = await cluster.post('/jobs', job, { 'Idempotency-Key': 'asked-once' });
  t.match(replayed, { status: 201, headers: { 'idempotent-replayed': 'true' } });
  const another = await cluster.post<{ id: string }>('/bulk', { action: 'cancel', filter: { tag: 'nobody' } });
  t.equal(another.body.id, 'bulk_2', 'numbers of bulk actions go on');
  const made = await cluster.create(job);
  t.notOk(made.id in (before as { jobs: object }).jobs, 'new jobs have ids of their own');
  t.equal(await node!.end(), 0);
  t.notMatch(node!.server.output(), /a shard is dropped/, 'a stop in order loses nothing');
  const other = await startServer();
  t.equal(await other.stop(), 0);
  t.match(await move(other.dataDir), { code: 1, stderr: /the cluster in PostgreSQL at .* is not empty/ });
});

t.test('who moves into a cluster whose nodes run is refused', { skip: withoutPostgres }, async (t) => {
  const { nodes } = await startCluster(t, { count: 1, settings: ['fsync=off'] });
  const server = await startServer();
  await new Client(server).create({ name: 'echo', delay: later, payload: {} });
  t.equal(await server.stop(), 0);
  await eventually(async () => (await nodes[0]!.api.get('/health')).status === 200, 'all shards are run', 30_000);
  const store = `postgres://escapement@127.0.0.1:${nodes[0]!.database!.port}/test_1`;
  const refused = /^escapement: nodes of the cluster in PostgreSQL at .* are running: stop them all first\n$/;
  const { code, stderr } = await runCli(['move', '--data-dir', server.dataDir, '--store', store]);
  t.equal(code, 1);
  t.match(stderr, refused);
  await server.restart();
  t.equal((await new Client(server).list()).total, 1, 'the directory is as it was');
});
