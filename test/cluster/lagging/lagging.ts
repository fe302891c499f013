/**
 * The database fails over to a standby that lags, while clients ask: what it had not heard of is lost. The nodes notice, go on from what is
 * there, and tell who listens.
 */
import type { Test } from 'tap';
import { eventually } from '../../support/client.js';
import { runCli } from '../../support/server.js';
import { check, report } from '../checker/check.js';
import { now } from '../checker/lines.js';
import { eventsNotTold, withoutLost } from '../checker/loss.js';
import { Recorder } from '../checker/recorder.js';
import { isToldWhenBack, placeNow } from '../support/away.js';
import { Clients } from '../support/clients.js';
import { allWork, startFailover } from '../support/failover.js';
import type { ClusterNode } from '../support/nodes.js';

/** @param during what happens beside, and is lost with the rest */
export async function lagging(t: Test, during: (nodes: readonly ClusterNode[]) => Promise<void>): Promise<void> {
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
