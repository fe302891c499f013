/** Lives of those who listen to a cluster: nothing is missed without a word, and two planted faults are found. */
import t from 'tap';
import type { Planted } from './event-nodes.js';
import { type EventsEnd, liveEvents } from './events-life.js';

t.setTimeout(200_000);

const lives = Number(process.env.LIVES ?? 40);
const steps = 600;

t.test('each event once and in order, or a gap, whatever becomes of shards, nodes and connections', async (t) => {
  const counts = { events: 0, heard: 0, gaps: 0, moves: 0, losses: 0 };
  for (let seed = 1; seed <= lives; seed++) {
    const end = await liveEvents({ seed, steps });
    t.same(end.faults, [], `seed ${seed}`);
    for (const what of Object.keys(counts) as (keyof typeof counts)[]) counts[what] += end.counts[what];
  }
  for (const [what, count] of Object.entries(counts)) t.ok(count > lives, `${count} ${what}`);
});

const planted: readonly [planted: Planted, what: string, fault: RegExp][] = [
  ['same_timeline', 'a shard that has lost events keeps its timeline', /takes event \d+ of shard \d for that of/],
  ['from_now', 'a stream begins with what comes next, whatever was heard before', /heard event \d+ of shard \d after/],
];

for (const [fault, what, said] of planted) {
  t.test(what, async (t) => {
    let found: EventsEnd | undefined;
    for (let seed = 1; seed <= 100 && found === undefined; seed++) {
      const end = await liveEvents({ seed, steps, planted: fault });
      if (end.faults.length > 0) found = end;
    }
    t.match(found?.faults[0], said);
  });
}
