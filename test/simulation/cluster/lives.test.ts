/** Lives of clusters: nothing that must hold breaks, and in the end all is owned. */
import t from 'tap';
import { live } from './life.js';

const steps = 5000;

t.test(
  'one live lease a shard, nothing begins after the deadline, all is owned again',
  { timeout: 200_000 },
  async (t) => {
    let begun = 0;
    let given = 0;
    let left = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const end = await live({ seed, steps });
      t.same(end.faults, [], `seed ${seed}`);
      begun += end.begun;
      given += end.given;
      left += end.left;
    }
    t.ok(begun > 500, `${begun} attempts have begun`);
    t.ok(given > 2, `${given} shards were given away`);
    t.ok(left > 2, `${left} shards were left to others`);
  },
);
