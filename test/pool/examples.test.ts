import { fileURLToPath } from 'node:url';
import t from 'tap';
import { PoolHarness } from './harness.js';

/** Compiled, as `--handlers` finds them. */
const handlersDir = fileURLToPath(new URL('../../workers', import.meta.url));

const order = { order_id: 'ORD-2024-001', amount: 199.99, user_id: 'U123456' };
const mail = { to: 'user@example.com', subject: 'Welcome', body: 'Good to have you here.' };
const report = { report_type: 'daily_sales', recipients: ['admin@example.com'] };

t.test('the example handlers load and describe themselves', async (t) => {
  const harness = await PoolHarness.start(t, { handlersDir });
  t.same(
    harness.handlers.map((handler) => handler.name),
    ['daily_report', 'email_send', 'payment_check'],
  );
  for (const handler of harness.handlers) t.match(handler.description, /^[A-Z]/);
});

t.test('they run with the payloads of the documentation, and can be seen in the log', async (t) => {
  const harness = await PoolHarness.start(t, { handlersDir });
  for (const [name, payload] of Object.entries({ payment_check: order, email_send: mail, daily_report: report })) {
    const outcome = await harness.run(name, payload);
    t.match(outcome, { kind: 'succeeded', result: /^\{/ }, name);
    t.ok(outcome.durationMs < 2000);
    t.ok(harness.log.some((entry) => entry.name === name && entry.level === 'info'));
  }
});

t.test('a bad payload fails with all that is wrong, and no retry', async (t) => {
  const harness = await PoolHarness.start(t, { handlersDir });
  t.match(await harness.run('payment_check', { amount: -1 }), {
    kind: 'failed',
    name: 'BadPayload',
    message: 'the payload cannot be used: order_id must be a text; amount must be a number above 0',
    retryable: false,
  });
  t.match(await harness.run('email_send', { to: 'nobody' }), {
    kind: 'failed',
    message: /to must be an e-mail address/,
  });
  t.match(await harness.run('daily_report', { recipients: [] }), {
    kind: 'failed',
    message: /report_type.*recipients/,
  });
});

t.test('an update that leaves only the order number is enough', async (t) => {
  const harness = await PoolHarness.start(t, { handlersDir });
  t.match(await harness.run('payment_check', { order_id: 'ORD-NEW-001' }), { kind: 'succeeded' });
});

t.test('they end when their signal fires', async (t) => {
  const harness = await PoolHarness.start(t, { handlersDir });
  const seqs = [
    harness.send('payment_check', order),
    harness.send('email_send', mail),
    harness.send('daily_report', report),
  ];
  await harness.until(() => harness.log.length >= 3, 'all have begun');
  harness.pool.abortAll('shutdown');
  for (const outcome of await harness.outcomesOf(seqs)) t.match(outcome, { kind: 'interrupted', begun: true });
});
