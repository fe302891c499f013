/** `GET /metrics`: who may read it, and that it counts what happens. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { Client } from '../support/client.js';
import { programs } from '../support/documents.js';
import { startServer } from '../support/server.js';
import { onlyAlone } from '../support/shards.js';
import { StreamReader } from '../support/sse.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(60_000);

/** The value of a series, 0 where it is not there. */
function value(text: string, series: string): number {
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}

t.test('what happens is counted', onlyAlone('each node counts for itself'), async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const metrics = async () => (await api.absolute('GET', '/metrics')).text;
  const feed = await Subscriber.to(server);
  const [done, failed] = [
    await api.create({ name: 'noop', delay: '0s' }),
    await api.create({ name: 'fail', delay: '0s', payload: { message: 'x' }, max_retries: 0 }),
  ];
  await api.create({ name: 'noop', delay: '1h' });
  await feed.event(done.id, 'job.completed');
  await feed.event(failed.id, 'job.failed');
  await api.get('/jobs/job_1_00000000');
  await api.absolute('BREW', '/api/v1/coffee');
  const past = await StreamReader.to(server, 'since=0&event_types=job.scheduled');
  await past.seq(1);
  await past.close();
  const text = await metrics();
  for (const [series, expected] of [
    ['escapement_jobs{status="pending",type="noop"}', 1],
    ['escapement_jobs{status="success",type="noop"}', 1],
    ['escapement_jobs{status="failed",type="fail"}', 1],
    ['escapement_attempts_started_total{type="noop"}', 1],
    ['escapement_attempts_ended_total{type="noop",outcome="succeeded"}', 1],
    ['escapement_attempts_ended_total{type="fail",outcome="failed"}', 1],
    ['escapement_attempt_lateness_seconds_count{type="noop"}', 1],
    ['escapement_attempt_duration_seconds_count{type="fail"}', 1],
    ['escapement_http_requests_total{route="/api/v1/jobs",method="POST",status="201"}', 3],
    ['escapement_http_requests_total{route="/api/v1/jobs/:id",method="GET",status="404"}', 1],
    ['escapement_http_requests_total{route="/api/v1/events",method="GET",status="200"}', 1],
    ['escapement_http_request_duration_seconds_count{route="/api/v1/jobs",method="POST"}', 3],
    ['escapement_subscribers', 1],
  ] as const)
    t.equal(value(text, series), expected, series);
  t.ok(value(text, 'escapement_commit_duration_seconds_count') >= 3, 'commits');
  t.ok(value(text, 'escapement_events_sent_total') >= 5, 'events');
  t.ok(value(text, 'escapement_events_resumed_total') >= 1, 'past events');
  t.ok(value(text, 'escapement_store_file_bytes{file="data.mdb"}') > 0, 'the data file');
  t.notMatch(text, /job_\d{10}/, 'ids are no labels');
  t.equal(value(await metrics(), 'escapement_http_requests_total{route="/metrics",method="GET",status="200"}'), 1);
  await feed.close();
  await server.kill();
});

t.test('promtool finds nothing', programs({ promtool: 'prometheus' }), async (t) => {
  const server = await startServer();
  const api = new Client(server);
  const feed = await Subscriber.to(server);
  const { id } = await api.create({ name: 'noop', delay: '0s' });
  await feed.event(id, 'job.completed');
  const { text: input } = await api.absolute('GET', '/metrics');
  const { status, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], { input, encoding: 'utf8' });
  t.same([status, stdout, stderr], [0, '', '']);
  await feed.close();
  await server.kill();
});

t.test('it is read as every other resource', async (t) => {
  const server = await startServer({ args: ['--token', 'secret'] });
  const api = new Client(server, { authorization: 'Bearer secret' });
  t.equal((await new Client(server).absolute('GET', '/metrics')).status, 401);
  const answer = await api.absolute('GET', '/metrics');
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const head = await api.absolute('HEAD', '/metrics');
  t.same([head.status, head.text], [200, '']);
  const post = await api.absolute('POST', '/metrics');
  t.same([post.status, post.headers.allow], [405, 'GET, HEAD']);
  const { body } = await api.get<{ links: Record<string, string> }>('');
  t.equal(body.links.metrics, '/metrics');
  await server.kill();
});
