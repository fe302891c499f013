/** Below a path of a proxy's: the page, its files, its requests and its WebSocket all find their way, and so do its links. */
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { hasChromium, openPage } from '../support/browser.js';
import { programs } from '../support/documents.js';
import { without } from '../support/faults.js';
import { freePort } from '../support/network.js';
import { temporary } from '../support/server.js';
import { api, emptyServer } from './ground.js';

t.setTimeout(300_000);

const missing = programs({ nginx: 'nginx-light' });
const skipped = hasChromium ? missing : without('chromium is not there');

const takesConnections = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => socket.end(() => done(true))).once('error', () => done(false));
  });

let proxy: ChildProcess | undefined;
process.on('exit', () => proxy?.kill('SIGKILL'));
t.teardown(async () => {
  if (proxy === undefined || proxy.exitCode !== null) return;
  const ended = new Promise((done) => proxy?.once('close', done));
  proxy.kill('SIGTERM');
  await ended;
});

/** nginx with the server below `/tools/jobs/`. */
async function behindNginx(server: { readonly port: number }): Promise<string> {
  const folder = temporary('nginx');
  const port = await freePort();
  const conf = join(folder, 'nginx.conf');
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  writeFileSync(
    conf,
    `daemon off; pid ${folder}/pid; error_log stderr; worker_processes 1;
    events {}
    http {
      access_log off;
      ${places.map((place) => `${place}_temp_path ${folder}/${place};`).join('\n')}
      server {
        listen 127.0.0.1:${port};
        location /tools/jobs/ {
          proxy_pass http://127.0.0.1:${server.port}/;
          proxy_http_version 1.1;
          proxy_set_header Host $http_host;
          proxy_set_header Upgrade $http_upgrade;
          proxy_set_header Connection "upgrade";
        }
      }
    }`,
  );
  proxy = spawn('nginx', ['-e', 'stderr', '-p', folder, '-c', conf], { stdio: 'ignore' });
  while (!(await takesConnections(port))) {
    if (proxy.exitCode !== null) throw new Error(`nginx ended with ${proxy.exitCode}`);
    await new Promise((next) => setTimeout(next, 20));
  }
  return `http://127.0.0.1:${port}/tools/jobs/`;
}

t.test('below a path of nginx', skipped, async (t) => {
  const server = await emptyServer();
  const base = await behindNginx(server);
  const { page, faults } = await openPage();
  const astray: string[] = [];
  const note = ((asked: { url(): string }) => {
    if (!asked.url().replace(/^ws/, 'http').startsWith(base)) astray.push(asked.url());
  }) as never;
  page.on('request', note);
  page.on('websocket', note);
  await page.goto(base);
  await page.getByText('Live').waitFor();
  await page.getByText('No jobs yet').waitFor();
  const { id } = await api<{ id: string }>(server, 'POST', '/jobs', {
    name: 'pay',
    delay: '1h',
    payload: { order: 'A-1' },
  });
  await page.getByRole('link', { name: /^Jobs/ }).first().click();
  await page.locator('[data-row] a').first().click();
  await page.getByText(id).first().waitFor();
  t.equal(page.url(), `${base}#/jobs/${id}`);
  await page.getByRole('button', { name: 'Run now' }).click();
  await page.locator('h1 >> text=success').waitFor();
  await page.goto('about:blank');
  await page.goto(`${base}#/events`);
  await page.getByText('Waiting for events').waitFor();
  await page.getByText('Live').waitFor();
  await api(server, 'POST', '/jobs', { name: 'pay', delay: '1h', payload: { order: 'A-2' } });
  await page.locator('.tail-line >> text=scheduled').waitFor();
  const docs = await page.evaluate<string>('document.querySelector("a[href$=docs]")?.href ?? ""');
  t.ok(docs.startsWith(base), `the reference is at ${docs}`);
  t.equal((await fetch(docs)).status, 200);
  t.same(astray, [], 'nothing is asked for above the path');
  t.same(faults, []);
});
