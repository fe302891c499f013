/** The client where its users are: Node, Deno, Bun and a browser, each with the real server. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import t from 'tap';
import { without } from '../support/faults.js';
import { startServer, temporary } from '../support/server.js';

t.setTimeout(300_000);

const found = {
  results: [1, 2, 3].map((n) => ({ n, text: 'ü€😀' })),
  scheduled: 3,
  listed: true,
  refused: 'unknown_job_type',
  cancelled: 'cancelled',
  many: 2,
  completed: 3,
};

/** A folder with the client as one file, as a bundler makes it, and the program that uses it. */
const folder = temporary('client');
await build({
  entryPoints: [fileURLToPath(new URL('../../../dist/src/client/client.js', import.meta.url))],
  bundle: true,
  format: 'esm',
  platform: 'browser',
  outfile: join(folder, 'client.mjs'),
});
copyFileSync(fileURLToPath(new URL('../../../test/client/everywhere.mjs', import.meta.url)), join(folder, 'use.mjs'));
writeFileSync(
  join(folder, 'main.mjs'),
  `import process from 'node:process';
import * as client from './client.mjs';
import { use } from './use.mjs';
console.log(JSON.stringify(await use(client, process.argv[2])));
`,
);

const runtimes: readonly [name: string, command: string, args: readonly string[]][] = [
  ['Node', process.execPath, []],
  ['Deno', 'deno', ['run', '--allow-net=127.0.0.1', '--no-config']],
  ['Bun', 'bun', ['run']],
];

/** Without a sandbox, which root does not get; without what a browser does for itself on the network. */
const headless = [
  ...['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-dev-shm-usage'],
  ...['--disable-background-networking', '--disable-component-update', '--disable-sync'],
];

const html = (url: string): string => `<!doctype html><script type="module">
import * as client from './client.mjs';
import { use } from './use.mjs';
const say = (text) => fetch('/', { method: 'POST', body: text });
use(client, '${url}').then((found) => say(JSON.stringify(found)), (error) => say(JSON.stringify({ error: String(error.stack) })));
</script>`;

const there = (command: string): boolean => spawnSync(command, ['--version'], { stdio: 'ignore' }).status === 0;

for (const [name, command, args] of runtimes) {
  t.test(name, there(command) ? {} : without(`${command} is not there`), async (t) => {
    const server = await startServer({ env: { ESCAPEMENT_TOKEN: 'secret' } });
    const { stdout } = await promisify(execFile)(command, [...args, join(folder, 'main.mjs'), server.url]);
    t.match(JSON.parse(stdout), found);
  });
}

t.test('Chromium', there('chromium') ? {} : without('chromium is not there'), async (t) => {
  const page = createServer();
  const said = new Promise<string>((resolve) => {
    page.on('request', (request, response) => {
      if (request.method === 'POST') {
        let text = '';
        request.on('data', (chunk) => (text += chunk)).on('end', () => resolve(text));
        return response.end();
      }
      const file = ['/client.mjs', '/use.mjs'].find((name) => request.url === name);
      if (!file) return response.setHeader('Content-Type', 'text/html').end(html(api.url));
      response.setHeader('Content-Type', 'text/javascript').end(readFileSync(join(folder, file)));
    });
  });
  await new Promise<void>((resolve) => page.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(page.address() as AddressInfo).port}`;
  const api = await startServer({ env: { ESCAPEMENT_TOKEN: 'secret' }, args: ['--cors-origin', origin] });
  const browser = spawn('chromium', [...headless, `--user-data-dir=${temporary('chromium')}`, origin], {
    stdio: 'ignore',
  });
  t.teardown(async () => {
    const gone = new Promise((resolve) => browser.once('exit', resolve));
    browser.kill('SIGKILL');
    await gone;
    page.closeAllConnections();
    page.close();
  });
  t.match(JSON.parse(await said), { ...found, hasWebSocket: true });
});
