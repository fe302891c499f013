/** Lives of shards that move: no attempt is cut off but by the death of its node, none runs twice, and nothing is lost. */
import t from 'tap';
import { liveMoves } from './moves-life.js';

const lives = Number(process.env.LIVES ?? 8);

t.test('shards move while attempts run', { timeout: 300_000 }, async (t) => {
  const counts = { jobs: 0, moves: 0, deaths: 0 };
  for (let seed = 1; seed <= lives; seed++) {
    const end = await liveMoves(t, { seed, steps: 150 });
    t.same(end.faults, [], `seed ${seed}`);
    for (const what of ['jobs', 'moves', 'deaths'] as const) counts[what] += end.counts[what];
  }
  t.ok(counts.moves > lives && counts.jobs > lives && counts.deaths > 0, JSON.stringify(counts));
});
