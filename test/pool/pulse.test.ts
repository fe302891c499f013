import t from 'tap';
import { Pulse } from '../../src/pool/pulse.js';

t.test('silence counts from the last sign, and the recovery from its end', (t) => {
  const pulse = new Pulse();
  pulse.startCounting(1000);
  t.same(pulse.observe(0, 1100), { silentMs: 100, recoveredForMs: Infinity });
  t.same(pulse.observe(1, 1125), { silentMs: 0, recoveredForMs: Infinity }, 'a pause is no silence');
  t.same(pulse.observe(1, 1400), { silentMs: 275, recoveredForMs: Infinity });
  t.same(pulse.observe(2, 1425), { silentMs: 0, recoveredForMs: 0 });
  t.same(pulse.observe(3, 1450), { silentMs: 0, recoveredForMs: 25 });
  t.end();
});

t.test('a thread without work is not silent', (t) => {
  const pulse = new Pulse();
  pulse.startCounting(1000);
  pulse.startCounting(60_000);
  t.same(pulse.observe(0, 60_010), { silentMs: 10, recoveredForMs: Infinity });
  t.end();
});

t.test('when whoever looks was away, all threads have just recovered', (t) => {
  const pulse = new Pulse();
  pulse.startCounting(1000);
  pulse.forgive(6000);
  t.same(pulse.observe(0, 6000), { silentMs: 0, recoveredForMs: 0 });
  t.end();
});
