/** The database fails over to a standby that has each commit, while clients ask: nothing that was acknowledged is lost. */
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutStandby } from '../support/postgres.js';
import { runCli } from '../support/server.js';
import { Recorder } from './checker/recorder.js';
import { Clients } from './support/clients.js';
import { allWork, nothingIsLost, startFailover } from './support/failover.js';

t.setTimeout(290_000);

t.test('the standby has each commit: nothing is lost', { skip: withoutStandby }, async (t) => {
  const recorder = new Recorder();
  const cluster = await startFailover(t, { recorder, synchronous: true });
  const { nodes } = cluster;
  for (const node of nodes) await recorder.watch(node);
  const clients = new Clients({ nodes, recorder });
  await clients.progress();
  await cluster.failOver();
  await clients.progress();
  await allWork(nodes);
  await clients.progress();
  const verdict = await nothingIsLost(t, { nodes, recorder, clients });
  t.ok(verdict.counts.attempts > 5, `${verdict.counts.attempts} attempts`);
  for (const { server } of nodes) t.notMatch(server.output(), /rewound/, 'nothing is taken for lost');
});

t.test('the primary dies while commits wait for the standby', { skip: withoutStandby }, async (t) => {
  const recorder = new Recorder();
  const cluster = await startFailover(t, { recorder, synchronous: true });
  const { nodes, primary, standby, replication, store } = cluster;
  const database = new URL(store).pathname.slice(1);
  for (const node of nodes) await recorder.watch(node);
  const clients = new Clients({ nodes, recorder });
  await clients.progress();
  replication.cut('hold');
  const records = async (server: typeof primary): Promise<bigint> => {
    const [row] = await server.sql('SELECT coalesce(sum(position), 0)::text AS all FROM escapement.log', database);
    return BigInt(String(row?.all));
  };
  // A node ends what takes too long, which ends the wait for the standby: the record is there, on the primary alone.
  const isAlone = async (): Promise<boolean> => (await records(primary)) > (await records(standby));
  await eventually(isAlone, 'a record is on the primary alone', 60_000);
  await cluster.failOver();
  await clients.progress();
  await allWork(nodes);
  await nothingIsLost(t, { nodes, recorder, clients });
  const checked = await runCli(['check', '--store', store]);
  t.match(checked, { code: 0, stdout: /is whole/ }, checked.output);
});
