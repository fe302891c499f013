/** One node alone keeps its promises while it is killed, ended, stopped and cut off from its clients. */
import t from 'tap';
import { check, report } from './checker/check.js';
import { Recorder } from './checker/recorder.js';
import { startNodes } from './support/nodes.js';
import { liveThrough } from './support/rounds.js';

t.setTimeout(280_000);

const rounds = 12;
const seed = 1;

t.test(`${rounds} rounds of faults, from seed ${seed} on`, async (t) => {
  const recorder = new Recorder();
  const nodes = await startNodes({ count: 1, recorder });
  const [node] = nodes;
  await recorder.watch(node!);
  const faults = ['kill', 'stop', 'cut from clients', 'end'] as const;
  const { asking, counts } = await liveThrough({ nodes, recorder, rounds, seed, faults, awayMs: 1000 });
  t.same([...counts.values()], [3, 3, 3, 3]);
  await recorder.lastLook(node!.api);
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.same(await asking.wrong(node!.api), []);
  t.ok(verdict.counts.attempts > 50, `${verdict.counts.attempts} attempts`);
});
