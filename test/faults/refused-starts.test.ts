/** F9, F31 and F32: a start that cannot be. One line that says why, exit code 1, and whoever runs already is left alone. */

import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { without } from '../support/faults.js';
import { mountsPossible, readOnlyDisk, readOnlyFile } from '../support/faults-mounts.js';
import { runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(300_000);
const ownHandlers = 'test/support/handlers';

function start(options: { dataDir?: string; handlers?: string; args?: string[] } = {}): ReturnType<typeof runCli> {
  const { dataDir = join(temporary(), 'store'), handlers = ownHandlers, args = [] } = options;
  return runCli(['start', '--port', '0', '--data-dir', dataDir, '--handlers', handlers, ...args]);
}

const oneLine = /^escapement: [^\n]+\n$/;

t.test('F9: a second server on one directory exits at once and names the first', async (t) => {
  const first = await startServer();
  const api = new Client(first);
  const { id } = await api.create({ name: 'noop', delay: '1h' });
  const link = join(temporary('link'), 'same');
  symlinkSync(first.dataDir, link);
  for (const dataDir of [first.dataDir, `${first.dataDir}/../store/`, link]) {
    const { code, stderr } = await start({ dataDir });
    t.equal(code, 1, dataDir);
    t.match(stderr, oneLine);
    t.ok(stderr.includes(`process ${first.pid}`), stderr);
  }
  t.equal((await api.get(`/jobs/${id}`)).status, 200, 'the first works on');
  await api.create({ name: 'noop', delay: '1h' });

  t.test('of two at the same moment one gets it', async (t) => {
    await first.kill();
    const dataDir = first.dataDir;
    const outcomes = await Promise.allSettled([
      startServer({ dataDir }),
      startServer({ dataDir }),
      startServer({ dataDir }),
    ]);
    t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
    for (const outcome of outcomes) if (outcome.status === 'fulfilled') await outcome.value.kill();
  });

  t.test('a killed one leaves no lock behind', async (t) => {
    await first.restart();
    t.equal((await api.get(`/jobs/${id}`)).status, 200);
  });
});

t.test('F31: a handler that does not load', async (t) => {
  const cases: [name: string, source: string, reason: RegExp][] = [
    [
      'syntax',
      'export default async () => {\n  return 1;;\n  const = 2;\n};',
      /syntax\.mjs:3: SyntaxError: Unexpected/,
    ],
    ['throws', 'throw new Error("no configuration here");', /no configuration here/],
    ['lacks', 'import "not-installed-anywhere"; export default () => {};', /not-installed-anywhere/],
    ['nothing', 'export const x = 1;', /default/],
    ['number', 'export default 42;', /default|function/],
    ['options', 'export default () => {}; export const options = { timeout: "soon" };', /timeout/],
    ['exits', 'process.exit(0);', /.+/],
  ];
  for (const [name, source, reason] of cases) {
    const handlers = temporary('handlers');
    writeFileSync(join(handlers, 'fine.mjs'), 'export default () => {};');
    writeFileSync(join(handlers, `${name}.mjs`), source);
    const { code, stderr } = await start({ handlers });
    t.equal(code, 1, name);
    t.match(stderr, oneLine, name);
    t.ok(stderr.includes(`${name}.mjs`), `${name}: names the file: ${stderr}`);
    t.match(stderr, reason, `${name}: says why`);
  }
  const nowhere = join(temporary(), 'nowhere');
  const { code, stderr } = await start({ handlers: nowhere });
  t.equal(code, 1);
  t.match(stderr, oneLine);
  t.ok(stderr.includes(nowhere));
});

t.test('F31: a handler that loads no more when its threads are replaced', async (t) => {
  const flag = join(temporary('flag'), 'flag');
  const source = `
    import { existsSync } from 'node:fs';
    if (existsSync(${JSON.stringify(flag)})) throw new Error('gone bad');
    export default () => {};`;
  const server = await startServer({ handlers: { moody: source } });
  const api = new Client(server);
  writeFileSync(flag, '');
  // One for each thread, and some more.
  const exits = await Promise.all(
    Array.from({ length: 6 }, () => api.create({ name: 'exit', delay: '0s', max_retries: 0 })),
  );
  await eventually(() => /gone bad/.test(server.output()), 'the log does not tell');
  t.equal((await api.get('/health/live')).status, 200, 'the server lives');
  const waits = await api.create({ name: 'moody', delay: '0s' });
  rmSync(flag);
  await api.until(waits.id, 'success', 30_000);
  for (const { id } of exits) t.match(await api.until(id, 'failed', 30_000), { last_error: { code: 'worker_lost' } });
});

t.test('TypeScript beside handlers is ignored, and the log says so', async (t) => {
  const handlers = temporary('handlers');
  for (const name of ['greet.mjs', 'later.ts', 'greet.ts', '_shared.ts', 'types.d.ts'])
    writeFileSync(join(handlers, name), 'export default () => {};');
  const server = await startServer({ handlers });
  const isTold = () => /"files":\["later\.ts"\].*TypeScript is ignored/.test(server.output());
  await eventually(isTold, 'the log does not say so');
  t.notMatch(server.output(), /_shared|types\.d/);
  await server.kill();
});

t.test('a binary of uWebSockets.js that does not load', async (t) => {
  const hook = join(temporary('hook'), 'hook.cjs');
  const dataDir = join(temporary(), 'store');
  const cases: [thrown: string, told: RegExp][] = [
    [
      "supports only…\n\nError: Cannot find module './uws_linux_x64_147.node'",
      /has no binary for Node\.js v\d.*: use Node\.js 20,/,
    ],
    [
      "supports only…\n\nError: Cannot find module './uws_linux_x64_127.node'",
      /binary of uWebSockets\.js for Node\.js v\d.* is not installed.*: install again, by "npm ci"/,
    ],
    [
      "supports only…\n\nError: version `GLIBC_2.38' not found",
      /newer glibc .*: run "node \/.*\/scripts\/patch-uws\.mjs"/,
    ],
    ['something else', /cannot be loaded by Node\.js v\d.*: Error: something else/],
  ];
  for (const [thrown, told] of cases) {
    writeFileSync(
      hook,
      `const Module = require('node:module');
      const load = Module._load;
      Module._load = function (name, ...more) {
        if (name === 'uWebSockets.js') throw new Error(${JSON.stringify(thrown)});
        return load.call(this, name, ...more);
      };`,
    );
    const args = ['start', '--port', '0', '--data-dir', dataDir, '--handlers', ownHandlers, '--http', 'uws'];
    const { code, stderr } = await runCli(args, { NODE_OPTIONS: `--require ${hook}` });
    t.equal(code, 1);
    t.match(stderr, oneLine);
    t.match(stderr, told);
    t.match(stderr, /; or leave out --http uws/);
  }
  // An empty variable is none: nobody has chosen.
  const instead = await startServer({ dataDir, env: { NODE_OPTIONS: `--require ${hook}`, ESCAPEMENT_HTTP: '' } });
  t.match(instead.output(), /"msg":"Node's own HTTP serves \(http: \\"node\\"\), which is slower: .*something else/);
  t.match(instead.output(), /"http":"node".*"msg":"ready"/);
  t.equal((await new Client(instead).get('/health')).status, 200);
  t.equal(await instead.stop(), 0);
  const server = await startServer({ dataDir, env: { ESCAPEMENT_HTTP: '' } });
  t.match(server.output(), /"http":"uws".*"msg":"ready"/, 'where it loads, it serves');
  await server.kill();
});

t.test('F32: port in use, bad host', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  await new Promise((done) => other.once('listening', done));
  t.teardown(() => other.close());
  const { port } = other.address() as { port: number };
  const dataDir = join(temporary(), 'store');
  const cases: [what: string, args: string[], reason: RegExp][] = [
    ['port in use', ['--port', String(port)], new RegExp(`${port}: another process has this port`)],
    ['port in use, by name', ['--port', String(port), '--host', 'localhost'], /another process has this port/],
    ['an address of others', ['--host', '192.0.2.1', '--token', 'x'], /does not have that address/],
    ['a name of nobody', ['--host', 'no-such-host.invalid', '--token', 'x'], /host/],
    ['open to all without a token', ['--host', '0.0.0.0'], /token/],
  ];
  for (const [what, args, reason] of cases) {
    const { code, stdout, stderr } = await start({ args, dataDir });
    t.equal(code, 1, what);
    t.match(stderr, oneLine, what);
    t.match(stderr, reason, what);
    t.notMatch(stdout, /listening|opening/, what);
    t.notOk(existsSync(dataDir), `${what}: no data directory was made`);
  }
});

t.test('F32: with the directory and the port of a server that runs, the directory is told', async (t) => {
  const first = await startServer();
  const { code, stderr } = await start({ dataDir: first.dataDir, args: ['--port', String(first.port)] });
  t.equal(code, 1);
  t.match(stderr, oneLine);
  t.match(
    stderr,
    new RegExp(`data directory ${first.dataDir} is in use by another escapement \\(process ${first.pid},`),
  );
  t.equal(await first.stop(), 0);
});

t.test('F32: a folder of something else is no data directory', async (t) => {
  for (const foreign of ['notes.txt', 'src', 'data', 'escapement.json.bak']) {
    const dataDir = temporary();
    if (foreign.includes('.')) writeFileSync(join(dataDir, foreign), 'mine');
    else mkdirSync(join(dataDir, foreign));
    writeFileSync(join(dataDir, '.hidden'), '');
    const { code, stderr } = await start({ dataDir });
    t.equal(code, 1, foreign);
    t.match(stderr, oneLine, foreign);
    t.ok(stderr.includes(`the data directory ${dataDir} has ${foreign} in it`), stderr);
    t.same(readdirSync(dataDir).sort(), ['.hidden', foreign], 'nothing was put beside it');
  }
});

t.test('what a fresh volume or a desktop leaves in a folder does not count', async (t) => {
  const dataDir = temporary();
  for (const folder of ['lost+found', '.Trash-1000']) mkdirSync(join(dataDir, folder));
  for (const file of ['.gitkeep', '.DS_Store']) writeFileSync(join(dataDir, file), '');
  // A first start that ended while it wrote the marker.
  writeFileSync(join(dataDir, 'escapement.json.new'), '{');
  const server = await startServer({ dataDir });
  writeFileSync(join(dataDir, 'notes.txt'), 'put there later');
  await server.restart();
  t.equal(await server.stop(), 0);
});

t.test(
  'F32: a directory that cannot be written',
  mountsPossible ? {} : without('file systems cannot be mounted here, not even in a namespace'),
  async (t) => {
    const disk = readOnlyDisk(['empty']);
    for (const [dataDir, told] of [
      [join(disk, 'empty'), 'cannot be used'],
      [join(disk, 'new'), 'cannot be made'],
    ] as const) {
      const { code, stderr } = await start({ dataDir });
      t.equal(code, 1, dataDir);
      t.match(stderr, oneLine);
      t.ok(stderr.includes(`the data directory ${dataDir} ${told}: read-only file system (EROFS)`), stderr);
      t.match(stderr, /: name another with --data-dir|make it writable/);
    }
    const server = await startServer();
    t.equal(await server.stop(), 0);
    for (const name of ['data.mdb', 'data.mdb-lock']) {
      const writable = readOnlyFile(join(server.dataDir, name));
      const { code, stderr } = await start({ dataDir: server.dataDir });
      writable();
      t.equal(code, 1, name);
      t.match(stderr, new RegExp(`^escapement: ${server.dataDir}/${name} cannot be opened for writing: [^\\n]+\\n$`));
    }
    await server.restart();
    t.equal(await server.stop(), 0);
  },
);

t.test('F32: the directory cannot be made', async (t) => {
  const folder = temporary();
  mkdirSync(join(folder, 'a'));
  writeFileSync(join(folder, 'a/file'), '');
  const cases = [join(folder, 'a/file/store'), join(folder, 'a/file')];
  // Where the system answers that there is no such place, though the folder above is there.
  if (process.platform === 'linux') cases.push('/proc/store', '/proc/a/store');
  for (const dataDir of cases) {
    const { code, stderr } = await start({ dataDir });
    t.equal(code, 1, dataDir);
    t.match(stderr, oneLine);
    t.ok(stderr.includes(`the data directory ${dataDir} cannot be made`), stderr);
  }
});
