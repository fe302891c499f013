/** `escapement health`: its exit codes against real servers, and against what is none. */
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Server } from 'node:net';
import t, { type Test } from 'tap';
import { healthUrl } from '../../src/cli/health.js';
import { Client, eventually } from '../support/client.js';
import { needs } from '../support/faults.js';
import { makeCertificate, otherAddresses } from '../support/network.js';
import { runCli, startServer } from '../support/server.js';

t.setTimeout(300_000);

/** Listens on a free port until the test ends. */
async function listening(t: Test, server: Server): Promise<string> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  return String((server.address() as { port: number }).port);
}

t.test('where it asks', async (t) => {
  const port = 8080;
  const table: [question: Parameters<typeof healthUrl>[0], url: string | undefined][] = [
    [{ port }, 'http://127.0.0.1:8080'],
    [{ port: 81, host: 'localhost' }, 'http://127.0.0.1:81'],
    [{ port, host: '0.0.0.0' }, 'http://127.0.0.1:8080'],
    [{ port, host: '::' }, 'http://[::1]:8080'],
    [{ port, host: '10.0.0.1', tlsCert: 'x' }, 'https://10.0.0.1:8080'],
    [{ port, tlsCert: 'x', url: 'http://a.example' }, 'http://a.example'],
    [{ port: 0 }, undefined],
    [{ port: 0, url: 'http://a.example' }, 'http://a.example'],
  ];
  for (const [question, url] of table) t.equal(healthUrl(question), url, JSON.stringify(question));
});

t.test('healthy, by the variables of start and by --url, and then no answer', async (t) => {
  const server = await startServer({ env: { ESCAPEMENT_TOKEN: 'secret' } });
  const env = { ESCAPEMENT_PORT: String(server.port), ESCAPEMENT_TOKEN: 'secret', ESCAPEMENT_HOST: '0.0.0.0' };
  t.match(await runCli(['health'], env), { code: 0, stdout: 'healthy\n', stderr: '' });
  t.match(await runCli(['health', '--live'], env), { code: 0, stdout: 'live\n', stderr: '' });
  t.match(await runCli(['health', '--ready'], env), { code: 0, stdout: 'ready\n', stderr: '' });
  t.match(await runCli(['health', '--ready', '--live'], env), { code: 2, stderr: /--ready.*--live/ });
  t.match(await runCli(['health', '--url', server.url]), { code: 0, stdout: 'healthy\n' });
  t.match(JSON.parse((await runCli(['health', '--json'], env)).stdout), { status: 'healthy', version: /^v/ });
  const api = new Client(server, { authorization: 'Bearer secret' });
  await api.post('/pause', {});
  const paused = 'healthy; paused: it starts nothing until "escapement resume"\n';
  t.match(await runCli(['health'], env), { code: 0, stdout: paused });
  t.match(JSON.parse((await runCli(['health', '--json'], env)).stdout), { status: 'healthy', paused: true });
  await api.post('/resume', {});
  await server.kill();
  const { code, stdout, stderr } = await runCli(['health', '--live'], env);
  t.same([code, stdout], [3, '']);
  t.match(await runCli(['health', '--json'], env), { code: 3, stdout: '' });
  t.match(stderr, /^escapement: no answer from http:\/\/127\.0\.0\.1:\d+: nothing listens there; [^\n]+\n$/);
});

t.test('stopping: exit code 1 with the reason, and still live', async (t) => {
  const server = await startServer({ args: ['--grace', '30s'] });
  const { id } = await new Client(server).create({ name: 'sleep', delay: '0s', payload: { ms: 25_000 } });
  await new Client(server).until(id, 'running');
  server.signal('SIGTERM');
  await eventually(() => /"stopping"/.test(server.output()), 'the log does not tell');
  const asked = await runCli(['health', '--url', server.url]);
  t.match(asked, { code: 1, stdout: 'draining: the server is shutting down\n' });
  t.equal((await runCli(['health', '--live', '--url', server.url])).code, 0);
  await server.kill();
});

t.test('with TLS, by the variables of start', needs('openssl'), async (t) => {
  const { cert, key } = makeCertificate();
  const server = await startServer({ args: ['--tls-cert', cert, '--tls-key', key] });
  const env = { ESCAPEMENT_PORT: String(server.port), ESCAPEMENT_TLS_CERT: cert, ESCAPEMENT_TLS_KEY: key };
  t.match(await runCli(['health'], env), { code: 0, stdout: 'healthy\n' });
  const other = makeCertificate();
  t.match(await runCli(['health'], { ...env, ESCAPEMENT_TLS_CERT: other.cert }), {
    code: 3,
    stderr: /no answer from https:\/\/127\.0\.0\.1:\d+: .*certificate/,
  });
  t.equal((await runCli(['health', '--url', server.url])).code, 3, 'a certificate that nobody vouches for');
  t.match(await runCli(['health'], { ...env, ESCAPEMENT_TLS_CERT: '/no/such.pem' }), {
    code: 1,
    stderr: /cannot read the file \/no\/such\.pem of --tls-cert: ENOENT/,
  });
  await server.kill();
});

const reachable = otherAddresses.find((address) => !address.startsWith('127.'));

t.test(
  'the name in a certificate counts elsewhere than on loopback addresses',
  reachable === undefined ? { skip: 'this machine has loopback addresses only' } : needs('openssl'),
  async (t) => {
    const { cert, key } = makeCertificate();
    const tls = ['--token', 'x', '--tls-cert', cert, '--tls-key', key];
    const server = await startServer({ args: ['--host', reachable!, ...tls] });
    const asked = await runCli(['health', '--host', reachable!, '--port', String(server.port), '--tls-cert', cert]);
    t.equal(asked.code, 3, asked.output);
    t.match(asked.stderr, /no answer from https:.* does not match certificate's altnames/);
    await server.kill();
  },
);

t.test('what is no escapement', async (t) => {
  const silent = await listening(t, createServer());
  t.match(await runCli(['health', '--port', silent]), { code: 3, stderr: /did not come within 2 s/ });
  const answers: [status: number, body: string, code: number, told: RegExp][] = [
    [200, 'hello', 1, /status 200\) does not say how it is/],
    [404, '{}', 1, /status 404/],
    [200, 'null', 1, /status 200/],
    [503, '{"status":"degraded","reason":"the disk takes no writes"}', 1, /^degraded: the disk takes no writes\n$/],
    [200, `{"status":"healthy"${' '.repeat(100_000)}}`, 3, /longer than any/],
  ];
  for (const [status, body, code, told] of answers) {
    const port = await listening(
      t,
      createHttpServer((_, response) => void response.writeHead(status).end(body)),
    );
    const asked = await runCli(['health', '--port', port]);
    t.equal(asked.code, code, body.slice(0, 80));
    t.match(asked.output, told);
  }
});

t.test('port 0 names no place, and the links of Kubernetes no port', async (t) => {
  t.match(await runCli(['health', '--port', '0']), { code: 2, stderr: /--url/ });
  const server = await startServer();
  const env = { ESCAPEMENT_PORT: 'tcp://10.0.0.1:80', ESCAPEMENT_URL: server.url };
  t.equal((await runCli(['health'], env)).code, 0);
  await server.kill();
});
