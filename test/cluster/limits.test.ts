/**
 * Real nodes over a real PostgreSQL, and job types with limits: attempts write when they begin and end to a file outside of all of them, and
 * that never shows more at once than the limits allow, whichever node runs them, also when one is killed and another one leaves.
 */
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/client.js';
import { withoutPostgres } from '../support/postgres.js';
import { temporary } from '../support/server.js';
import { asNode, startCluster } from './support/cluster.js';
import { isWell } from './support/looks.js';
import type { ClusterNode } from './support/nodes.js';

t.setTimeout(240_000);

interface Line {
  readonly what: 'began' | 'ended' | 'killed';
  readonly pid: number;
  readonly type: string;
  readonly group: string | null;
  readonly at: number;
}

/** Handlers that say when they begin and end. One line is one write, so those of several processes do not mix. */
function handlers(folder: string, ledger: string): void {
  const code = (options: string) => `
    import { appendFileSync } from 'node:fs';
    const say = (what, { group, type }) => appendFileSync(${JSON.stringify(ledger)},
      JSON.stringify({ what, pid: process.pid, type, group: group ?? null, at: Date.now() }) + '\\n');
    export const options = ${options};
    export default async ({ ms, type, group }) => {
      say('began', { type, group });
      await new Promise((resolve) => setTimeout(resolve, ms));
      say('ended', { type, group });
    };`;
  const named = (name: string, options: string): void => writeFileSync(join(folder, `${name}.mjs`), code(options));
  named('three', '{ concurrency: 3 }');
  named('grouped', '{ group_concurrency: 1 }');
  named('rated', "{ rate: '5/1s' }");
}

function linesOf(ledger: string): readonly Line[] {
  const text = readFileSync(ledger, 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

/** Most at once, of all processes together. What a killed process ran has ended with it. */
function mostAtOnce(lines: readonly Line[], fits: (line: Line) => boolean): number {
  const running = new Map<number, number>();
  let most = 0;
  for (const line of lines) {
    if (line.what === 'killed') running.delete(line.pid);
    else if (fits(line)) running.set(line.pid, (running.get(line.pid) ?? 0) + (line.what === 'began' ? 1 : -1));
    most = Math.max(
      most,
      [...running.values()].reduce((sum, count) => sum + count, 0),
    );
  }
  return most;
}

const groups = ['x', 'y'];

t.test(
  'limits hold over three nodes, also when one is killed and another one leaves',
  { skip: withoutPostgres },
  async (t) => {
    const folder = temporary('limited-handlers');
    const ledger = join(temporary('limited-ledger'), 'ledger');
    writeFileSync(ledger, '');
    handlers(folder, ledger);
    const args = (place: Parameters<typeof asNode>[0]) => [...asNode(place), '--handlers', folder, '--threads', '1'];
    const { nodes } = await startCluster(t, { count: 3, args, settings: ['fsync=off'] });
    for (const node of nodes) await eventually(() => isWell(node), 'all shards are run', 60_000);
    const [first, ...others] = nodes as [ClusterNode, ClusterNode, ClusterNode];

    const ids: string[] = [];
    const ask = async (node: ClusterNode, type: string, ms: number, group?: string): Promise<void> => {
      const { status, body } = await node.api.post<{ id: string }>('/jobs', {
        name: type,
        delay: '0s',
        payload: { ms, type, group },
        ...(group !== undefined && { group }),
      });
      t.equal(status, 201, JSON.stringify(body));
      ids.push(body.id);
    };
    for (let i = 0; i < 8; i++)
      for (const node of nodes) {
        await ask(node, 'three', 100);
        await ask(node, 'grouped', 30, groups[i % 2]);
        if (i < 4) await ask(node, 'rated', 1);
      }
    // These hold all places, of which the node that is killed has some.
    for (const node of nodes) for (let i = 0; i < 2; i++) await ask(node, 'three', 1_000);
    const { pid } = first;
    await eventually(
      () => linesOf(ledger).filter((line) => line.pid === pid && line.what === 'began').length > 5,
      'the first node runs some',
      60_000,
    );
    await first.kill();
    appendFileSync(ledger, `${JSON.stringify({ what: 'killed', pid, type: '', group: null, at: Date.now() })}\n`);

    const [second, third] = others as [ClusterNode, ClusterNode];
    // While nobody has its shard, a job is not there.
    const hasRun = async (id: string): Promise<boolean> =>
      (await second.api.get<{ status?: string }>(`/jobs/${id}`)).body.status === 'success';
    for (const id of ids) await eventually(() => hasRun(id), `job ${id} has run`, 90_000);
    await eventually(() => isWell(second), 'all shards are run', 60_000);
    // What runs when its node leaves goes on there, and its shard is another's: it counts all the same.
    ids.length = 0;
    for (let i = 0; i < 6; i++) for (const node of others) await ask(node, 'three', 1_500);
    const ran = (pid: number): number =>
      linesOf(ledger).filter(({ type, what, ...line }) => line.pid === pid && type === 'three' && what === 'began')
        .length;
    // A place that one gives back is another's, which hears so from it and not only when it asks next.
    let told = 0;
    for (const { api } of others) {
      const { text } = await api.absolute('GET', '/metrics');
      const counted = /^escapement_http_requests_total\{route="[^"]*\/peers\/places\/freed",.*status="200"\} (\d+)$/m;
      told += Number(counted.exec(text)?.[1] ?? 0);
    }
    t.ok(told > 0, `nodes have told each other ${told} times of places that are free`);
    const before = ran(third.pid);
    await eventually(() => ran(third.pid) > before, 'the third node runs one of them', 60_000);
    t.equal(await third.end(), 0);
    for (const id of ids) await eventually(() => hasRun(id), `job ${id} has run`, 90_000);
    const lines = linesOf(ledger);
    t.equal(
      mostAtOnce(lines, ({ type }) => type === 'three'),
      3,
      'as many as may, and never more',
    );
    for (const group of groups)
      t.equal(
        mostAtOnce(lines, (line) => line.type === 'grouped' && line.group === group),
        1,
      );
    t.ok(
      new Set(lines.filter(({ type }) => type === 'three').map((line) => line.pid)).size > 1,
      'several nodes ran some',
    );
    const starts = lines.filter(({ type, what }) => type === 'rated' && what === 'began').map(({ at }) => at);
    starts.sort((a, b) => a - b);
    const crowded = starts.filter((at, index) => at - (starts[index - 5] ?? Number.NEGATIVE_INFINITY) < 1_000);
    t.same(crowded, [], 'no more starts in a second than the rate');
  },
);
