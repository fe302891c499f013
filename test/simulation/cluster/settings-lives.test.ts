/** Lives of clusters whose server is paused and resumed: a pause holds everywhere once it was answered. Planted faults are found. */
import t from 'tap';
import { liveWithSettings, type PlantedInSettings } from './settings-life.js';

t.setTimeout(400_000);

const steps = 3000;

t.test('nothing starts after a pause was answered, and a change is answered', { timeout: 200_000 }, async (t) => {
  const sums = { started: 0, paused: 0, refused: 0 };
  for (let seed = 1; seed <= 20; seed++) {
    const { faults, started, paused, refused } = await liveWithSettings(seed, steps);
    t.same(faults, [], `seed ${seed}`);
    sums.started += started;
    sums.paused += paused;
    sums.refused += refused;
  }
  t.ok(sums.started > 300, `${sums.started} starts`);
  t.ok(sums.paused > 40, `${sums.paused} pauses were answered`);
  t.ok(sums.refused > 0, `${sums.refused} changes were refused`);
});

const planted: readonly [planted: PlantedInSettings, what: string][] = [
  ['answered_at_once', 'nobody is waited for'],
  ['opened_unread', 'a shard is opened by what was read long before'],
  ['told_too_early', 'a node says that it goes by a change while what it had decided is on its way'],
];

for (const [fault, what] of planted) {
  t.test(`it is found when ${what}`, { timeout: 200_000 }, async (t) => {
    let found: readonly string[] = [];
    for (let seed = 1; seed <= 300 && found.length === 0; seed++)
      found = (await liveWithSettings(seed, steps, fault)).faults;
    t.match(found[0], /began at \d+ after a pause/);
  });
}
