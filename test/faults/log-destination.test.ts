/** F33: what takes the log is full, gone, or does not read. Lines are lost and counted, and nothing else happens. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Client, eventually } from '../support/client.js';
import { without } from '../support/faults.js';
import { mountsPossible, smallDisk } from '../support/faults-mounts.js';
import { freePort } from '../support/network.js';
import { handlersFolder, run, temporary } from '../support/server.js';

t.setTimeout(120_000);

const handlers = handlersFolder({
  prints: `export default async ({ lines }) => {
  for (let line = 0; line < lines; line++) {
    process.stdout.write('printed ' + line + ' ' + 'x'.repeat(1000) + '\\n');
    if (line % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 50));
  }
};`,
});
/**
 * More than a socket, a pipe or the small disk holds, and than may wait in memory. They take three seconds, since a thread may send only so
 * much of them a second.
 */
const lines = 6000;

interface Started {
  readonly api: Client;
  readonly child: ReturnType<typeof run>;
  readonly residentMiB: () => number;
}

async function start(stdout: 'pipe' | number): Promise<Started> {
  const port = await freePort();
  const store = join(temporary(), 'store');
  const child = run(['start', '--port', String(port), '--data-dir', store, '--handlers', handlers], {}, stdout);
  child.stderr!.resume();
  const api = new Client({ port });
  await eventually(async () => (await api.get('/health').catch(() => undefined))?.status === 200, 'it does not start');
  const residentMiB = () =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
  return { api, child, residentMiB };
}

/** Prints more than is taken, and sees that the server goes on. */
async function flood(t: Test, { api, residentMiB }: Started): Promise<void> {
  const before = residentMiB();
  const { id } = await api.create({ name: 'prints', delay: '0s', payload: { lines } });
  t.equal(
    (await api.until(id, (job) => job.status !== 'pending' && job.status !== 'running', 60_000)).status,
    'success',
  );
  for (let job = 0; job < 5; job++) {
    await api.until((await api.create({ name: 'noop', delay: '0s' })).id, 'success');
  }
  t.equal((await api.get('/health')).status, 200);
  const grown = residentMiB() - before;
  t.ok(grown < 100, `memory grew by ${grown.toFixed()} MiB`);
}

async function end({ child }: Started): Promise<[number | null, NodeJS.Signals | null]> {
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  return (await over) as [number | null, NodeJS.Signals | null];
}

t.test('F33: the reader of standard output is gone', async (t) => {
  const server = await start('pipe');
  server.child.stdout!.destroy();
  await flood(t, server);
  t.same(await end(server), [0, null]);
});

t.test('F33: nobody reads a pipe; when somebody does, the loss is told', async (t) => {
  const fifo = join(temporary('fifo'), 'fifo');
  execFileSync('mkfifo', [fifo]);
  // Open both ways, a pipe needs no second process.
  const pipe = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  const server = await start(openSync(fifo, constants.O_WRONLY));
  await flood(t, server);
  let text = '';
  await eventually(
    () => {
      text += readAll(pipe);
      return /"lines":\d+,"msg":"lines of this log are lost/.test(text);
    },
    () =>
      `the loss is not told in ${text.length} characters (exit code ${server.child.exitCode}): …${text.slice(-2000)}`,
  );
  t.ok(Number(/"lines":(\d+),"msg":"lines of this log/.exec(text)?.[1]) > 0);
  for (const line of text.trimEnd().split('\n').slice(0, -1))
    t.ok(line.startsWith('{') || line.startsWith('escapement'));

  await flood(t, server);
  t.same(await end(server), [0, null], 'and an end that nobody reads of is one in order');
  closeSync(pipe);
});

t.test('F33: nobody reads a socket, which cannot be told not to block', async (t) => {
  const server = await start('pipe');
  server.child.stdout!.pause();
  await flood(t, server);
  const [code, signal] = await end(server);
  // One of the process's threads waits in the write, and the process would wait for it.
  t.ok(code === 0 || signal === 'SIGKILL', `${code} ${signal}`);
});

t.test(
  'F33: the disk under the log is full',
  mountsPossible ? {} : without('file systems cannot be mounted here, not even in a namespace'),
  async (t) => {
    const disk = smallDisk(1);
    const file = join(disk, 'log');
    const ballast = join(disk, 'ballast');
    writeFileSync(ballast, Buffer.alloc(512 * 1024));
    const server = await start(openSync(file, 'a'));
    await flood(t, server);
    rmSync(ballast);
    await server.api.create({ name: 'prints', delay: '0s', payload: { lines: 1 } });
    await eventually(() => readFileSync(file, 'utf8').includes('lines of this log are lost'), 'the loss is not told');
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const whole = line === '' || line.endsWith('}') || line.startsWith('escapement listening');
      // The one that the full disk interrupted has a line of its own.
      if (!whole) t.match(line, /^\{"level":30,/);
    }
    t.same(await end(server), [0, null]);
  },
);

function readAll(fd: number): string {
  const chunk = Buffer.alloc(64 * 1024);
  let text = '';
  try {
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk)) text += chunk.toString('utf8', 0, read);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
  }
  return text;
}

t.test('readable lines in a file have no colours', async (t) => {
  const file = join(temporary('log'), 'log');
  const port = await freePort();
  const args = ['start', '--port', String(port), '--data-dir', join(temporary(), 'store'), '--handlers', handlers];
  const child = run([...args, '--log-format', 'text'], { TERM: 'xterm' }, openSync(file, 'a'));
  await eventually(() => readFileSync(file, 'utf8').includes(' ready '), 'it does not start');
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  t.same(await over, [0, null]);
  t.notOk(readFileSync(file, 'utf8').includes('\u001b'));
});
