/** Limits hold over nodes, whatever becomes of what they ask; faults that are planted are found. */
import t from 'tap';
import { type LimitsLifeEnd, liveWithLimits } from './limits-life.js';

t.setTimeout(400_000);

const steps = 1_000;

t.test('no type has more attempts or starts than it may, and everything runs', { timeout: 200_000 }, async (t) => {
  let [started, full] = [0, 0];
  for (let seed = 1; seed <= 10; seed++) {
    const end = await liveWithLimits({ seed, steps });
    t.same(end.faults, [], `seed ${seed}`);
    started += end.started;
    full += end.full;
  }
  t.ok(started > 1_000, `${started} attempts have started`);
  t.ok(full > 50, `${full} of them took the last place`);
});

for (const [planted, what] of [
  ['late_asks', 'an ask that is late is carried out'],
  ['dead_too_early', 'a node is dead to the others while its attempts run'],
] as const) {
  t.test(`planted: ${what}`, { timeout: 200_000 }, async (t) => {
    let found: LimitsLifeEnd | undefined;
    for (let seed = 1; seed <= 200 && found === undefined; seed++) {
      const end = await liveWithLimits({ seed, steps, planted });
      // What is not given back keeps others from running, too.
      if (end.faults.some((fault) => /attempts of/.test(fault))) found = end;
    }
    t.match(found?.faults[0], /attempts of/);
  });
}
