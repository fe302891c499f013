/** A dump of the database is a backup of the cluster: what is restored has all jobs, and nodes go on with it. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually } from '../support/client.js';
import { postgresProgram, startPostgres, withoutPostgres } from '../support/postgres.js';
import { runCli, temporary } from '../support/server.js';
import { isToldWhenBack, placeNow } from './support/away.js';
import { asNode } from './support/cluster.js';
import { isWhole } from './support/looks.js';
import { startNodes } from './support/nodes.js';

t.setTimeout(180_000);

const dump = postgresProgram('pg_dump');
const skip = withoutPostgres || (dump !== undefined && existsSync(dump) ? false : 'pg_dump is not installed');

t.test('pg_dump while a node runs, and a restore', { skip }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const store = await postgres.fresh();
  const start = async (database: string) => {
    const [node] = await startNodes({
      ...{ count: 1, database },
      args: (place) => [...asNode(place), '--merge-age', '100ms'],
    });
    // The dump was made while a node ran: what is restored names it as the owner until its silence is noticed.
    await eventually(() => isWhole(node!), 'all shards are run', 30_000);
    return node!;
  };
  const node = await start(store);
  const { api } = node;
  const ids: string[] = [];
  for (let n = 0; n < 40; n++)
    ids.push((await api.create({ name: 'echo', delay: n % 2 === 0 ? '0s' : '2h', payload: { n } })).id);
  for (const [n, id] of ids.entries()) if (n % 2 === 0) await api.until(id, 'success');
  const file = join(temporary('dump'), 'cluster.sql');
  execFileSync(dump as string, ['--dbname', store, '--file', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  const later = await api.create({ name: 'echo', delay: '2h', payload: {} });
  const away = await placeNow(node);
  t.equal(await node.end(), 0);

  const restored = await postgres.fresh();
  execFileSync(
    postgresProgram('psql') as string,
    ['--dbname', restored, '--quiet', '-v', 'ON_ERROR_STOP=1', '-f', file],
    {
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const checked = await runCli(['check', '--store', restored]);
  t.match(checked, { code: 0, stdout: /is whole: 40 jobs/ }, checked.output);
  const again = await start(restored);
  for (const [n, id] of ids.entries()) t.equal((await again.api.job(id)).status, n % 2 === 0 ? 'success' : 'pending');
  t.equal((await again.api.get(`/jobs/${later.id}`)).status, 404, 'what came after it is forgotten');
  const made = await again.api.create({ name: 'echo', delay: '0s', payload: {} });
  await again.api.until(made.id, 'success');
  t.match(again.server.output(), /was restored from a dump/);
  await isToldWhenBack(t, [again], away);
});
