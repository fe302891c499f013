/** Behind nginx and Caddy, set up as docs/operate.md shows: requests, events as they come, WebSockets, bodies in chunks. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Client } from '../support/client.js';
import { fileIn, programs, replaced } from '../support/documents.js';
import { freePort, makeCertificate } from '../support/network.js';
import { nginxFile, runProxy } from '../support/proxies.js';
import { startServer, temporary } from '../support/server.js';
import { StreamReader } from '../support/sse.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(60_000);

const token = 'secret';
const authorization = `Bearer ${token}`;

/** What a client behind the proxy has to be able to do. */
async function serves(t: Test, port: number): Promise<void> {
  const api = new Client({ port }, { authorization });
  const stream = await StreamReader.to({ port }, '', { authorization });
  const feed = await Subscriber.connect({ port }, { headers: { authorization } });
  await feed.subscribe();
  const job = await api.create({ name: 'noop', delay: '0s' });
  t.ok(await feed.event(job.id, 'job.completed'), 'a WebSocket hears of it');
  // It would come with the end of the stream only, if the proxy kept it back.
  await stream.seq(3);
  t.pass('an event stream does, while it is open');
  await Promise.all([feed.close(), stream.close()]);
}

/** The status of a request whose body comes in chunks, with the size of the first as given. */
function chunked(port: number, size: string): Promise<number> {
  const body = '{"name":"noop","delay":"1h"}';
  const length = size === '' ? body.length.toString(16) : size;
  const head = `POST /api/v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n`;
  return new Promise((done, failed) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(`${head}${length}\r\n${body}\r\n0\r\n\r\n`));
    let answer = '';
    socket.setEncoding('latin1').on('data', (text) => (answer += text));
    socket.once('error', failed).once('close', () => done(Number(answer.split(' ')[1])));
  });
}

/** How many jobs a server has, asked without a proxy. */
async function jobs(server: { readonly port: number }): Promise<number> {
  const { body } = await new Client(server, { authorization }).get<{ total: number }>('/jobs');
  return body.total;
}

t.test('nginx', programs({ nginx: 'nginx-light', openssl: 'openssl' }), async (t) => {
  const folder = temporary('nginx');
  const { cert, key } = makeCertificate();
  const shown = fileIn('operate.md', 'escapement.conf');
  const whole = (site: string) => nginxFile(folder, site);
  const [port, tlsPort] = [await freePort(), await freePort()];
  const conf = join(folder, 'nginx.conf');
  const files = { '/etc/ssl/jobs.example.com.pem': cert, '/etc/ssl/jobs.example.com.key': key };
  writeFileSync(conf, whole(replaced(shown, { ...files, 'listen 443 ssl': `listen 127.0.0.1:${tlsPort} ssl` })));
  const checked = spawnSync('nginx', ['-t', '-e', 'stderr', '-p', folder, '-c', conf], { encoding: 'utf8' });
  t.equal(checked.status, 0, checked.stderr);
  t.notMatch(checked.stderr, /\[warn\]/);

  const server = await startServer({ args: ['--token', token, '--no-chunked'] });
  const plain = { 'listen 443 ssl;': `listen 127.0.0.1:${port};`, '127.0.0.1:8080': `127.0.0.1:${server.port}` };
  writeFileSync(conf, whole(replaced(shown, plain).replace(/^ *ssl_.*$/gm, '')));
  await runProxy(t, port, 'nginx', ['-e', 'stderr', '-p', folder, '-c', conf]);
  await serves(t, port);
  t.equal(await chunked(port, ''), 201, 'a body in chunks comes with its length');
  const before = await jobs(server);
  t.equal(await chunked(port, 'g'), 400, 'a strange one does not come through');
  t.equal(await jobs(server), before);
  await server.stop();
});

t.test('Caddy', programs({ caddy: 'caddy' }), async (t) => {
  const folder = temporary('caddy');
  const home = { HOME: folder, XDG_DATA_HOME: join(folder, 'data'), XDG_CONFIG_HOME: join(folder, 'config') };
  mkdirSync(home.XDG_DATA_HOME);
  const shown = fileIn('operate.md', 'Caddyfile');
  const file = join(folder, 'Caddyfile');
  writeFileSync(file, shown);
  const args = ['--adapter', 'caddyfile', '--config', file];
  const env = { ...process.env, ...home };
  const checked = spawnSync('caddy', ['validate', ...args], { encoding: 'utf8', env });
  t.equal(checked.status, 0, checked.stderr);
  t.match(checked.stdout, 'Valid configuration');
  t.notMatch(checked.stderr, /"level":"(warn|error)"/);

  const server = await startServer({ args: ['--token', token] });
  const strict = await startServer({ args: ['--token', token, '--no-chunked'] });
  const [port, strictPort] = [await freePort(), await freePort()];
  const site = (from: number, to: number) =>
    replaced(shown, { 'jobs.example.com': `http://127.0.0.1:${from}`, '127.0.0.1:8080': `127.0.0.1:${to}` });
  const sites = [site(port, server.port), site(strictPort, strict.port)];
  writeFileSync(file, `{\n\tadmin off\n\tauto_https off\n}\n${sites.join('\n')}`);
  await runProxy(t, port, 'caddy', ['run', ...args], home);
  await serves(t, port);
  t.equal(await chunked(port, ''), 201);
  const before = await jobs(server);
  t.equal(await chunked(port, 'g'), 502, 'a strange chunk does not come through');
  t.equal(await jobs(server), before);
  t.equal(await chunked(strictPort, ''), 411, 'chunks come through as chunks');
  await Promise.all([server.stop(), strict.stop()]);
});
