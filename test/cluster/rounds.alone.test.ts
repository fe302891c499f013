/**
 * Three real nodes over a real PostgreSQL: they, and the database, are killed, ended, stopped and cut off, one after the other. Nothing that
 * was acknowledged is lost, and no success runs again.
 */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { check, report } from './checker/check.js';
import { Recorder } from './checker/recorder.js';
import { asNode, startCluster } from './support/cluster.js';
import { liveThrough, roundFaults } from './support/rounds.js';

t.setTimeout(290_000);

const rounds = 20;
const seed = 1;
/** Longer than a node may be silent before the others take what it has. */
const awayMs = 8000;

t.test(`${rounds} rounds of faults, from seed ${seed} on`, { skip: withoutPostgres }, async (t) => {
  const recorder = new Recorder();
  const { postgres, nodes } = await startCluster(t, {
    count: 3,
    recorder,
    args: (place) => [...asNode(place), '--shards', '8', '--settle', '500ms'],
  });
  const isWell = async (): Promise<boolean> => {
    for (const { api } of nodes)
      if ((await api.get<{ status: string }>('/health')).body.status !== 'healthy') return false;
    return true;
  };
  await eventually(isWell, 'all nodes are well', 60_000);
  for (const node of nodes) await recorder.watch(node);
  const { asking, counts } = await liveThrough({
    nodes,
    recorder,
    postgres,
    rounds,
    seed,
    faults: roundFaults,
    awayMs,
  });
  t.equal(counts.size, roundFaults.length, 'each fault came');
  await eventually(isWell, 'all nodes are well again', 60_000);
  await recorder.lastLook(nodes[0]!.api);
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.same(await asking.wrong(nodes[1]!.api), []);
  t.ok(verdict.counts.attempts > 100, `${verdict.counts.attempts} attempts`);
});
