/** A failing life is told shortly, and the command that is printed lives it again. */
import t from 'tap';
import { Ledger } from '../../src/scheduler/ledger.js';
import { formatSteps, live, parseSteps, report, shrink } from './shrink.js';

t.test('the same seed leads to the same life', async (t) => {
  const { answer } = Ledger.prototype;
  t.teardown(() => Object.assign(Ledger.prototype, { answer }));
  // Stops the lives in the middle, so that there is a trace to compare.
  let left = 0;
  Ledger.prototype.answer = function (...args): void {
    if (--left < 0) throw new RangeError('enough');
    answer.apply(this, args);
  };
  const traces = [1, 2, 1].map((seed) => {
    left = 20;
    return live({ seed, steps: 1000 })?.trace.join('\n');
  });
  t.ok((traces[0]?.length ?? 0) > 500);
  t.equal(traces[0], traces[2]);
  t.not(traces[0], traces[1]);
});

t.test('a failing life is shortened to steps that still fail, and can be lived again', async (t) => {
  const { answer } = Ledger.prototype;
  t.teardown(() => Object.assign(Ledger.prototype, { answer }));
  // A fault of the server: it answers before the change is on disk.
  Ledger.prototype.answer = (_seq, reply, given) => reply(given);
  const failure = live({ seed: 3, steps: 100 });
  if (!failure) throw new Error('the fault was not found');
  t.match(failure.error.message, /is acknowledged and not on disk/);
  const short = shrink(failure, 10_000);
  t.match(short.error.message, /is acknowledged and not on disk/);
  t.ok((short.life.only ?? []).length <= 2, `steps ${short.life.only} are left`);
  t.same(live(short.life)?.trace, short.trace);
  const printed = report(failure, 10_000);
  t.match(printed, 'seed 3 failed at step');
  t.match(printed, 'replay: npm run simulate -- --seeds 1 --seed 3 --steps 100\n');
  t.match(printed, `--seed 3 --steps 100 --only ${formatSteps(short.life.only ?? [])}`);
});

t.test('steps are written as ranges and read again', async (t) => {
  for (const [steps, text] of [
    [[0], '0'],
    [[0, 1, 2], '0-2'],
    [[3, 5, 6, 9], '3,5-6,9'],
  ] as const) {
    t.equal(formatSteps(steps), text);
    t.same(parseSteps(text), steps);
  }
  for (const wrong of ['', 'x', '4-2', '1,,2']) t.throws(() => parseSteps(wrong), /is no step/, wrong);
});
