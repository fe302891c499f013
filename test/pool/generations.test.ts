/** The handlers are read anew: what runs ends where it began, what has not begun goes to the new threads. */
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { recorded } from '../support/telemetry.js';
import { PoolHarness } from './harness.js';

/** Says which edition it is, once the file is there; begins with a line in the log. */
const waits = (edition: number): string => `import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { edition } from './lib/edition.js';
export default async ({ file }, ctx) => {
  ctx.log.debug('begun');
  while (file && !existsSync(file)) await delay(5, undefined, { signal: ctx.signal });
  return [${edition}, edition];
};`;

function edit(dir: string, edition: number): void {
  writeFileSync(join(dir, 'waits.mjs'), waits(edition));
  writeFileSync(join(dir, 'lib', 'edition.js'), `export const edition = ${edition};`);
}

function folder(t: Test): string {
  const dir = t.testdir({ 'package.json': '{"type":"module"}', lib: {} });
  edit(dir, 1);
  return dir;
}

t.test('new attempts run the new code, and what runs ends on its old thread', async (t) => {
  const dir = folder(t);
  const telemetry = recorded();
  const harness = await PoolHarness.start(t, { handlersDir: dir, threads: 2, telemetry: telemetry.telemetry });
  const go = join(dir, 'go');
  const old = harness.send('waits', { file: go });
  await harness.begun(1);
  edit(dir, 2);
  writeFileSync(join(dir, 'more.mjs'), 'export default () => "more";');
  const loaded = await harness.pool.load();
  t.same(
    loaded.handlers.map(({ name }) => name),
    ['more', 'waits'],
  );
  t.match(await harness.run('waits'), { kind: 'succeeded', result: '[1,1]' }, 'nothing has changed yet');
  loaded.use();
  t.equal(harness.pool.alive, 2);
  await harness.until(() => harness.pool.retired === 1, 'the old thread without attempts ends');
  t.match(await harness.run('waits'), { kind: 'succeeded', result: '[2,2]' }, 'and so is what the module imports');
  t.match(await harness.run('more'), { kind: 'succeeded', result: '"more"' });
  t.equal(harness.ended(old), undefined);
  writeFileSync(go, '');
  t.match(await harness.outcome(old), { kind: 'succeeded', result: '[1,1]' });
  await harness.until(() => harness.pool.retired === 0, 'the last old thread ends');
  t.equal(harness.pool.alive, 2);
  t.same(telemetry.heard, [], 'no thread was lost');
});

t.test('what was sent and has not begun goes to the new threads', async (t) => {
  const dir = folder(t);
  writeFileSync(
    join(dir, 'holds.mjs'),
    `import { existsSync, writeFileSync } from 'node:fs';
export default ({ begun, go }) => { writeFileSync(begun, ''); while (!existsSync(go)); };`,
  );
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  const [begun, go] = [join(dir, 'begun'), join(dir, 'go')];
  const held = harness.send('holds', { begun, go });
  await harness.until(() => existsSync(begun), 'the thread is held');
  const behind = harness.sendMany(5, 'waits');
  edit(dir, 2);
  (await harness.pool.load()).use();
  for (const outcome of await harness.outcomesOf(behind)) t.match(outcome, { kind: 'succeeded', result: '[2,2]' });
  t.equal(harness.ended(held), undefined);
  writeFileSync(go, '');
  t.match(await harness.outcome(held), { kind: 'succeeded' });
});

t.test('a timeout and a cancellation reach attempts on old threads', async (t) => {
  const dir = folder(t);
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  const never = join(dir, 'never');
  const late = harness.send('waits', { file: never }, { timeoutMs: 300 });
  const cancelled = harness.send('waits', { file: never });
  await harness.begun(2);
  (await harness.pool.load()).use();
  t.match(await harness.outcome(late), { kind: 'failed', code: 'timeout' });
  harness.pool.abort(cancelled, 1, 'cancelled');
  t.match(await harness.outcome(cancelled), { kind: 'failed' });
  await harness.until(() => harness.pool.retired === 0, 'the old thread ends');
});

t.test('an old thread that is lost is not replaced', async (t) => {
  const dir = folder(t);
  writeFileSync(
    join(dir, 'exits.mjs'),
    `import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
export default async ({ file }, ctx) => { ctx.log.debug('begun'); while (!existsSync(file)) await delay(5); process.exit(3); };`,
  );
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  const go = join(dir, 'go');
  const exits = harness.send('exits', { file: go });
  await harness.begun(1);
  rmSync(join(dir, 'exits.mjs'));
  (await harness.pool.load()).use();
  t.equal(harness.pool.placesOf('exits'), 0, 'the type is gone');
  writeFileSync(go, '');
  t.match(await harness.outcome(exits), { kind: 'failed', code: 'worker_lost' });
  await harness.until(() => harness.pool.retired === 0, 'it is gone');
  t.equal(harness.pool.alive, 1);
  t.match(await harness.run('waits'), { kind: 'succeeded' });
});

t.test('a folder that does not load changes nothing', async (t) => {
  const dir = folder(t);
  const harness = await PoolHarness.start(t, { handlersDir: dir, threads: 2 });
  writeFileSync(join(dir, 'waits.mjs'), 'throw new Error("no database");');
  await t.rejects(harness.pool.load(), { message: /waits\.mjs: Error: no database$/ });
  rmSync(join(dir, 'waits.mjs'));
  await t.rejects(harness.pool.load(), { message: /no handler in/ });
  t.match(await harness.run('waits'), { kind: 'succeeded', result: '[1,1]' });
  t.equal(harness.pool.alive, 2);
});

t.test('a handler that ends each thread soon after it was loaded is no reading without end', async (t) => {
  const dir = folder(t);
  const harness = await PoolHarness.start(t, { handlersDir: dir, threads: 2 });
  // The second thread loads until the first has ended.
  const loading = join(dir, 'loading');
  writeFileSync(
    join(dir, 'leaves.mjs'),
    `import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
if (existsSync(${JSON.stringify(loading)})) await delay(2000);
else { writeFileSync(${JSON.stringify(loading)}, ''); setTimeout(() => process.exit(4), 50); }
export default () => {};`,
  );
  await t.rejects(harness.pool.load(), {
    message: /: a handler ended its thread \(exit code 4\) as soon as all were loaded$/,
  });
  t.match(await harness.run('waits'), { kind: 'succeeded', result: '[1,1]' });
});

t.test('a pool whose threads cannot start any more has new ones as soon as the folder is read anew', async (t) => {
  const dir = folder(t);
  writeFileSync(join(dir, 'exit.mjs'), 'export default () => process.exit(1);');
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  writeFileSync(join(dir, 'waits.mjs'), 'throw new Error("broken meanwhile");');
  await harness.run('exit');
  // Each try waits twice as long as the one before.
  await harness.until(() => harness.said(/cannot start/).length >= 5, 'its thread cannot be replaced');
  const waiting = harness.send('waits');
  edit(dir, 2);
  (await harness.pool.load()).use();
  t.match(await harness.outcome(waiting), { kind: 'succeeded', result: '[2,2]' });
  t.equal(harness.pool.retired, 0);
  await harness.pool.stop();
  t.equal(harness.pool.hasEnded, true);
});

t.test('a generation that is not used after all ends', async (t) => {
  const dir = folder(t);
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  edit(dir, 2);
  const loaded = await harness.pool.load();
  await loaded.drop();
  loaded.use();
  t.match(await harness.run('waits'), { kind: 'succeeded', result: '[1,1]' });
});

t.test('one reading after the other leaves nothing behind', async (t) => {
  const dir = folder(t);
  const harness = await PoolHarness.start(t, { handlersDir: dir, threads: 2 });
  for (let edition = 2; edition <= 6; edition++) {
    edit(dir, edition);
    (await harness.pool.load()).use();
    const outcomes = await harness.outcomesOf(harness.sendMany(50, 'waits'));
    for (const outcome of outcomes) t.match(outcome, { kind: 'succeeded', result: `[${edition},${edition}]` });
  }
  await harness.until(() => harness.pool.retired === 0, 'all old threads end');
  t.equal(harness.pool.alive, 2);
});

t.test('a stop ends what loads, and what is retired', async (t) => {
  const dir = folder(t);
  const harness = await PoolHarness.start(t, { handlersDir: dir });
  const old = harness.send('waits', { file: join(dir, 'never') });
  await harness.begun(1);
  (await harness.pool.load()).use();
  const coming = harness.pool.load();
  const [stopped] = await Promise.all([harness.pool.stop(), t.rejects(coming, { message: /stopped/ })]);
  t.equal(stopped, undefined);
  t.match(await harness.outcome(old), { kind: 'interrupted', begun: true });
  t.equal(harness.pool.hasEnded, true);
  await t.rejects(harness.pool.load(), { message: /stopped/ });
});
