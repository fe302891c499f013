import t from 'tap';
import { PoolHarness } from './harness.js';

for (const [handler, message] of [
  ['late_throw', 'an error was thrown that no attempt awaits: thrown late'],
  ['floating_rejection', 'a promise was rejected that no attempt awaits: rejected late'],
] as const) {
  t.test(`${handler}: its own job has succeeded, no other fails for it, the thread lives`, async (t) => {
    const harness = await PoolHarness.start(t);
    const beside = harness.sendMany(20, 'sleep', { ms: 200 });
    await harness.begun(20);
    t.match(await harness.run(handler, { ms: 5 }), { kind: 'succeeded' });
    await harness.until(() => harness.said(message).length > 0, 'it is logged');
    t.match(harness.said(message), [{ level: 'error', jobId: undefined, fields: { error: /\.mjs/ } }]);
    for (const outcome of await harness.outcomesOf(beside)) t.match(outcome, { kind: 'succeeded' });
    t.equal(harness.said(/thread/).length, 0, 'no thread ended');
  });
}
