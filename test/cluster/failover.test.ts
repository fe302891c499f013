/**
 * The database fails over, or restarts, while clients ask. Where it keeps what it has committed, nothing that was acknowledged is lost; where
 * it does not, the nodes notice, and go on from what is there.
 */
import t, { type Test } from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres, withoutStandby } from '../support/postgres.js';
import { runCli } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { check, report, type Verdict } from './checker/check.js';
import { now } from './checker/lines.js';
import { eventsNotTold, withoutLost } from './checker/loss.js';
import { Recorder } from './checker/recorder.js';
import { Clients } from './support/clients.js';
import { allWork, startFailover } from './support/failover.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(290_000);

/** Ends the clients, and has the checker look at what they were told. */
async function nothingIsLost(
  t: Test,
  { nodes, recorder, clients }: { nodes: readonly ClusterNode[]; recorder: Recorder; clients: Clients },
): Promise<Verdict> {
  await clients.end();
  await recorder.lastLook(nodes[0]!.api);
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.same(await clients.asking.wrong(nodes[1]!.api), []);
  return verdict;
}

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

/** How far a client has heard that is there now, by shard. */
async function placeNow(node: ClusterNode): Promise<string> {
  const subscriber = await Subscriber.connect(node);
  const { cursor } = (await subscriber.subscribe()) as unknown as { cursor: string };
  await subscriber.close();
  return cursor;
}

const seqsOf = (cursor: string): number[] => cursor.split('.').map((part) => Number(part.split('-')[1]));

/** A client that was away meanwhile comes back once each shard has had more events than it has heard. */
async function isToldWhenBack(t: Test, nodes: readonly ClusterNode[], away: string): Promise<void> {
  const heard = seqsOf(away);
  const hasGrown = async (): Promise<boolean> => {
    for (let n = 0; n < 16; n++)
      for (const { api } of nodes) await api.create({ name: 'echo', delay: '0s', payload: {} });
    return seqsOf(await placeNow(nodes[0]!)).every((seq, shard) => seq > heard[shard]!);
  };
  await eventually(hasGrown, 'each shard has had more events than were heard', 60_000);
  for (const node of nodes) {
    const back = await Subscriber.connect(node);
    back.send({ action: 'subscribe', since: away });
    const gap = (await back.waitFor(({ type }) => type === 'gap', 'a gap')) as unknown as {
      shard: number;
      cursor: string;
    };
    await back.close();
    const timelines = [away, gap.cursor].map((cursor) => cursor.split('.')[gap.shard]!.split('-')[0]);
    t.not(timelines[0], timelines[1], 'where to resume is of another timeline');
  }
}

/** @param during what happens beside, and is lost with the rest */
async function lagging(t: Test, during: (nodes: readonly ClusterNode[]) => Promise<void>): Promise<void> {
  const recorder = new Recorder();
  const cluster = await startFailover(t, { recorder, synchronous: false });
  const { nodes } = cluster;
  for (const node of nodes) await recorder.watch(node);
  const clients = new Clients({ nodes, recorder });
  await clients.progress();
  const from = now();
  await cluster.caughtUp();
  cluster.replication.cut('hold');
  const lost: unknown[] = [];
  for (const { api } of nodes) {
    const job = recorder.job({}, { delay: '1h' });
    t.equal((await recorder.create(api, job))?.status, 201, 'it is acknowledged, and the standby does not hear of it');
    lost.push((job.payload as { token: string }).token);
  }
  await during(nodes);
  await clients.progress();
  const away = await placeNow(nodes[0]!);
  await cluster.failOver();
  await clients.progress();
  const rewound = (): boolean => nodes.every(({ server }) => /"level":(50|"error").*rewound/.test(server.output()));
  await eventually(rewound, 'both have noticed', 30_000);
  await allWork(nodes);
  const to = now();
  await clients.progress();
  await clients.end();
  for (const { api } of nodes) {
    const made = await api.create({ name: 'echo', delay: '0s', payload: {} });
    await api.until(made.id, 'success');
  }
  await isToldWhenBack(t, nodes, away);
  await recorder.lastLook(nodes[0]!.api);
  const lines = recorder.lines();
  const verdict = check(withoutLost(lines, { from, to }));
  t.same(verdict.violations, [], report(verdict));
  t.same(eventsNotTold(lines), []);
  const told = lines.flatMap((line) => (line.line === 'heard' && line.message.type === 'gap' ? [line.subscriber] : []));
  t.equal(new Set(told).size, nodes.length, 'subscribers of each node are told that events are gone');
  t.ok(verdict.counts.attempts > 5, `${verdict.counts.attempts} attempts`);
  // Their ids may be those of other jobs by now.
  const found = lines.flatMap((line) => (line.line === 'found' ? [line.job.payload?.token] : []));
  for (const token of lost) t.notOk(found.includes(token), 'what the standby has not heard of is gone');
  const checked = await runCli(['check', '--store', cluster.store]);
  t.match(checked, { code: 0, stdout: /is whole/ }, checked.output);
}

t.test('a standby that lags: the loss is noticed, and what is there is whole', { skip: withoutStandby }, (t) =>
  lagging(t, async () => {}),
);

t.test('a standby that lags, and shards have changed hands meanwhile', { skip: withoutStandby }, (t) =>
  lagging(t, async (nodes) => {
    const [first] = nodes as [ClusterNode];
    await first.kill();
    await first.start();
    await allWork(nodes);
  }),
);

t.test('PostgreSQL restarts: nothing is lost', { skip: withoutPostgres }, async (t) => {
  const recorder = new Recorder();
  const { nodes, primary } = await startFailover(t, { recorder, synchronous: false });
  for (const node of nodes) await recorder.watch(node);
  const clients = new Clients({ nodes, recorder });
  for (const how of ['fast', 'immediate'] as const) {
    await clients.progress();
    await primary.stop(how);
    await primary.start();
  }
  await clients.progress();
  await allWork(nodes);
  await nothingIsLost(t, { nodes, recorder, clients });
  for (const { server } of nodes) t.notMatch(server.output(), /rewound/, 'nothing is taken for lost');
});
