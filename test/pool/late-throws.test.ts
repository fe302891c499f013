import t from 'tap';
import { PoolHarness } from './harness.js';

for (const [handler, message] of [
  ['late_throw', 'thrown late'],
  ['floating_rejection', 'rejected late'],
] as const) {
  t.test(`${handler}: its own job has succeeded, no other fails for it, the thread lives`, async (t) => {
    const harness = await PoolHarness.start(t);
    const beside = harness.sendMany(20, 'sleep', { ms: 200 });
    await harness.begun(20);
    t.match(await harness.run(handler, { ms: 5 }), { kind: 'succeeded' });
    await harness.until(() => harness.said(new RegExp(message)).length > 0, 'it is logged');
    t.match(harness.said(new RegExp(message)), [{ level: 'error', message: /that no attempt awaits/, jobId: undefined }]);
    for (const outcome of await harness.outcomesOf(beside)) t.match(outcome, { kind: 'succeeded' });
    t.equal(harness.said(/thread/).length, 0, 'no thread ended');
  });
}
