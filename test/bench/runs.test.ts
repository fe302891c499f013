/** Several runs of one bench as one report, and the shares of a thread's time. */
import t from 'tap';
import { atLeast, type Finding } from '../../bench/support/bench.js';
import { overRuns } from '../../bench/support/runs.js';
import { withMainThread } from '../../bench/support/thread-time.js';

const found = (perSecond: number, ceiling: number): Finding => ({
  what: '64 connections',
  figures: { perSecond, maxMs: perSecond / 10 },
  ceiling: { what: 'bare server', figures: { perSecond: ceiling } },
  ratio: perSecond / ceiling,
  must: [atLeast('at least 0.6 of the ceiling', perSecond / ceiling, 0.6)],
});

t.test('over three runs: medians, the ratio of each, and a bound as most of them have it', async (t) => {
  const runs = [[found(50, 100)], [found(70, 100)], [found(65, 100)]];
  t.same(overRuns(runs), [
    {
      what: '64 connections',
      figures: { perSecond: 65, maxMs: 7 },
      ceiling: { what: 'bare server', figures: { perSecond: 100 } },
      ratio: 0.65,
      ratios: [0.5, 0.7, 0.65],
      must: [{ what: 'at least 0.6 of the ceiling', got: 0.65, reached: true }],
    },
  ]);
});

t.test('one run stays as it is, with the ratios of its rounds', async (t) => {
  const finding = { ...found(50, 100), ratios: [0.4, 0.5, 0.6] };
  t.same(overRuns([[finding]]), [finding]);
  t.same(overRuns([]), []);
});

t.test(
  'what one run did not find is not in the report, and neither is a ratio where there is no ceiling',
  async (t) => {
    const bare: Finding = { what: 'alone', figures: { perSecond: 1 } };
    t.same(overRuns([[bare, found(1, 2)], [bare]]), [bare]);
  },
);

t.test('the shares of the main thread say whether it worked', async (t) => {
  const busy = await withMainThread(process.pid, async () => {
    const end = performance.now() + 200;
    while (performance.now() < end);
    return { perSecond: 1 };
  });
  t.equal(busy.perSecond, 1);
  if (busy.mainRunsPercent === undefined) return t.comment('this kernel does not count them');
  const idle = await withMainThread(process.pid, () => new Promise((done) => setTimeout(done, 200, {})));
  t.ok(busy.mainRunsPercent > (idle.mainRunsPercent as number), 'more when it is busy than when it sleeps');
  t.ok(busy.mainRunsPercent <= 101, `at most all of the time: ${busy.mainRunsPercent}`);
  t.ok((busy.mainWaitsPercent as number) >= 0);
});
