/** Events by the client: over Server-Sent Events and over a WebSocket, across a kill of the server, and refused. */
import t, { type Test } from 'tap';
import { WebSocket as WsWebSocket } from 'ws';
import { Escapement, type Gap, type JobEvent } from '../../src/client/client.js';
import { lastingPort } from '../support/ports.js';
import { startServer } from '../support/server.js';

t.setTimeout(120_000);
const scope = globalThis as { WebSocket?: unknown };

async function take(from: AsyncIterator<JobEvent | Gap>, count: number): Promise<(JobEvent | Gap)[]> {
  const taken: (JobEvent | Gap)[] = [];
  while (taken.length < count) {
    const { done, value } = await from.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}

/** Runs `body` with each way of hearing events. */
function each(name: string, body: (t: Test) => Promise<void>): void {
  for (const way of ['fetch', 'WebSocket'] as const) {
    t.test(`${name}, by ${way}`, async (t) => {
      const before = scope.WebSocket;
      scope.WebSocket = way === 'WebSocket' ? WsWebSocket : undefined;
      t.teardown(() => {
        scope.WebSocket = before;
      });
      await body(t);
    });
  }
}

each('what was asked for comes, from the first next on, and goes on after a kill without a gap', async (t) => {
  const server = await startServer({ args: ['--port', String(lastingPort())] });
  const client = new Escapement({ url: `http://127.0.0.1:${server.port}` });
  await client.jobs.create({ name: 'noop', delay: '1h' });
  const stop = new AbortController();
  const heard = client.events(
    { event_types: ['job.scheduled'], job_types: ['noop'] },
    { since: 0, signal: stop.signal },
  );
  const [first] = await take(heard, 1);
  t.match(first, { type: 'job.scheduled', job_name: 'noop', seq: 1 });
  const other = await client.jobs.create({ name: 'fail', delay: '1h' });
  const wanted = await client.jobs.create({ name: 'noop', delay: '1h' });
  const [second] = await take(heard, 1);
  t.match(second, { job_id: wanted.id });
  await server.kill();
  const next = take(heard, 1);
  await server.restart();
  const again = await client.jobs.create({ name: 'noop', delay: '1h' });
  t.match(await next, [{ job_id: again.id }]);
  t.ok(other.id);
  const over = heard.next();
  stop.abort();
  t.same(await over, { done: true, value: undefined });
  t.equal(await server.stop(), 0, 'nothing holds the server');
});

each('aborted, it ends at once, whatever has come already', async (t) => {
  const server = await startServer();
  const client = new Escapement({ url: `http://127.0.0.1:${server.port}` });
  await client.jobs.createMany(Array.from({ length: 50 }, () => ({ name: 'noop', delay: '1h' })));
  const stop = new AbortController();
  const seqs: number[] = [];
  for await (const event of client.events({}, { since: 0, signal: stop.signal })) {
    if (event.type !== 'gap') seqs.push(event.seq);
    if (seqs.length === 3) stop.abort();
  }
  t.same(seqs, [1, 2, 3]);
});

each('events that came while one was dealt with are not held until the next one', async (t) => {
  const server = await startServer();
  const client = new Escapement({ url: `http://127.0.0.1:${server.port}` });
  const slow = client.events({}, { since: 0 });
  await client.jobs.create({ name: 'noop', delay: '1h' });
  await take(slow, 1);
  const others = client.events({}, { since: 1 });
  await client.jobs.create({ name: 'noop', delay: '1h' });
  await take(others, 1);
  // Another has heard it, so it is on its way here at the latest.
  await new Promise((resolve) => setTimeout(resolve, 100));
  t.match(await take(slow, 1), [{ type: 'job.scheduled', seq: 2 }]);
  await slow.return?.();
  await others.return?.();
});

each('a token goes along, and a wrong one or a wrong filter ends it with the reason', async (t) => {
  const server = await startServer({ args: ['--token', 's3cret+and~more'] });
  const url = `http://127.0.0.1:${server.port}`;
  const client = new Escapement({ url, token: 's3cret+and~more' });
  const heard = client.events();
  const soon = take(heard, 1);
  const begun = Date.now();
  while (Date.now() - begun < 20_000) {
    await client.jobs.create({ name: 'noop', delay: '1h' });
    if (await Promise.race([soon.then(() => true), new Promise((done) => setTimeout(done, 50))])) break;
  }
  t.match(await soon, [{ type: 'job.scheduled' }]);
  await heard.return?.();
  const wrong = new Escapement({ url, token: 'other', retryFor: 0 });
  await t.rejects(take(wrong.events(), 1), { name: 'EscapementError', code: 'unauthorized', status: 401 });
  await t.rejects(take(client.events({}, { since: 1e6 }), 1), { code: 'validation_failed' });
  await server.kill();
});
