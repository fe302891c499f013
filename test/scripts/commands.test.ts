/** The commands that `npm run` has for those who work on the server: each starts, does a little, and says how it went. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { connecting } from '../support/network.js';

t.setTimeout(240_000);
const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');

async function run(script: string, ...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return { code, output };
}

t.test('each explains itself, and tells what is wrong with its options in one line', async (t) => {
  const numbers = {
    'dist/test/simulation/cli.js': '--seeds',
    'dist/test/fuzz/cli.js': '--seconds',
    'dist/test/soak/cli.js': '--rate',
    'dist/bench/cli.js': '--runs',
    'dist/test/cluster/run.js': '--nodes',
    'scripts/mutate.mjs': '--seeds',
    'scripts/test.mjs': '--jobs',
  };
  for (const [script, number] of Object.entries(numbers)) {
    const help = await run(script, '--help');
    t.equal(help.code, 0, script);
    t.match(help.output, /^Usage: npm (?:run \w+|test) -- \[options\]/, script);
    for (const wrong of [['--nonsense'], [number, 'x'], [number]]) {
      const { code, output } = await run(script, ...wrong);
      t.ok(code, `${script} ${wrong.join(' ')}`);
      t.match(output, /^error: .+\n$/, 'one line');
    }
  }
});

t.test('simulate', async (t) => {
  const { code, output } = await run('dist/test/simulation/cli.js', '--seeds', '3', '--seed', '42', '--steps', '30');
  t.equal(code, 0, output);
  t.match(output, /^3 lives of 30 steps held, in [\d.]+ s$/m);
  t.match(await run('dist/test/simulation/cli.js', '--only', '5-3'), { code: 2, output: /^error: .*5-3 is no step/ });
});

t.test('fuzz', async (t) => {
  const { code, output } = await run('dist/test/fuzz/cli.js', '--seconds', '1', '--seed', '42');
  t.equal(code, 0, output);
  t.match(output, /inputs/);
});

t.test('soak', async (t) => {
  const args = ['--minutes', '0.1', '--rate', '20', '--seed', '1', '--fault-every', '3'];
  const { code, output } = await run('dist/test/soak/cli.js', ...args);
  t.equal(code, 0, output);
  t.match(output, /^All was as promised, and nothing leaks\.$/m);
  t.match(await run('dist/test/soak/cli.js', '--minutes', '0'), { code: 2, output: /must be a number above 0/ });
});

t.test('mutate', async (t) => {
  const { code, output } = await run('scripts/mutate.mjs', '--only', 'an answer before the commit');
  t.equal(code, 0, output);
  t.match(output, /^\| an answer before the commit \| \d+ \| .+ \|$/m);
});

t.test('npm start is stopped by SIGTERM to npm itself', async (t) => {
  const dataDir = mkdtempSync(join(tmpdir(), 'escapement-npm-start-'));
  t.teardown(() => rmSync(dataDir, { recursive: true, force: true }));
  // Without `prestart`, which would build under the feet of other tests.
  const args = ['--ignore-scripts', 'start', '--', '--port', '0', '--data-dir', dataDir];
  const child = spawn('npm', args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  const port = await new Promise<number>((found) =>
    child.stdout.on('data', () => {
      const [, number] = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(output) ?? [];
      if (number !== undefined) found(Number(number));
    }),
  );
  child.kill('SIGTERM');
  // The output ends when the server has ended, which is not when npm has.
  await new Promise((done) => child.once('close', done));
  t.match(output, /"msg":"stopped"/);
  t.equal(await connecting('127.0.0.1', port), 'ECONNREFUSED');
});

t.test('a build leaves nothing in dist whose source is gone', async (t) => {
  const stale = join(root, 'dist/bench/of-a-source-that-is-gone.js');
  writeFileSync(stale, '');
  t.match(await run('scripts/remove-stale.mjs'), { code: 0, output: '' });
  t.notOk(existsSync(stale));
  t.ok(existsSync(join(root, 'dist/src/cli.js')));
});
