import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { recorded } from '../support/telemetry.js';
import { PoolHarness } from './harness.js';

const exit = 'export default () => process.exit(1);';
const fine = 'export default () => {};';

t.test('a replacement that cannot load is tried again ever more slowly, until it can', async (t) => {
  const dir = t.testdir({ 'exit.mjs': exit, 'other.mjs': fine });
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  writeFileSync(join(dir, 'other.mjs'), 'throw new Error("broken meanwhile");');
  t.match(await harness.run('exit'), { kind: 'failed', code: 'worker_lost' });
  await harness.until(
    () => harness.said(/cannot start.*other\.mjs: Error: broken meanwhile/).length >= 4,
    'it is logged',
  );
  const backoffs = harness.said(/cannot start/).map((entry) => entry.fields?.backoffMs);
  t.same(backoffs.slice(0, 4), [100, 200, 400, 800]);
  t.equal(harness.pool.alive, 0);
  t.equal(harness.pool.free, 0);
  const waiting = harness.send('other');
  writeFileSync(join(dir, 'other.mjs'), fine);
  t.match(await harness.outcome(waiting), { kind: 'succeeded' });
  t.equal(harness.pool.alive, 1);
});

t.test('a replacement whose options are bad cannot start either', async (t) => {
  const dir = t.testdir({ 'exit.mjs': exit, 'other.mjs': fine });
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  writeFileSync(join(dir, 'other.mjs'), `${fine} export const options = { timeout: 5 };`);
  await harness.run('exit');
  await harness.until(
    () => harness.said(/cannot start.*other\.mjs: option timeout must be a string/).length >= 2,
    'it is logged, and tried again',
  );
  writeFileSync(join(dir, 'other.mjs'), fine);
  t.match(await harness.run('other'), { kind: 'succeeded' });
});

t.test('a replacement that lacks a handler takes no attempts of that type, and uses none up', async (t) => {
  const dir = t.testdir({ 'exit.mjs': exit, 'other.mjs': fine });
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  rmSync(join(dir, 'other.mjs'));
  await harness.run('exit');
  await harness.until(() => harness.pool.alive === 1, 'the thread is replaced');
  t.equal(harness.pool.placesOf('other'), 0);
  t.equal(harness.pool.placesOf('exit'), Number.POSITIVE_INFINITY);
  t.match(await harness.run('other'), { kind: 'interrupted', begun: false });
  t.equal(harness.said(/no handler for other any more/).length, 1);
  writeFileSync(join(dir, 'other.mjs'), fine);
  t.match(await harness.run('exit'), { kind: 'failed', code: 'worker_lost' });
  await harness.until(() => harness.pool.alive === 1, 'the thread is replaced');
  t.match(await harness.run('other'), { kind: 'succeeded' });
});

t.test('threads that die by the dozen are replaced each time', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  for (const outcome of await harness.outcomesOf(harness.sendMany(20, 'exit', { code: 9 }))) {
    t.match(outcome, { kind: 'failed', code: 'worker_lost' });
  }
  await harness.until(() => harness.pool.alive === 2, 'the pool is whole');
  t.match(await harness.run('noop'), { kind: 'succeeded' });
});

t.test('telemetry hears of a thread that is lost, why, and that it is replaced', async (t) => {
  const { heard, telemetry } = recorded();
  const harness = await PoolHarness.start(t, { threads: 2, telemetry });
  t.same(heard, [], 'the first threads replace none');
  await harness.run('exit');
  await harness.until(() => harness.pool.alive === 2, 'the pool is whole');
  t.same(heard, [['threadLost', 'exit'], ['threadReplaced']]);
});

t.test('room is told when a replacement is ready', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('exit'), { kind: 'failed' });
  t.equal(harness.pool.free, 0, 'no thread yet');
  await harness.until(() => harness.rooms > 0, 'room was told');
  t.ok(harness.pool.free > 0);
});
