import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { temporary } from '../support/server.js';
import { PoolHarness } from './harness.js';

for (const code of [0, 3]) {
  t.test(`process.exit(${code}) is a failure of its own job; those beside it are interrupted`, async (t) => {
    const harness = await PoolHarness.start(t);
    const beside = harness.sendMany(10, 'sleep', { ms: 60_000 });
    await harness.begun(10);
    const through = harness.dispatch('echo', { through: true });
    const exiting = harness.dispatch('exit', { code });
    const behind = harness.sendMany(10, 'echo');
    t.match(await harness.outcome(exiting), {
      kind: 'failed',
      code: 'worker_lost',
      retryable: true,
      message: `the handler ended its thread (exit code ${code})`,
    });
    for (const outcome of await harness.outcomesOf(beside)) t.match(outcome, { kind: 'interrupted', begun: true });
    for (const outcome of await harness.outcomesOf([through, ...behind])) t.match(outcome, { kind: 'succeeded' });
    t.match(await harness.run('noop'), { kind: 'succeeded' }, 'the pool is whole');
    t.equal(harness.pool.alive, 1);
    t.match(harness.said(/^a worker thread ended/), [
      { level: 'error', name: 'exit', jobId: `job_1704182400_${exiting.toString(16).padStart(8, '0')}`, attempt: 1 },
    ]);
  });
}

t.test('an exit after an await is charged to the only one that ran', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('exit', { code: 3, afterMs: 20 }), {
    kind: 'failed',
    code: 'worker_lost',
    message: /exit code 3/,
  });
});

t.test('what it said until then is in the log', async (t) => {
  const harness = await PoolHarness.start(t);
  await harness.run('exit');
  t.match(harness.log.slice(0, 3), [
    { message: 'leaving' },
    { message: 'left' },
    { message: /^a worker thread ended: the handler/ },
  ]);
});

t.test('an exit after an await among others of its type is charged to it alone', async (t) => {
  const harness = await PoolHarness.start(t);
  const beside = harness.sendMany(5, 'exit', { afterMs: 60_000 });
  t.match(await harness.run('exit', { code: 3, afterMs: 50 }), { kind: 'failed', code: 'worker_lost' });
  for (const outcome of await harness.outcomesOf(beside)) {
    t.match(outcome, { kind: 'interrupted', begun: true, suspect: false });
  }
});

t.test('an exit in a callback, which nobody awaits, is charged to nobody; alone it shows itself', async (t) => {
  const harness = await PoolHarness.start(t);
  const beside = harness.sendMany(5, 'sleep', { ms: 60_000 });
  const exiting = harness.send('exit', { code: 3, afterMs: 50, inCallback: true });
  for (const outcome of await harness.outcomesOf([...beside, exiting])) {
    t.match(outcome, { kind: 'interrupted', begun: true, suspect: true });
  }
  t.equal(harness.said(/^a worker thread ended/)[0]?.jobId, undefined, 'nor does the log name one');
  t.match(await harness.run('exit', { code: 3, afterMs: 20, inCallback: true }, { alone: true }), {
    kind: 'failed',
    code: 'worker_lost',
  });
});

t.test('one thread exits, the other does not notice', async (t) => {
  const harness = await PoolHarness.start(t, { threads: 2 });
  const file = join(temporary('until'), 'end');
  // One by one until each thread has one: on a busy machine a thread may seem blocked, and the other gets two.
  const sent: number[] = [];
  const threads = (): (number | undefined)[] => harness.said('begun').map((entry) => entry.thread);
  while (new Set(threads()).size < 2) {
    sent.push(harness.send('until', { file }));
    await harness.begun(sent.length);
  }
  const [exiting] = harness.sendMany(1, 'exit', { code: 1 });
  t.match(await harness.outcome(exiting as number), { kind: 'failed', code: 'worker_lost' });
  const left = harness.said('leaving')[0]?.thread;
  const beside = sent.filter((_, index) => threads()[index] === left);
  for (const outcome of await harness.outcomesOf(beside)) t.match(outcome, { kind: 'interrupted', begun: true });
  writeFileSync(file, '');
  const others = await harness.outcomesOf(sent.filter((jobSeq) => !beside.includes(jobSeq)));
  t.ok(others.length > 0);
  for (const outcome of others) t.match(outcome, { kind: 'succeeded' });
  await harness.until(() => harness.pool.alive === 2, 'the thread is replaced');
});
