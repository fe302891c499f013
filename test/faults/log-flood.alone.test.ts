/** F36: handlers that write to the log, or print, without end. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(120_000);

const forSeconds = 4;
/** 900 lines a turn, as fast as the thread can. */
const flood = (line: string) => `export default async (_payload, ctx) => {
  const end = performance.now() + ${forSeconds * 1000};
  while (performance.now() < end) {
    for (let n = 0; n < 900; n++) ${line};
    await new Promise((resolve) => setImmediate(resolve));
  }
};`;
const handlers = {
  below_level: flood(`ctx.log.info('below the level ' + n, { n, text: 'x'.repeat(1000) })`),
  above_level: flood(`ctx.log.error('above the level ' + n, { n, text: 'x'.repeat(1000) })`),
  prints: flood(`console.error('printed ' + n + 'x'.repeat(1000))`),
  writes: flood(`process.stdout.write('written ' + n + 'x'.repeat(1000) + '\\n')`),
};

function residentMiB(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

for (const [name, level, isTold] of [
  ['below_level', 'error', false],
  ['above_level', 'warn', true],
  ['prints', 'warn', true],
  ['writes', 'info', true],
] as const) {
  t.test(`F36: ${name} floods the log: others are served, memory is bounded, the loss is logged`, async (t) => {
    const server = await startServer({ args: ['--threads', '2', '--log-level', level], handlers });
    const api = new Client(server);
    const before = residentMiB(server.pid);
    const { id } = await api.create({ name, delay: '0s', timeout: '60s', max_retries: 0 });
    let slowestMs = 0;
    let most = 0;
    for (let running = true; running; ) {
      const asked = performance.now();
      t.equal((await api.get('/health')).status, 200);
      slowestMs = Math.max(slowestMs, performance.now() - asked);
      most = Math.max(most, residentMiB(server.pid));
      running = !['success', 'failed'].includes((await api.job(id)).status);
    }
    t.equal((await api.job(id)).status, 'success');
    t.comment(`slowest answer ${Math.round(slowestMs)} ms, memory grew by ${Math.round(most - before)} MiB`);
    // A machine that does other things may not decide the test: without bounds it is fifteen seconds and gigabytes.
    t.ok(slowestMs < 5000, `${slowestMs} ms`);
    t.ok(most - before < 400, `${most - before} MiB`);
    t.equal(/\d+ log lines were dropped/.test(server.output()), isTold);
    t.ok(server.output().length < 4 * 1024 * 1024 * (forSeconds + 2), 'the log itself is bounded');
    t.equal(await server.stop(), 0);
  });
}
