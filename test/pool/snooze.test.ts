import t from 'tap';
import { PoolHarness } from './harness.js';

t.test('a snoozed attempt says how long it waits, and that is no failure', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('snooze', { how: '10m' }), { kind: 'snoozed', waitMs: 600_000 });
  t.match(await harness.run('snooze', { how: 10 }), { kind: 'snoozed', waitMs: 10 });
  t.match(await harness.run('snooze', { how: 10.2 }), { kind: 'snoozed', waitMs: 11 });
  t.match(await harness.run('snooze', { how: '3650d' }), { kind: 'snoozed', waitMs: 315_360_000_000 });
  t.same(harness.said('attempt failed'), []);
});

t.test('what is no such time fails the attempt and says why', async (t) => {
  const harness = await PoolHarness.start(t);
  const message = async (how: unknown): Promise<string> => {
    const outcome = await harness.run('snooze', { how });
    return outcome.kind === 'failed' ? `${outcome.name}: ${outcome.message}` : outcome.kind;
  };
  t.equal(await message('9ms'), 'RangeError: ctx.snooze: "9ms" is too short; the shortest is 10ms');
  t.equal(await message(-1), 'RangeError: ctx.snooze: -1 is too short; the shortest is 10ms');
  t.match(await message('soon'), /^RangeError: ctx\.snooze: "soon" is not a duration; write/);
  t.match(await message(1e300), /too long/);
  t.match(await message('3651d'), /at most 10 years/);
  t.match(await message('bigint'), /10 is not a duration; write a text such as "10m"/);
  t.match(await message(null), /null is not a duration/);
});

t.test('only what is thrown itself snoozes', async (t) => {
  const harness = await PoolHarness.start(t);
  t.match(await harness.run('snooze', { wrapped: true }), { kind: 'failed', message: 'gave up' });
  t.match(await harness.run('snooze', { returned: true }), { kind: 'succeeded' });
});
