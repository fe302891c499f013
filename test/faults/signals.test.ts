/** F35: signals as they come: twice at once, during startup, from a terminal that closes, to process 1. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { without } from '../support/faults.js';
import { handlersFolder, run, startServer, temporary } from '../support/server.js';

t.setTimeout(120_000);

const root = fileURLToPath(new URL('../../../', import.meta.url));
const cli = join(root, 'dist/src/cli.js');

t.test('F35: SIGINT twice within a millisecond is one stop in order', async (t) => {
  const server = await startServer({ args: ['--grace', '20s'] });
  const api = new Client(server);
  const { id } = await api.create({ name: 'sleep', delay: '0s', payload: { ms: 1500 } });
  await api.until(id, 'running');
  server.signal('SIGINT');
  server.signal('SIGINT');
  t.same(await server.exited, { code: 0, signal: null });
  t.match(server.output(), /"msg":"stopped"/);
  await server.restart();
  t.equal((await api.job(id)).status, 'success', 'what ran had its grace');
  await server.kill();
});

const terminals = spawnSync('script', ['-qec', 'true', '/dev/null']).status === 0;
t.test(
  'F35: SIGHUP of a terminal that is closed stops in order',
  terminals ? {} : without('there is no program "script" here, which makes terminals'),
  async (t) => {
    const args = ['start', '--port', '0', '--data-dir', join(temporary(), 'store'), '--handlers', handlersFolder({})];
    const command = ['exec', process.execPath, cli, ...args]
      .map((word) => `'${word}'`)
      .join(' ')
      .replace("'exec'", 'exec');
    const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: root, stdio: ['pipe', 'pipe', 'pipe'] });
    t.teardown(() => child.kill('SIGKILL'));
    const output = collect(child);
    await eventually(() => output().includes('escapement listening'), 'it does not listen', 60_000);
    const server = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());
    process.kill(server, 'SIGHUP');
    await once(child, 'close');
    t.equal(child.exitCode, 0);
    t.match(output(), /stopping.*SIGHUP/);
  },
);

t.test('F35: SIGHUP of a server that no terminal started stops nothing', async (t) => {
  const server = await startServer();
  server.signal('SIGHUP');
  await eventually(() => server.output().includes('the handlers were read anew'), 'they are not read');
  t.equal(await server.stop(), 0);
  t.notMatch(server.output(), /SIGHUP","msg":"stopping/);
});

t.test('F35: a signal during startup ends it in order, and the next start finds a clean store', async (t) => {
  const folder = temporary('slow');
  const dataDir = join(folder, 'store');
  const loading = join(folder, 'loading');
  const handlers = handlersFolder({
    slow: `import { existsSync, writeFileSync } from 'node:fs';
if (!existsSync(${JSON.stringify(loading)})) {
  writeFileSync(${JSON.stringify(loading)}, '');
  await new Promise((resolve) => setTimeout(resolve, 5000));
}
export default () => {};`,
  });
  const args = ['start', '--port', '0', '--data-dir', dataDir, '--handlers', handlers, '--threads', '1'];
  const child = run(args);
  const output = collect(child);
  await eventually(
    () => existsSync(loading),
    () => `the handler is not loaded: ${output()}`,
  );
  child.kill('SIGTERM');
  t.same(await once(child, 'close'), [0, null]);
  t.match(output(), /stopped during startup/);
  t.notMatch(output(), /escapement listening|"level":(50|60)/);

  const server = await startServer({ dataDir, handlers });
  t.notMatch(server.output(), /was not closed in order/);
  t.equal(await server.stop(), 0);
});

t.test('F35: a signal at any moment of the start ends it in order', async (t) => {
  // Where the process is then depends on the machine: before the program runs, the system's own action ends it.
  for (let afterMs = 0; afterMs <= 600; afterMs += 40) {
    const args = ['start', '--port', '0', '--data-dir', join(temporary(), 'store'), '--handlers', handlersFolder({})];
    const child = run(args);
    const output = collect(child);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    child.kill('SIGINT');
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    const outcome = `${afterMs} ms: ${code ?? signal} ${output()}`;
    if (output() === '') t.ok(signal === 'SIGINT' || code === 0, outcome);
    else t.equal(code, 0, outcome);
    t.notMatch(output(), /"level":(50|60)/, outcome);
  }
});

t.test('F35: npm start passes a Ctrl-C on, and all stops in order', async (t) => {
  const dataDir = join(temporary(), 'store');
  // In a process group of its own, as a shell starts it: the terminal sends the signal to all in the group.
  const child = spawn(
    'npm',
    ['run', 'start', '--silent', '--ignore-scripts', '--', '--port', '0', '--data-dir', dataDir],
    {
      cwd: root,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  t.teardown(() => killGroup(child));
  const output = collect(child);
  await eventually(() => output().includes('escapement listening'), 'it does not listen', 60_000);
  process.kill(-child.pid!, 'SIGINT');
  await once(child, 'close');
  t.match(output(), /"signal":"SIGINT","msg":"stopping"/);
  t.match(output(), /"msg":"stopped"/);
  t.notMatch(output(), /at once/);
});

const namespaces = spawnSync('unshare', ['-p', '-f', '--mount-proc', 'true']).status === 0;
t.test(
  'F35: as process 1 it stops in order, also during startup and when native code holds a thread',
  namespaces ? {} : without('processes cannot have a namespace of their own here'),
  async (t) => {
    const folder = temporary('one');
    mkdirSync(join(folder, 'run'));
    const holds = join(folder, 'holds');
    const handlers = handlersFolder({
      holds: `import { writeFileSync } from 'node:fs';
import { execSync } from 'node:child_process';
export default () => { writeFileSync(${JSON.stringify(holds)}, ''); execSync('exec sleep 60'); };`,
    });
    const asProcessOne = (name: string) => {
      const args = [
        'start',
        '--port',
        '0',
        '--grace',
        '100ms',
        '--data-dir',
        join(folder, name),
        '--handlers',
        handlers,
      ];
      const unshare = ['-p', '-f', '--mount-proc', '--kill-child', process.execPath, cli, ...args];
      const child = spawn('unshare', unshare, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
      t.teardown(() => child.kill('SIGKILL'));
      return { child, output: collect(child) };
    };
    /** The process within, as this namespace numbers it. */
    const inner = (child: ChildProcess): number =>
      Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim());

    const early = asProcessOne('early');
    await eventually(() => early.output().includes('opening the store'), 'it does not start');
    process.kill(inner(early.child), 'SIGTERM');
    t.same(await once(early.child, 'close'), [0, null]);

    const held = asProcessOne('held');
    await eventually(() => held.output().includes('escapement listening'), 'it does not listen');
    const url = /escapement listening on (\S+)/.exec(held.output())![1]!;
    await fetch(`${url}/api/v1/jobs`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'holds', delay: '0s' }),
    });
    await eventually(() => existsSync(holds), 'the handler does not run');
    process.kill(inner(held.child), 'SIGTERM');
    await once(held.child, 'close');
    t.match(held.output(), /native code holds a thread of this process/, 'and it has ended all the same');
  },
);

function collect(child: ChildProcess): () => string {
  let text = '';
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  }
  return () => text;
}

function killGroup(child: ChildProcess): void {
  try {
    process.kill(-child.pid!, 'SIGKILL');
  } catch {
    // All of it has ended.
  }
}
