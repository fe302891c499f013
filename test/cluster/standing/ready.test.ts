/** `/health/ready` of nodes: a load balancer is not to lose all of them because of a shard that nobody runs. */
import pg from 'pg';
import t from 'tap';
import { eventually } from '../../support/client.js';
import { withoutPostgres } from '../../support/postgres.js';
import { startCluster } from '../support/cluster.js';
import { isWell } from '../support/looks.js';
import type { ClusterNode } from '../support/nodes.js';

t.setTimeout(120_000);

interface Said {
  readonly status: string;
  readonly reason?: string;
}

t.test(
  'a node takes requests while a shard has no owner, and none without a lease',
  { skip: withoutPostgres },
  async (t) => {
    const { nodes, postgres } = await startCluster(t, { count: 2, settings: ['fsync=off'] });
    const [first, second] = nodes as [ClusterNode, ClusterNode];
    const health = () => second.api.get<Said>('/health');
    const ready = () => second.api.get<Said>('/health/ready');
    await eventually(() => isWell(second), 'all shards are run', 30_000);

    await first.kill();
    // Whoever would take the shard waits for its row, and goes on without it.
    const holding = new pg.Client({ connectionString: postgres.url('test_1') });
    await holding.connect();
    await holding.query('BEGIN; SELECT FROM escapement.shard WHERE shard = 3 FOR UPDATE');
    const oneIsIdle = async (): Promise<boolean> => /^one shard has no owner/.test((await health()).body.reason ?? '');
    await eventually(oneIsIdle, 'the others are run', 30_000);
    t.equal((await health()).status, 503);
    t.match(await ready(), { status: 200, body: { status: 'ready' } });
    await holding.end();
    await eventually(() => isWell(second), 'it is run, too', 30_000);

    second.database!.cut('break');
    await eventually(async () => (await ready()).status === 503, 'the lease has ended', 30_000);
    t.match(await ready(), { body: { status: 'degraded', reason: /no lease|no new connection/ } });
    second.database!.mend();
    await eventually(async () => (await ready()).status === 200, 'it has a lease again', 30_000);
  },
);
