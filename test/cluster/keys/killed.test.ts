/**
 * A node is killed between two requests with one key, and with one idempotency key, which two nodes get. Whether the first was answered,
 * was on its way or had not come: there is one job.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { check, report } from '../checker/check.js';
import { Recorder } from '../checker/recorder.js';
import { asNode, startCluster } from '../support/cluster.js';
import { type ClusterBody, isWell } from '../support/looks.js';
import type { ClusterNode } from '../support/nodes.js';

t.setTimeout(240_000);

/** How long after the first requests were sent their node is killed, in milliseconds; undefined: when they were answered. */
const moments = [undefined, 1, 3, undefined] as const;

/** Each node has some shards, and is well. */
async function isShared(nodes: readonly ClusterNode[]): Promise<boolean> {
  const { body } = await nodes[0]!.api.get<ClusterBody>('/cluster');
  const owners = new Set((body.shards ?? []).map(({ owner }) => owner));
  return owners.size === nodes.length && (await Promise.all(nodes.map(isWell))).every(Boolean);
}

t.test('one key at two nodes, of which one is killed', { skip: withoutPostgres }, async (t) => {
  const recorder = new Recorder();
  const { nodes } = await startCluster(t, {
    ...{ count: 3, recorder, settings: ['fsync=off'] },
    args: (place) => [...asNode(place), '--shards', '8', '--settle', '500ms'],
  });
  await eventually(() => isShared(nodes), 'each node has shards', 60_000);

  for (const [round, moment] of moments.entries()) {
    const victim = nodes[round % nodes.length]!;
    const other = nodes[(round + 1) % nodes.length]!;
    const key = `account-${round}`;
    const once = recorder.job({}, { delay: '1h' });
    const asks = [
      (node: ClusterNode) => recorder.create(node.api, recorder.job({}, { delay: '1h', key, if_exists: 'return' })),
      (node: ClusterNode) => recorder.create(node.api, once, `order-${round}`),
    ];
    const first = Promise.all(asks.map((ask) => ask(victim)));
    if (moment === undefined) await first;
    else await sleep(moment);
    await victim.kill();
    for (const [at, ask] of asks.entries()) {
      let id: string | undefined;
      await eventually(
        async () => {
          const answer = await ask(other);
          if (answer?.status === 200 || answer?.status === 201) id = answer.body.id;
          return id !== undefined;
        },
        'the other node answers',
        60_000,
      );
      const before = (await first)[at];
      if (moment === undefined) t.equal(before?.status, 201, `the first was answered: ${before?.text}`);
      if (before?.status === 201) t.equal(id, before.body.id, 'it is the job of the first request');
    }
    await victim.start();
    await eventually(() => isShared(nodes), 'each node has shards again', 60_000);
  }

  await recorder.lastLook(nodes[0]!.api);
  const verdict = check(recorder.lines());
  t.same(verdict.violations, [], report(verdict));
  t.equal(verdict.counts.jobs, 2 * moments.length, 'one job of each key');
});
