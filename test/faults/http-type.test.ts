/** Jobs of the type `http` and what servers and networks do to them. */
import { createServer, type Socket } from 'node:net';
import t from 'tap';
import { Client, eventually, type Job } from '../support/client.js';
import { hang, json, Receiver } from '../support/receiver.js';
import { startServer } from '../support/server.js';

t.setTimeout(120_000);

const receiver = await Receiver.start();
/** Does with a connection what it is told, below HTTP. */
let onConnection: (socket: Socket, count: number) => void = () => {};
let connections = 0;
const rough = createServer((socket) => {
  socket.on('error', () => {});
  onConnection(socket, ++connections);
});
await new Promise<void>((resolve) => rough.listen(0, '127.0.0.1', resolve));
t.teardown(() => rough.close());
const roughOrigin = `http://127.0.0.1:${(rough.address() as { port: number }).port}`;

// Nothing listens there.
const closed = createServer();
await new Promise<void>((resolve) => closed.listen(0, '127.0.0.1', resolve));
const closedOrigin = `http://127.0.0.1:${(closed.address() as { port: number }).port}`;
await new Promise((resolve) => closed.close(resolve));

const named = [
  receiver.origin,
  roughOrigin,
  closedOrigin,
  `https://127.0.0.1:${receiver.port}`,
  'http://nowhere.invalid',
];
const server = await startServer({
  args: ['--http-target', [...named, '*'].join(), '--grace', '200ms'],
  handlers: { spin: 'export default () => { for (;;); };' },
});
const api = new Client(server);

const make = (url: string, more: Record<string, unknown> = {}): Promise<Job> =>
  api.create({ name: 'http', delay: '0s', max_retries: 1, retry_delay: '20ms', payload: { url }, ...more });
const ended = async (url: string, more: Record<string, unknown> = {}): Promise<Job> => {
  const { id } = await make(url, more);
  return api.until(id, ({ status }) => ['success', 'failed'].includes(status), 30_000);
};
const arrived = (path: string, count: number): Promise<void> => receiver.until(() => receiver.of(path).length >= count);
const allClosed = (path: string): Promise<void> => receiver.until(() => receiver.of(path).every((each) => each.closed));

t.test('a server that does not answer: the timeout ends the request, and it is retried', async (t) => {
  const job = await ended(receiver.on('/hangs', hang), { timeout: '100ms' });
  t.match(job, { status: 'failed', retry_count: 1, last_error: { code: 'timeout', name: 'TimeoutError' } });
  t.equal(receiver.of('/hangs').length, 2);
  await allClosed('/hangs');
});

t.test('one that trickles its answer is not waited for any longer', async (t) => {
  const url = receiver.on('/trickles', (response) => {
    response.writeHead(200);
    const timer = setInterval(() => response.write('.'), 10);
    response.on('close', () => clearInterval(timer));
  });
  t.match(await ended(url, { timeout: '200ms', max_retries: 0 }), { last_error: { code: 'timeout' } });
  await allClosed('/trickles');
});

t.test('one that trickles the explanation of a failure is not waited for at all long', async (t) => {
  const url = receiver.on('/explains', (response) => response.writeHead(400).write('because'));
  const job = await ended(url, { timeout: '1m' });
  t.match(job.last_error?.message, /answered with 400 Bad Request: because$/);
  await allClosed('/explains');
});

t.test('a cancellation ends the request', async (t) => {
  const { id } = await make(receiver.on('/cancelled', hang));
  await arrived('/cancelled', 1);
  await api.delete(`/jobs/${id}`);
  await allClosed('/cancelled');
  t.match(await api.job(id), { status: 'cancelled' });
  t.notMatch(server.output(), /a thread is stopped|a worker thread ended/);
});

t.test('broken connections are retried: refused, reset at once, in the head, in the body, no HTTP', async (t) => {
  t.match(await ended(closedOrigin), { status: 'failed', retry_count: 1, last_error: { message: /ECONNREFUSED/ } });
  const breaks: [what: string, act: (socket: Socket) => void, message: RegExp][] = [
    ['a reset', (socket) => socket.resetAndDestroy(), /not answered: .*(ECONNRESET|hang up|EPIPE)/],
    ['an end', (socket) => socket.once('data', () => socket.end()), /not answered: socket hang up/],
    [
      'half a head',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nX-A: ')),
      /not answered: (socket hang up|Parse Error)/,
    ],
    [
      'half a body',
      (socket) => socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')),
      /not answered: aborted/,
    ],
    ['no HTTP', (socket) => socket.once('data', () => socket.end('SSH-2.0-OpenSSH\r\n')), /not answered: Parse Error/],
    [
      'an endless head',
      (socket) => socket.once('data', () => socket.write(`HTTP/1.1 200 OK\r\n${'X-A: b\r\n'.repeat(10_000)}`)),
      /not answered: Parse Error: Header overflow/,
    ],
  ];
  for (const [what, act, message] of breaks) {
    onConnection = act;
    const before = connections;
    t.match(await ended(roughOrigin), { status: 'failed', retry_count: 1, last_error: { message } }, what);
    t.equal(connections - before, 2, `${what}: one connection for each attempt`);
  }
  t.match(await ended('http://nowhere.invalid/'), { retry_count: 1, last_error: { message: /ENOTFOUND|EAI_AGAIN/ } });
  t.match(await ended(`https://127.0.0.1:${receiver.port}/`), {
    retry_count: 1,
    last_error: { message: /SSL|EPROTO/i },
  });
});

t.test('a kept connection that the server closes costs no retry', async (t) => {
  const answer = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
  onConnection = (socket) => {
    let requests = 0;
    // The second request on it is read, and not answered.
    socket.on('data', () => (requests++ === 0 ? socket.write(answer) : socket.resetAndDestroy()));
  };
  const before = connections;
  for (let i = 0; i < 3; i++) t.match(await ended(roughOrigin), { status: 'success', retry_count: 0, result: 'ok' });
  t.ok(connections - before >= 2, 'another connection was made for it');
});

t.test('an answer that is too large is cut off', async (t) => {
  const url = receiver.on('/floods', (response) => {
    response.writeHead(200, { 'content-type': 'text/plain' });
    const pour = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', pour);
    pour();
  });
  t.match(await ended(url), { status: 'success', result_omitted: /more than 65536 bytes/ });
  await allClosed('/floods');
});

t.test('with *, names and addresses of the machine itself are not reached', async (t) => {
  receiver.on('/inside', json({}));
  const job = await ended(`http://localhost:${receiver.port}/inside`);
  t.match(job, { status: 'failed', retry_count: 0 }, 'for good');
  t.match(job.last_error?.message, /was not sent: the name has no public address/);
  for (const host of ['127.0.0.2', '[::1]', '[::ffff:127.0.0.1]', '0x7f.2', '169.254.169.254', '10.0.0.1']) {
    const payload = { url: `http://${host}:${receiver.port}/inside` };
    t.match(await api.post('/jobs', { name: 'http', delay: '0s', payload }), { status: 400 }, host);
  }
  t.same(receiver.of('/inside'), []);
  t.match(await ended(`${receiver.origin}/inside`), { status: 'success' }, 'the origin that was named is');
});

t.test('a handler that has to be stopped with its thread does not disturb requests', async (t) => {
  const { id } = await make(receiver.on('/beside', hang));
  await arrived('/beside', 1);
  const spinning = await api.create({ name: 'spin', delay: '0s', max_retries: 0, timeout: '200ms' });
  await api.until(spinning.id, 'failed', 30_000);
  t.match(await api.job(id), { status: 'running' });
  t.match(receiver.of('/beside'), { length: 1 });
  await api.delete(`/jobs/${id}`);
});

t.test('requests start while all other threads are taken', async (t) => {
  const blocked = await Promise.all(
    Array.from({ length: 20 }, () => api.create({ name: 'spin', delay: '0s', max_retries: 0, timeout: '1m' })),
  );
  await eventually(async () => (await api.stats()).running >= 2, 'the threads are taken');
  t.match(await ended(receiver.on('/free', json(1))), { status: 'success', result: 1 });
  for (const { id } of blocked) await api.delete(`/jobs/${id}`);
});

t.test('a target that is taken away: jobs for it fail, and nothing is sent', async (t) => {
  const url = receiver.on('/gone', json({}));
  const { id } = await make(url, { delay: '1h' });
  await server.restart(['--http-target', roughOrigin]);
  await api.post(`/jobs/${id}/run`);
  const job = await api.until(id, 'failed');
  t.match(job, { retry_count: 0, last_error: { message: /the payload cannot be sent: \/url is of the origin/ } });
  t.same(receiver.of('/gone'), []);
});

t.test('the end of the server ends its requests, and they are sent again by the next', async (t) => {
  await server.restart(['--http-target', receiver.origin, '--grace', '100ms']);
  const { id } = await make(receiver.on('/stopped', hang));
  await arrived('/stopped', 1);
  receiver.on('/stopped', json('again'));
  await server.restart();
  t.match(await api.until(id, 'success', 30_000), { retry_count: 0, result: 'again' });
  const ids = receiver.of('/stopped').map(({ headers }) => headers['webhook-id']);
  t.equal(ids.length, 2);
  t.equal(ids[0], ids[1], 'by their id they are the same');
  t.equal(receiver.of('/stopped')[0]?.closed, true);
});
