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
  const signals = new StopSignals();
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
  const one = new StopSignals();
  one.take('SIGHUP', 0);
  t.same(handled(one), ['SIGHUP']);
  const two = new StopSignals();
  two.take('SIGTERM', 0);
  two.take('SIGTERM', 600);
  t.same(handled(two), ['SIGTERM', 'at once']);
  t.end();
});
