import t from 'tap';
import { type StopSignal, StopSignals } from '../../src/process/signals.js';

function handled(signals: StopSignals): string[] {
  const heard: string[] = [];
  signals.handle(
    (signal) => heard.push(signal),
    () => heard.push('at once'),
  );
  return heard;
}

t.test('signals within half a second are one, a later one is a second, and no third is heard', (t) => {
  const signals = new StopSignals(true);
  const heard = handled(signals);
  t.notOk(signals.requested.aborted);
  for (const [signal, ms] of [
    ['SIGINT', 1000],
    ['SIGINT', 1001],
    ['SIGTERM', 1499],
  ] as [StopSignal, number][]) {
    signals.take(signal, ms);
  }
  t.same(heard, ['SIGINT']);
  t.ok(signals.requested.aborted);
  signals.take('SIGINT', 1500);
  signals.take('SIGINT', 9000);
  t.same(heard, ['SIGINT', 'at once']);
  t.end();
});

t.test('what came before anyone handled it is handled then', (t) => {
  const one = new StopSignals(true);
  one.take('SIGHUP', 0);
  t.same(handled(one), ['SIGHUP']);
  const two = new StopSignals(false);
  two.take('SIGTERM', 0);
  two.take('SIGTERM', 600);
  t.same(handled(two), ['SIGTERM', 'at once']);
  t.end();
});

t.test(
  'without a terminal SIGHUP stops nothing: each has its own effect, and one that came early has it later',
  (t) => {
    const signals = new StopSignals(false);
    signals.take('SIGHUP', 0);
    let hangUps = 0;
    signals.handleHangUp(() => hangUps++);
    t.equal(hangUps, 1);
    const heard = handled(signals);
    signals.take('SIGHUP', 1);
    signals.take('SIGHUP', 2);
    t.equal(hangUps, 3);
    t.same(heard, []);
    t.notOk(signals.requested.aborted);
    signals.take('SIGTERM', 1000);
    t.same(heard, ['SIGTERM']);
    t.end();
  },
);
