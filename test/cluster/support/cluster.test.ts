/** PostgreSQL behind the networks of nodes: each is cut off alone, and all when it crashes. */
import pg from 'pg';
import t from 'tap';
import { withoutPostgres } from '../../support/postgres.js';
import { asNode, startCluster } from './cluster.js';
import type { ClusterNode } from './nodes.js';

t.setTimeout(120_000);

/** The arguments that its server would be started with lead to the database. */
async function ask(url: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query('SELECT current_database() AS name')).rows;
  } finally {
    await client.end().catch(() => {});
  }
}

t.test('nodes reach one database, until their way to it is cut or it is gone', { skip: withoutPostgres }, async (t) => {
  const commands: string[][] = [];
  const { postgres, nodes } = await startCluster(t, {
    count: 2,
    args: (place) => {
      commands.push(asNode(place));
      return [];
    },
  });
  const urls = commands.map(([, url]) => url!);
  t.same(
    commands,
    nodes.map(({ port }, i) => ['--store', urls[i], '--advertise', `http://127.0.0.1:${port}`]),
  );
  const [one, two] = nodes as [ClusterNode, ClusterNode];
  for (const url of urls) t.same(await ask(url), [{ name: 'test_1' }]);
  one.database?.cut('break');
  await t.rejects(ask(urls[0]!));
  t.same(await ask(urls[1]!), [{ name: 'test_1' }], 'the other is not cut off');
  one.database?.mend();
  t.same(await ask(urls[0]!), [{ name: 'test_1' }]);
  t.ok(two.database && two.database.accepted >= 2);
  await postgres.stop('immediate');
  for (const url of urls) await t.rejects(ask(url));
  await postgres.start();
  for (const url of urls) t.same(await ask(url), [{ name: 'test_1' }]);
});

t.test('a node without a database is none of a cluster', async (t) => {
  t.throws(() => asNode({ index: 0, advertise: 'http://127.0.0.1:1', database: undefined }), /needs a database/);
});
