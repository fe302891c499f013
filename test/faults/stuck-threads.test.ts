/** F34: handlers in native code, which nothing can interrupt: the threads that they hold are bounded, named, and come back. */
import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { PoolHarness } from '../pool/harness.js';
import { Client } from '../support/client.js';
import { handlersFolder, startServer, temporary } from '../support/server.js';

t.setTimeout(120_000);

const threads = 2;
const folder = temporary('fifo');
const fifo = join(folder, 'fifo');
const released = join(folder, 'released');
execFileSync('mkfifo', [fifo]);
const reads = `import { existsSync, readFileSync } from 'node:fs';
export default () => void (existsSync(${JSON.stringify(released)}) || readFileSync(${JSON.stringify(fifo)}));`;

/** Until it holds; the test's own limit ends a wait in vain. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Lets all go that wait for the FIFO, and nobody wait any more. */
function release(): void {
  writeFileSync(released, '');
  closeSync(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
}

t.test('F34: as many threads are stuck as there are; others run, the type waits, health names the job', async (t) => {
  const server = await startServer({
    args: ['--threads', String(threads), '--grace', '100ms'],
    handlers: { reads },
  });
  const api = new Client(server);
  const stuckLines = () => server.output().match(/does not end: native code holds it/g)?.length ?? 0;
  const ids: string[] = [];
  for (let job = 0; job < 8; job++) {
    ids.push((await api.create({ name: 'reads', delay: '0s', timeout: '300ms', max_retries: 0 })).id);
  }
  await until(() => stuckLines() >= threads);
  for (let job = 0; job < 20; job++) {
    const { id } = await api.create({ name: 'noop', delay: '0s' });
    await api.until(id, 'success', 20_000);
  }
  const states = await Promise.all(ids.map(async (id) => (await api.job(id)).status));
  t.equal(states.filter((status) => status === 'failed').length, threads, 'those that hold a thread have timed out');
  t.equal(states.filter((status) => status === 'pending').length, 8 - threads, 'the others wait');
  t.equal(stuckLines(), threads);
  const health = await api.get<{ status: string; reason: string }>('/health');
  t.equal(health.status, 503);
  t.equal(health.body.status, 'degraded');
  t.match(health.body.reason, /2 worker threads are stuck in native code \(job job_\d+_[0-9a-f]{8}, type reads/);

  release();
  await until(async () => (await api.get('/health')).status === 200);
  for (const id of ids) {
    await until(async () => ['success', 'failed'].includes((await api.job(id)).status));
  }
  t.equal((await Promise.all(ids.map((id) => api.job(id)))).filter(({ status }) => status === 'success').length, 6);
  t.equal(await server.stop(), 0);
});

t.test('F34: a pool with stuck threads stops in bounded time', async (t) => {
  const sleeps = `import { execFileSync } from 'node:child_process';
    export default () => void execFileSync('sleep', ['8']);`;
  const harness = await PoolHarness.start(t, { threads: 2, handlersDir: handlersFolder({ sleeps }) });
  const held = harness.sendMany(2, 'sleeps');
  await harness.until(() => harness.pool.free === 0, 'both threads are held');
  const began = performance.now();
  await harness.pool.stop();
  t.ok(performance.now() - began < 5000, `${performance.now() - began} ms`);
  for (const outcome of await harness.outcomesOf(held)) t.equal(outcome.kind, 'interrupted');
});
