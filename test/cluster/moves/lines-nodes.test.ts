/** Lines of attempts on a real node that gives its shards away and ends: the other node has each of them, once and in order. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { temporary } from '../../support/server.js';
import { asNode, startCluster } from '../support/cluster.js';
import { isWhole } from '../support/looks.js';
import type { ClusterBody } from '../support/three-nodes.js';

interface Lines {
  readonly total: number;
  readonly dropped: number;
  readonly items: readonly { readonly message: string; readonly run: number }[];
}

t.test('a node that leaves takes no line along', { skip: withoutPostgres, timeout: 180_000 }, async (t) => {
  const stop = join(temporary('words'), 'stop');
  const { nodes } = await startCluster(t, {
    count: 2,
    settings: ['fsync=off'],
    args: (place) => [...asNode(place), '--grace', '60s', '--log-level', 'error'],
    handlers: {
      talks: `import { existsSync } from 'node:fs'
        export default async ({ stop }, { log }) => {
          let lines = 0
          while (!existsSync(stop)) {
            log.info('line ' + lines++)
            await new Promise((done) => setTimeout(done, 20))
          }
          return lines }`,
    },
  });
  const [first, second] = [nodes[0]!, nodes[1]!];
  for (const node of nodes) await eventually(() => isWhole(node), 'all shards are run', 30_000);
  const ids: string[] = [];
  for (let i = 0; i < 12; i++) ids.push((await first.api.create({ name: 'talks', delay: '0s', payload: { stop } })).id);
  const linesOf = async (id: string): Promise<Lines> =>
    (await second.api.get<Lines>(`/jobs/${id}/logs?limit=1000`)).body;
  for (const id of ids) await eventually(async () => (await linesOf(id)).total > 0, `${id} talks`, 30_000);

  const ended = first.end();
  await eventually(
    async () => {
      const { node, shards } = (await second.api.get<ClusterBody>('/cluster')).body;
      return shards.every(({ owner }) => owner === node);
    },
    'the second has all shards',
    30_000,
  );
  const during = await Promise.all(ids.map(async (id) => (await linesOf(id)).total));
  for (const [i, id] of ids.entries())
    await eventually(async () => (await linesOf(id)).total > during[i]!, `lines of ${id} go on`, 30_000);
  writeFileSync(stop, '');
  t.equal(await ended, 0);

  for (const id of ids) {
    const { result } = await second.api.until(id, 'success');
    const { total, dropped, items } = await linesOf(id);
    t.equal(total + dropped, result, 'each is kept or counted');
    const numbers = items.map(({ message }) => Number(message.slice('line '.length)));
    const last = Number(result);
    t.same(
      numbers,
      Array.from({ length: total }, (_, i) => last - total + i),
      'in order, and none twice',
    );
    t.equal(total, Math.min(1000, last), 'all that are to be kept');
    t.ok(items.every(({ run }) => run === items[0]!.run));
  }
});
