import t, { type Test } from 'tap';
import type { ProgressReport } from '../../src/pool/port.js';
import { PoolHarness } from './harness.js';

async function start(t: Test) {
  const reports: ProgressReport[] = [];
  const outcomes: number[] = [];
  const harness: PoolHarness = await PoolHarness.start(t, {
    events: {
      outcomes: (ended) => {
        outcomes.push(reports.length);
        harness.take(ended);
      },
      room: () => {},
      progress: (said) => reports.push(...said),
    },
  });
  return { harness, reports, outcomes };
}

t.test('what an attempt says last comes before its end', async (t) => {
  const { harness, reports } = await start(t);
  const outcome = await harness.run('progress', {
    values: [0, 12.5, 100, { step: 'upload' }, [1], 'text', null, true],
  });
  t.match(outcome, { kind: 'succeeded', result: '[]' });
  t.same(reports.at(-1), { jobSeq: 1, fence: 1, progress: 'true' });
});

t.test('said in a tight loop, it goes out ten times a second, and the last of it is there', async (t) => {
  const { harness, reports } = await start(t);
  await harness.run('progress', { spins: 450, last: 99 });
  t.ok(reports.length >= 2 && reports.length <= 8, `${reports.length} reports`);
  t.equal(reports.at(-1)?.progress, '99');
});

t.test('what cannot be shown is thrown back', async (t) => {
  const { harness, reports } = await start(t);
  const thrown = async (payload: object): Promise<string> => {
    const outcome = await harness.run('progress', payload);
    return outcome.kind === 'succeeded' ? JSON.parse(outcome.result ?? '')[0] : outcome.kind;
  };
  t.equal(
    await thrown({ values: [101] }),
    'RangeError: ctx.progress: 101 is not from 0 to 100; anything else goes into an object',
  );
  t.match(await thrown({ values: [-0.1] }), /^RangeError/);
  t.match(await thrown({ odd: 'nan' }), /NaN is not from 0 to 100/);
  t.match(
    await thrown({ odd: 'cycle' }),
    /TypeError: ctx\.progress: the value cannot be written as JSON: Converting circular/,
  );
  t.match(await thrown({ odd: 'bigint' }), /TypeError/);
  t.match(await thrown({ odd: 'function' }), /a function/);
  t.match(await thrown({ odd: 'undefined' }), /a undefined/);
  t.match(await thrown({ odd: 'huge' }), /more than 4096 bytes/);
  t.match(await thrown({ values: ['é'.repeat(3000)] }), /more than 4096 bytes/);
  t.same(reports, []);
});
