/** Lives of keys over two nodes, and faults that are planted in them. */
import t from 'tap';
import { type KeysLifeEnd, liveKeys } from './keys-life.js';

t.test('a key is one job’s, and the database knows whose', { timeout: 200_000 }, async (t) => {
  let made = 0;
  let found = 0;
  let moved = 0;
  for (let seed = 1; seed <= 12; seed++) {
    const end = await liveKeys(seed, 6);
    t.same(end.faults, [], `seed ${seed}`);
    made += end.made;
    found += end.found;
    moved += end.moved;
  }
  t.ok(made > 200 && found > 200 && moved > 10, `${made} jobs were made, ${found} found, ${moved} shards moved`);
});

for (const [planted, fault] of [
  ['no_claim_check', /is the key of job \d+, and of job \d+|answered with job \d+, and then/],
  ['no_release', /which has it no more/],
] as const)
  t.test(`planted: ${planted}`, { timeout: 200_000 }, async (t) => {
    let end: KeysLifeEnd | undefined;
    for (let seed = 1; seed <= 40 && (end === undefined || end.faults.length === 0); seed++)
      end = await liveKeys(seed, 6, planted);
    t.match(end?.faults.join('; '), fault);
  });
