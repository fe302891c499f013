/** Jobs that handlers enqueue: looked at at once, and kept until the attempt has succeeded. */
import t from 'tap';
import { jobCheckFor } from '../../src/reload/job-check.js';
import { PoolHarness } from './harness.js';

const jobCheck = jobCheckFor('UTC');
const job = { name: 'noop', delay: '5m', payload: { n: 1 } };

t.test('they come with the success of the attempt, and with nothing else', async (t) => {
  const harness = await PoolHarness.start(t, { jobCheck });
  const texts = [JSON.stringify(job), JSON.stringify({ ...job, delay: '0s' })];
  t.match(await harness.run('enqueue', { jobs: [job, { ...job, delay: '0s' }] }), {
    kind: 'succeeded',
    enqueued: texts,
  });
  t.match(await harness.run('enqueue', { jobs: [job], end: 'throw' }), { kind: 'failed', enqueued: undefined });
  t.match(await harness.run('enqueue', { jobs: [job], end: 'snooze' }), { kind: 'snoozed', enqueued: undefined });
  t.match(await harness.run('noop'), { kind: 'succeeded', enqueued: undefined });
});

t.test('what would be a 400 is thrown at once', async (t) => {
  const harness = await PoolHarness.start(t, { jobCheck });
  const thrown = async (payload: object): Promise<unknown> => {
    const outcome = await harness.run('enqueue', { caught: true, ...payload });
    return outcome.kind === 'succeeded' ? JSON.parse(outcome.result ?? '')[0] : outcome;
  };
  const code = 'validation_failed';
  t.match(await thrown({ jobs: [{ name: 'noop' }] }), {
    name: 'EnqueueError',
    message: 'ctx.enqueue: The request must have one of delay, trigger_at and cron_expr.',
    code,
    errors: [{ path: '' }],
  });
  t.match(await thrown({ jobs: [{ ...job, delay: 'soon' }] }), { code, errors: [{ path: '/delay' }] });
  t.match(await thrown({ jobs: [{ ...job, name: 'nop' }] }), {
    code: 'unknown_job_type',
    message: /did you mean noop/,
  });
  t.match(await thrown({ jobs: [{ ...job, color: 'red' }] }), { errors: [{ path: '/color' }] });
  t.match(await thrown({ odd: 'text' }), { message: /must be an object/, code });
  t.match(await thrown({ odd: 'nothing' }), { message: /must be an object/ });
  t.match(await thrown({ odd: 'cycle' }), { message: /cannot be written as JSON: Converting circular/ });
  t.match(await thrown({ odd: 'bigint' }), { message: /cannot be written as JSON/ });
  t.match(await thrown({ odd: 'huge' }), { message: /at most 1048576 bytes/ });
  t.match(await thrown({ odd: 'list' }), { message: /at most 1048576 bytes/ });
  t.match(await thrown({ odd: 'getter' }), { message: /not for you/ });
  t.match(await thrown({ odd: 'deep' }), { message: /nested deeper/ });
  t.match(await harness.run('noop'), { kind: 'succeeded' }, 'the thread has lived through all of it');
});

t.test('an attempt makes so many, and of so many bytes', async (t) => {
  const harness = await PoolHarness.start(t, { jobCheck });
  const many = await harness.run('enqueue', { jobs: [job], copies: 1001, caught: true });
  t.match(many, { kind: 'succeeded', result: /at most 1000 jobs/ });
  t.equal(many.kind === 'succeeded' && many.enqueued?.length, 1000);
  const large = { ...job, payload: { text: 'x'.repeat(200_000) } };
  const much = await harness.run('enqueue', { jobs: [large], copies: 30, caught: true });
  t.match(much, { kind: 'succeeded', result: /at most 4194304 bytes/ });
  t.equal(much.kind === 'succeeded' && much.enqueued?.length, 20);
});

t.test('once the attempt is over nothing is taken any more', async (t) => {
  const harness = await PoolHarness.start(t, { jobCheck });
  t.match(await harness.run('enqueue', { jobs: [job], late: true }), { kind: 'succeeded', enqueued: undefined });
  await harness.until(() => harness.said('too late').length === 1, 'it was too late');
  t.match(harness.said('too late'), [{ fields: { message: /the attempt is over/ } }]);
});

t.test('without something to hold them against, none is taken', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('enqueue', { jobs: [job] }), {
    kind: 'failed',
    name: 'EnqueueError',
    message: /no jobs can be made here/,
  });
});

t.test('types that others have handlers for are taken, as long as they are told', async (t) => {
  const harness = await PoolHarness.start(t, { jobCheck });
  const thrown = async (payload: object): Promise<unknown> => {
    const outcome = await harness.run('enqueue', {
      jobs: [{ name: 'mail', delay: '0s', payload }],
      caught: true,
    });
    return outcome.kind === 'succeeded' ? (outcome.enqueued?.length ?? JSON.parse(outcome.result ?? '')[0]) : outcome;
  };
  t.match(await thrown({}), { code: 'unknown_job_type' });
  const schema = { type: 'object', properties: { to: { type: 'string' } }, required: ['to'] };
  const mail = { name: 'mail', payload: JSON.stringify(schema) };
  harness.pool.know([mail, { name: 'noop', payload: '{"type":"object","required":["more"]}' }]);
  t.equal(await thrown({ to: 'you' }), 1);
  t.match(await thrown({}), { code: 'validation_failed', errors: [{ path: '/payload/to' }] });
  t.match(
    await harness.run('enqueue', { jobs: [job] }),
    { kind: 'succeeded' },
    'where the thread has one, that counts',
  );
  (await harness.pool.load()).use();
  t.equal(await thrown({ to: 'you' }), 1, 'threads that come later know it');
  const loaded = await harness.pool.load();
  harness.pool.know([]);
  loaded.use();
  t.match(await thrown({ to: 'you' }), { code: 'unknown_job_type' });
});
