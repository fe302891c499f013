/** F34: handlers in native code, which nothing can interrupt, when the process is to end. It ends in bounded time. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Client, eventually } from '../support/client.js';
import { needs, onDataFile, trace } from '../support/faults.js';
import { type Exit, type Server, startServer, temporary } from '../support/server.js';

t.setTimeout(120_000);

const fifo = join(temporary('fifo'), 'fifo');
execFileSync('mkfifo', [fifo]);
/** Nobody writes to it: what opens it to read waits in the kernel. */
const handlers = {
  reads_fifo: `import { readFileSync } from 'node:fs';
export default () => void readFileSync(${JSON.stringify(fifo)});`,
  runs_command: `import { execSync } from 'node:child_process';
export default ({ seconds }) => void execSync('exec sleep ' + seconds);`,
};
/** For all that is bounded by itself at the end: the grace, the threads, the store. */
const endsWithinMs = 20_000;

t.teardown(() => {
  try {
    closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
  } catch {
    // Nobody reads it any more.
  }
});

async function withHeldThread(name: keyof typeof handlers): Promise<{ server: Server; api: Client; id: string }> {
  const server = await startServer({ args: ['--grace', '200ms', '--threads', '1'], handlers });
  const api = new Client(server);
  const { id } = await api.create({ name, delay: '0s', payload: { seconds: 60 } });
  await api.until(id, 'running');
  return { server, api, id };
}

async function endsInTime(t: Test, server: Server): Promise<Exit> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), endsWithinMs)));
  const end = await Promise.race([server.exited, late]);
  clearTimeout(timer);
  if (end === 'late') {
    await server.kill();
    t.fail('the process stays');
    return { code: null, signal: null };
  }
  return end;
}

for (const name of ['reads_fifo', 'runs_command'] as const) {
  t.test(`F34: SIGTERM while ${name} holds a thread`, async (t) => {
    const { server, api, id } = await withHeldThread(name);
    const later = await api.create({ name: 'noop', delay: '1h' });
    server.signal('SIGTERM');
    t.same(await endsInTime(t, server), { code: null, signal: 'SIGKILL' });
    t.match(server.output(), /native code holds a thread of this process/);
    await server.restart();
    t.notMatch(server.output(), /was not closed in order/, 'all was on disk by then');
    t.match(await api.job(id), { status: /^(pending|running)$/, retry_count: 0 }, 'it runs again, uncharged');
    t.equal((await api.job(later.id)).status, 'pending');
    await server.kill();
  });
}

t.test('F34: a second signal while a handler holds a thread', async (t) => {
  const server = await startServer({ args: ['--grace', '1h', '--threads', '1'], handlers });
  const api = new Client(server);
  const { id } = await api.create({ name: 'reads_fifo', delay: '0s' });
  await api.until(id, 'running');
  server.signal('SIGTERM');
  await eventually(() => /"signal":"SIGTERM","msg":"stopping"/.test(server.output()), 'the signal is not heard');
  // A signal counts as another one half a second after the first.
  const again = setInterval(() => server.signal('SIGTERM'), 100);
  const end = await endsInTime(t, server);
  clearInterval(again);
  t.same(end, { code: null, signal: 'SIGKILL' });
  t.match(server.output(), /stopping at once: a second signal came/);
});

t.test('F34: the disk breaks while a handler holds a thread', needs('strace'), async (t) => {
  const { server, api } = await withHeldThread('reads_fifo');
  const tracer = await trace(server, onDataFile(server.dataDir, 'fdatasync', 'error=EIO:when=1+'));
  const answers = Promise.allSettled(
    Array.from({ length: 20 }, () => api.post('/jobs', { name: 'noop', delay: '1h' })),
  );
  const end = await endsInTime(t, server);
  t.same(end, { code: null, signal: 'SIGKILL' });
  t.match(server.output(), /"level":60,.*the server must stop/);
  for (const answer of await answers) {
    t.notOk(
      answer.status === 'fulfilled' && answer.value.status === 201,
      'nothing is acknowledged that is not on disk',
    );
  }
  await tracer.stop();
});
