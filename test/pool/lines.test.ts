/** Lines of handlers that are kept with their job: which, whose, and how many at most. */
import t, { type Test } from 'tap';
import type { HandlerLine, PoolOptions } from '../../src/pool/port.js';
import { PoolHarness } from './harness.js';

async function start(t: Test, options: Partial<PoolOptions>) {
  const lines: HandlerLine[] = [];
  const harness: PoolHarness = await PoolHarness.start(t, {
    ...options,
    events: { outcomes: (ended) => harness.take(ended), room: () => {}, lines: (kept) => lines.push(...kept) },
  });
  return { harness, lines };
}
const levels = ['debug', 'info', 'warn', 'error'];

t.test('they come before the end of their attempt, from a level on, whatever the server logs', async (t) => {
  const { harness, lines } = await start(t, { jobLogLevel: 'info', logLevel: 'error' });
  await harness.run('lines', { levels });
  const owner = { jobSeq: 1, fence: 1, jobId: /^job_/, name: 'lines' };
  t.match(lines, [
    { ...owner, level: 'info', message: 'info 0', fields: '{"i":0}' },
    { ...owner, level: 'warn' },
    { ...owner, level: 'error' },
  ]);
  t.equal(lines.length, 3);
});

t.test('none are kept unless that was asked for, nor is what is printed or written too late', async (t) => {
  const silent = await start(t, {});
  await silent.harness.run('lines', { levels });
  t.same(silent.lines, []);
  const { harness, lines } = await start(t, { jobLogLevel: 'debug' });
  await harness.run('fail');
  await harness.run('lines', { count: 0, late: 10 });
  await harness.until(() => harness.said('late').length === 1, 'the late line was logged');
  t.same(lines, []);
});

t.test('of a flood each is kept or counted, and others run', async (t) => {
  const { harness, lines } = await start(t, { jobLogLevel: 'info', logLevel: 'silent' });
  await harness.run('lines', { count: 30_000 });
  const counted = lines.reduce((sum, line) => sum + ('dropped' in line ? line.dropped : 1), 0);
  t.equal(counted, 30_000);
  t.ok(lines.length < 20_000, `${lines.length} lines and counts`);
  t.match(await harness.run('noop'), { kind: 'succeeded' });
});

t.test('odd lines are shortened or explained', async (t) => {
  const { harness, lines } = await start(t, { jobLogLevel: 'info' });
  t.match(await harness.run('lines', { count: 0, odd: true }), { kind: 'succeeded' });
  t.match(lines, [
    { message: 'cycle', fields: /fields_omitted.*circular/ },
    { message: 'bigint', fields: /fields_omitted/ },
    { message: /^x{8192}$/, fields: /fields_omitted.*characters of JSON/ },
    {},
    { message: 'fields first', fields: '{"first":true}' },
    { message: /an error/ },
  ]);
});
