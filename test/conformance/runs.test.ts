/** `GET /jobs/:id/runs`: why a job ran, and why not; over HTTP, by the client and in a shell, and over a kill. */
import t from 'tap';
import { Escapement } from '../../src/client/client.js';
import { Client } from '../support/client.js';
import { runCli, startServer, temporary } from '../support/server.js';
import { testedNodes } from '../support/tested-nodes.js';
import { Subscriber } from '../support/ws.js';
import { at } from './forms.js';

t.setTimeout(120_000);

const handlers = {
  good: 'export default () => {}',
  bad: `export default (payload, ctx) => {
    const error = new Error('x'.repeat(600)); error.retryAfter = 10; throw error }`,
  holds: `export default (payload, ctx) => new Promise((ends) => ctx.signal.addEventListener('abort', ends))`,
};
const dataDir = temporary('runs');
const start = () => startServer({ dataDir, handlers, args: ['--threads', '1'] });

interface RunList {
  readonly total: number;
  readonly items: readonly {
    readonly run?: number;
    readonly outcome: string;
    readonly started_at: string;
    readonly finished_at: string;
    readonly duration_ms: number;
    readonly error?: { readonly message: string };
  }[];
  readonly next_cursor?: string;
}

t.test('runs of jobs', async (t) => {
  let server = await start();
  let api = new Client(server);
  const feed = await Subscriber.to(server);
  const runsOf = async (id: string, query = ''): Promise<RunList> =>
    (await api.get(`/jobs/${id}/runs${query}`)).body as unknown as RunList;

  const good = await api.create({ name: 'good', delay: '0s' });
  await feed.event(good.id, 'job.completed');
  const once = await runsOf(good.id);
  t.match(once, { total: 1, items: [{ run: 1, attempt: 1, manual: false, outcome: 'success' }] });
  const [{ started_at, finished_at, duration_ms }] = once.items as [RunList['items'][0]];
  t.equal(at(finished_at) - at(started_at), duration_ms);

  const bad = await api.create({ name: 'bad', delay: '0s', max_retries: 3 });
  await api.until(bad.id, 'failed');
  const pages: RunList['items'][number][] = [];
  let page = await runsOf(bad.id, '?limit=3');
  pages.push(...page.items);
  t.equal(page.total, 4);
  page = await runsOf(bad.id, `?limit=3&cursor=${page.next_cursor}`);
  pages.push(...page.items);
  t.equal(page.next_cursor, undefined);
  t.same(
    pages.map(({ run, outcome }) => [run, outcome]),
    [
      [4, 'failed'],
      [3, 'retried'],
      [2, 'retried'],
      [1, 'retried'],
    ],
  );
  t.equal(pages[0]?.error?.message.length, 500);

  const waits = await api.create({ name: 'good', delay: '1h' });
  t.same(await runsOf(waits.id), { total: 0, items: [] });

  const holds = await api.create({ name: 'holds', delay: '0s' });
  await feed.event(holds.id, 'job.started');
  t.match(await runsOf(holds.id), { total: 1, items: [{ outcome: 'running', finished_at: undefined }] });

  for (const [path, status] of [
    [`/jobs/${bad.id}/runs?cursor=forged`, 400],
    [`/jobs/${bad.id}/runs?limit=0`, 400],
    [`/jobs/${bad.id}/runs?offset=1`, 400],
    [`/jobs/${good.id}/runs?cursor=${(await runsOf(bad.id, '?limit=1')).next_cursor}`, 400],
    ['/jobs/job_1_00000000/runs', 404],
    ['/jobs/none/runs', 404],
  ] as const)
    t.equal((await api.get(path)).status, status, path);

  const client = new Escapement({ url: server.url });
  const listed: string[] = [];
  for await (const run of client.jobs.runs(bad.id)) listed.push(run.outcome);
  t.same(listed, ['failed', 'retried', 'retried', 'retried']);
  const shown = await runCli(['jobs', 'runs', bad.id], { ESCAPEMENT_URL: server.url });
  t.match(shown, { code: 0, stdout: /^RUN .*OUTCOME/ });
  t.equal(shown.stdout.trim().split('\n').length, 5);
  const one = await runCli(['jobs', 'runs', bad.id, '--limit', '1', '--json'], { ESCAPEMENT_URL: server.url });
  t.match(JSON.parse(one.stdout), { run: 4, outcome: 'failed' });

  await server.kill('SIGKILL');
  server = await start();
  api = new Client(server);
  t.match(await runsOf(bad.id), { total: 4 });
  t.match((await runsOf(holds.id)).items.at(-1), { run: 1, outcome: 'interrupted' });
  await api.post(`/jobs/${bad.id}/remove`);
  t.equal((await api.get(`/jobs/${bad.id}/runs`)).status, 404);
  await server.kill('SIGKILL');
  // What nodes store is in a database: `cluster/check-store` has that.
  if (testedNodes === undefined) t.match(await runCli(['check', dataDir]), { code: 0 });
});
