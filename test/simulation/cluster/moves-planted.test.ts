/** Faults that are planted in what moves of shards are made of: their lives find each. */
import t from 'tap';
import { Outgoing } from '../../../src/cluster/moves/outgoing.js';
import { RemoteAttempts } from '../../../src/cluster/moves/remote-attempts.js';
import { HandingOver } from '../../../src/scheduler/attempts/handing-over.js';
import { modes } from '../../../src/scheduler/modes.js';
import { liveMoves, type MovesEnd } from './moves-life.js';

t.setTimeout(300_000);

/** Changes it for as long as it is tried, and says how it is undone. */
type Plant = () => () => void;

function replaced<Of extends object, Name extends keyof Of>(of: Of, name: Name, by: Of[Name]): Plant {
  return () => {
    const before = of[name];
    Object.assign(of, { [name]: by });
    return () => void Object.assign(of, { [name]: before });
  };
}

const cases: readonly [what: string, plant: Plant, fault: RegExp][] = [
  [
    'what still runs is not named',
    replaced(RemoteAttempts.prototype, 'add', function add(this: RemoteAttempts) {
      return { of: () => ({ node: '', epoch: 0 }), resume: () => 'dead' };
    }),
    /runs again|runs on two nodes/,
  ],
  [
    'ends that are reported while the last record is written are forgotten',
    replaced(HandingOver.prototype, 'hold', () => {}),
    /acknowledged, and is running/,
  ],
  [
    'a node starts while it gives the shard away',
    replaced(modes, 'giving', { ...modes.giving, starts: true }),
    /runs again|runs on two nodes|has succeeded twice/,
  ],
  [
    'what ended is told once, whether or not somebody has heard it',
    () => {
      const { deliver } = { deliver: Outgoing.prototype.add };
      Outgoing.prototype.add = function add(this: Outgoing, shard, attempts) {
        deliver.call(this, shard, attempts, []);
      };
      return () => {
        Outgoing.prototype.add = deliver;
      };
    },
    /acknowledged, and is running/,
  ],
];

for (const [what, plant, fault] of cases) {
  t.test(what, { timeout: 200_000 }, async (t) => {
    const undo = plant();
    t.teardown(undo);
    let found: MovesEnd | undefined;
    for (let seed = 1; seed <= 300 && found === undefined; seed++) {
      const end = await liveMoves(t, { seed, steps: 150 });
      if (end.faults.some((each) => fault.test(each))) found = end;
    }
    t.ok(found, found?.faults.join('; ') ?? 'it was not found');
  });
}
