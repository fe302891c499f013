/** The command line: what it refuses, with which exit code and in what words. */
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { handlersFolder, runCli, startServer, temporary } from '../support/server.js';
import { onlyAlone } from '../support/shards.js';

t.setTimeout(240_000);
const start = (...args: string[]) =>
  runCli(['start', '--port', '0', '--data-dir', join(temporary(), 'store'), '--handlers', 'dist/workers', ...args]);
const clear = (t: { notMatch(value: unknown, pattern: unknown, message: string): boolean }, output: string) =>
  t.notMatch(output, /\n\s+at |node:internal|Error: .*\n\s+at/, `without a stack: ${output.slice(0, 500)}`);

t.test('--help explains itself', async (t) => {
  const all = await runCli(['--help']);
  t.equal(all.code, 0);
  t.match(all.stdout, /start/);
  const help = await runCli(['start', '--help']);
  t.equal(help.code, 0);
  for (const option of [
    'port',
    'data-dir',
    'handlers',
    'timezone',
    'grace',
    'retention',
    'retain',
    'retention-failed',
    'retain-failed',
    'max-body',
    'token',
    'allowed-host',
    'cors-origin',
    'tls-cert',
    'tls-key',
    'max-connections',
  ]) {
    t.match(help.stdout, new RegExp(`--${option}\\b`), option);
  }
});

t.test('--version tells the version', async (t) => {
  const { code, stdout } = await runCli(['--version']);
  t.equal(code, 0);
  t.match(stdout, /1\.0\.0/);
});

t.test('a faulty command line exits with 2 and names the fault', async (t) => {
  const cases: [string[], RegExp][] = [
    [['start', '--bogus'], /--bogus/],
    [['dance'], /dance/],
    [['start', 'extra'], /extra|argument/],
    [['start', '--port'], /--port/],
  ];
  for (const args of [
    ['--port', 'abc'],
    ['--port', '-1'],
    ['--port', '65536'],
    ['--port', '80.5'],
    ['--timezone', 'Mars/X'],
    ['--grace', '5'],
    ['--grace', 'soon'],
    ['--retention', '-1d'],
    ['--retain', 'many'],
    ['--retain', '-1'],
    ['--max-body', 'big'],
    ['--max-connections', 'x'],
  ]) {
    cases.push([['start', ...args], new RegExp(args[0]!)]);
  }
  await Promise.all(
    cases.map(async ([args, named]) => {
      const full =
        args[0] === 'start'
          ? [
              ...args.slice(0, 1),
              '--data-dir',
              join(temporary(), 'store'),
              '--handlers',
              'dist/workers',
              ...args.slice(1),
            ]
          : args;
      const { code, stderr, output } = await runCli(full);
      t.equal(code, 2, `${args.join(' ')}: ${output.slice(0, 300)}`);
      t.match(stderr, named, args.join(' '));
      clear(t, output);
    }),
  );
});

t.test('another address than loopback needs a token', async (t) => {
  for (const host of ['0.0.0.0', '::']) {
    const { code, output } = await start('--host', host);
    t.ok(code === 1 || code === 2, `exit ${code}: ${output}`);
    t.match(output, /--token|ESCAPEMENT_TOKEN/);
    clear(t, output);
  }
});

t.test('a handler that does not load stops the start, with its file and the reason', async (t) => {
  const sources: [string, string, RegExp][] = [
    ['throws', 'throw new Error("no database")', /no database/],
    ['syntax', 'export default async (', /syntax|unexpected/i],
    ['missing', 'import "./nowhere.mjs"; export default async () => {}', /nowhere/],
    ['nothing', 'export const x = 1', /default/],
    ['number', 'export default 5', /default|function/],
  ];
  await Promise.all(
    sources.map(async ([name, source, reason]) => {
      const folder = handlersFolder({ [name]: source }, false);
      const { code, output } = await runCli([
        'start',
        '--port',
        '0',
        '--data-dir',
        join(temporary(), 'store'),
        '--handlers',
        folder,
      ]);
      t.equal(code, 1, name);
      t.match(output, new RegExp(`${name}\\.mjs`), `${name}: the file is named`);
      t.match(output, reason);
    }),
  );
});

t.test('a folder of handlers that is not there stops the start', async (t) => {
  const { code, output } = await runCli([
    'start',
    '--port',
    '0',
    '--data-dir',
    join(temporary(), 'store'),
    '--handlers',
    '/no/such/folder',
  ]);
  t.ok(code === 1 || code === 2, `exit ${code}`);
  t.match(output, /\/no\/such\/folder/);
  clear(t, output);
});

t.test('a port in use and a bad host: one clear line, exit 1', async (t) => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const { port } = taken.address() as { port: number };
  const busy = await start('--port', String(port));
  t.equal(busy.code, 1, busy.output);
  t.match(busy.output, new RegExp(String(port)));
  clear(t, busy.output);
  await new Promise((done) => taken.close(done));
  const bad = await start('--host', '203.0.113.7', '--token', 'a-token-that-is-long-enough-0123456789');
  t.equal(bad.code, 1, bad.output);
  t.match(bad.output, /203\.0\.113\.7/);
  clear(t, bad.output);
});

t.test('a port that is given is used', onlyAlone('one port'), async (t) => {
  const probe = createServer();
  await new Promise<void>((done) => probe.listen(0, '127.0.0.1', done));
  const { port } = probe.address() as { port: number };
  await new Promise((done) => probe.close(done));
  const server = await startServer({ args: ['--port', String(port)] });
  t.equal(server.port, port);
  t.equal((await new Client(server).get('/health')).status, 200);
  await server.kill();
});
