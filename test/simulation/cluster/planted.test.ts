/** Faults that are planted in what leases are made of: the simulation finds each. */
import t from 'tap';
import { type LifeEnd, live, type Planted } from './life.js';

const cases: readonly [planted: Planted, what: string, fault: RegExp][] = [
  ['timer_flag', 'a flag that a timer sets, in place of the deadline', /after the deadline/],
  ['from_the_answer', 'a lease that counts from the answer to its beat', /under epoch \d+, and \d+ had the shard/],
  [
    'early_position',
    'the end of the log is read in the statement that takes it',
    /was opened under epoch|had succeeded/,
  ],
  [
    'no_token_check',
    'an append without a look at the token',
    /a record of epoch \d+ in shard \d+, which epoch \d+ had/,
  ],
  ['never_left', 'a shard that its owner cannot load stays with it', /at rest not every shard is open once/],
  [
    'same_timeline',
    'a shard that has lost commits keeps its timeline',
    /record \d+ of shard \d+ is another one than was told under timeline \d+/,
  ],
];

for (const [planted, what, fault] of cases) {
  t.test(what, { timeout: 200_000 }, async (t) => {
    let found: LifeEnd | undefined;
    for (let seed = 1; seed <= 400 && found === undefined; seed++) {
      const end = await live({ seed, steps: 5000, planted });
      if (end.faults.some((each) => fault.test(each))) found = end;
    }
    t.match(found?.faults.join('; '), fault);
  });
}
