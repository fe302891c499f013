import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('what a handler is given', async (t) => {
  const harness = await PoolHarness.start(t);
  const outcome = await harness.run(
    'say',
    { lines: 2 },
    { jobId: 'job_1_a', attempt: 3, scheduledFor: 1_704_182_400_250 },
  );
  if (outcome.kind !== 'succeeded') throw new Error(outcome.kind);
  t.same(JSON.parse(outcome.result ?? ''), {
    jobId: 'job_1_a',
    name: 'say',
    attempt: 3,
    scheduledFor: '2024-01-02T08:00:00.250Z',
  });
  t.match(harness.said(/^line/), [
    {
      level: 'info',
      message: 'line 0',
      thread: 1,
      jobId: 'job_1_a',
      name: 'say',
      attempt: 3,
      fields: { line: 0, scheduledFor: '2024-01-02T08:00:00.250Z' },
    },
    { message: 'line 1' },
  ]);
});

t.test('fields may come before the message of a log line', async (t) => {
  const harness = await PoolHarness.start(t);
  await harness.run('say', { lines: 0, fieldsFirst: true });
  t.match(harness.said('fields first'), [{ level: 'info', fields: { first: true } }]);
});

t.test('results and durations', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('noop'), {
    kind: 'succeeded',
    jobSeq: 1,
    fence: 1,
    result: undefined,
    resultOmitted: undefined,
  });
  const payload = { order_id: 'ORD-2024-001', amount: 199.99, text: 'ü€😀' };
  const echoed = await harness.run('echo', payload);
  t.same(echoed.kind === 'succeeded' && JSON.parse(echoed.result ?? ''), payload);
  const slept = await harness.run('sleep', { ms: 50 });
  t.ok(slept.durationMs >= 49 && slept.durationMs < 5000, `took ${slept.durationMs} ms`);
});

t.test('a failure is a record, its stack goes to the log', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('fail', { message: 'connection timeout' }), {
    kind: 'failed',
    name: 'Error',
    message: 'connection timeout',
    code: 'handler_error',
    retryable: true,
  });
  t.match(await harness.run('fail', { retryable: false }), { kind: 'failed', retryable: false });
  t.match(await harness.run('fail', { retryAfter: '1m30s' }), {
    kind: 'failed',
    retryable: true,
    retryAfterMs: 90_000,
  });
  t.match(await harness.run('fail', { retryAfter: 250 }), { retryAfterMs: 250 });
  t.match(await harness.run('fail', { retryable: false, retryAfter: '1h' }), {
    retryable: false,
    retryAfterMs: undefined,
  });
  const odd = await harness.run('fail', { retryAfter: 'soon' });
  t.match(odd, {
    retryAfterMs: undefined,
    message: /^failed on purpose \(its retryAfter, "soon", is not a duration; /,
  });
  t.match(await harness.run('fail', { retryAfter: -5 }), { retryAfterMs: undefined, message: /sign/ });
  const [line] = harness.said('attempt failed');
  t.match(line, { level: 'warn', name: 'fail', jobId: /^job_/ });
  t.match(line?.fields?.error, /connection timeout[\s\S]*fail\.mjs/);
});

t.test('an attempt of a type without a handler is not begun', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('no_such_type'), { kind: 'interrupted', begun: false });
  t.match(await harness.run('no_such_type', {}, { alone: true }), { kind: 'interrupted', begun: false });
  t.equal(harness.said(/no handler for no_such_type/).length, 2);
  t.match(await harness.run('noop'), { kind: 'succeeded' });
});

t.test('many attempts, each ends once, in order on one thread', async (t) => {
  const harness = await PoolHarness.start(t);
  const seqs = harness.sendMany(5000, 'noop');
  await harness.outcomesOf(seqs);
  t.same(
    harness.outcomes.map((outcome) => outcome.jobSeq),
    seqs,
  );
});

t.test('of a flood of log lines each is passed on or counted', async (t) => {
  const harness = await PoolHarness.start(t);
  await harness.run('say', { lines: 20_000 });
  const dropped = () =>
    harness.said(/log lines were dropped/).reduce((sum, { message }) => sum + Number.parseInt(message, 10), 0);
  await harness.until(() => harness.said(/^line/).length + dropped() >= 20_000, 'all lines are told of');
  t.equal(harness.said(/^line/).length + dropped(), 20_000);
});
