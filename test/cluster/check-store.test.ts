/** `escapement check --store`: a cluster whose nodes run is found whole, and what was lost in PostgreSQL is found. */
import t from 'tap';
import { type Client, eventually } from '../support/client.js';
import { startPostgres, withoutPostgres } from '../support/postgres.js';
import { runCli } from '../support/server.js';
import { asNode } from './support/cluster.js';
import { startNodes } from './support/nodes.js';

t.setTimeout(180_000);

const check = (store: string): ReturnType<typeof runCli> => runCli(['check', '--store', store]);

async function makeJobs(api: Client, from: number): Promise<void> {
  const jobs = Array.from({ length: 200 }, (_, n) => ({
    ...{ name: 'echo', delay: n % 4 === 0 ? '0s' : '2h', payload: { n } },
    ...(n % 10 === 0 && { key: `key-${from + n}` }),
  }));
  await api.post('/jobs/batch', jobs);
  await api.post('/jobs', { name: 'echo', delay: '2h', payload: {} }, { 'Idempotency-Key': `asked-${from}` });
}

t.test('a cluster is checked', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const store = await postgres.fresh();
  const name = new URL(store).pathname.slice(1);
  t.match(await check(store), {
    code: 1,
    stderr: /^escapement: PostgreSQL at .*|there is no cluster in PostgreSQL at/,
  });
  t.match(await check('postgres://127.0.0.1:0/x'), { code: 1, stderr: /has the port 0/ });

  const args = (place: Parameters<typeof asNode>[0]): string[] => [...asNode(place), '--merge-age', '100ms'];
  const [node] = await startNodes({ count: 1, database: store, args });
  const { api } = node!;
  await eventually(async () => (await api.get('/health')).status === 200, 'all shards are run', 30_000);
  for (let n = 0; n < 5; n++) await makeJobs(api, n * 1000);
  const merged = async (): Promise<boolean> => {
    const { body } = await api.get<{ shards: { merged: number }[] }>('/cluster');
    return body.shards.some((shard) => shard.merged > 0);
  };
  await eventually(merged, 'something is in the pages', 30_000);
  const whole = await check(store);
  t.match(
    whole,
    { code: 0, stdout: /^the cluster in PostgreSQL at .* is whole: 1,005 jobs .*, in 16 shards\n$/ },
    whole.output,
  );
  t.equal(await node!.end(), 0);

  const damages: [sql: string, fault: RegExp][] = [
    ["DELETE FROM claim WHERE kind = 'idempotency' AND name LIKE '%asked-0'", /1 idempotency keys are not taken/],
    [
      "UPDATE claim SET slot = slot + 1000 WHERE name LIKE '%key-10'",
      /the name "echo key-10" is taken in the cluster for job/,
    ],
    [
      "UPDATE page SET value = set_byte(value, 9, 255 - get_byte(value, 9)) WHERE (shard, tree, key) IN (SELECT shard, tree, key FROM page WHERE tree = 'states' LIMIT 1)",
      /shard \d+: .*does not match its checksum/,
    ],
    [
      'UPDATE log SET bytes = set_byte(bytes, 60, 255 - get_byte(bytes, 60)) WHERE (shard, position) IN (SELECT shard, max(position) FROM log GROUP BY shard LIMIT 1)',
      /log record \d+ does not match its checksum/,
    ],
    [
      'UPDATE log SET previous = id WHERE (shard, position) IN (SELECT shard, max(position) FROM log GROUP BY shard LIMIT 1)',
      /does not follow the one before it/,
    ],
    ['UPDATE merged SET position = position + 1 WHERE shard = 3', /shard 3: the trees hold the state after record/],
  ];
  for (const [sql, fault] of damages) {
    const copy = `copy_of_${name}`;
    await postgres.sql(`DROP DATABASE IF EXISTS ${copy}`);
    await postgres.sql(`CREATE DATABASE ${copy} TEMPLATE ${name}`);
    await postgres.sql(`SET search_path = escapement; ${sql}`, copy);
    const { code, stdout } = await check(postgres.url(copy));
    t.equal(code, 1, sql);
    t.match(stdout, fault);
    t.match(stdout, /is damaged: \d+ faults?, beside .*Restore the database from a backup\n$/);
  }
});

t.test('what is to be checked', async (t) => {
  t.match(await runCli(['check']), { code: 2, stderr: /^escapement: name a directory to be checked, or a cluster/ });
  t.match(await runCli(['check', 'here', '--store', 'postgres://x/y']), { code: 2, stderr: /not both/ });
  t.match(
    await runCli(['check', '/nowhere/at/all'], { ESCAPEMENT_STORE: 'postgres://x/y' }),
    { code: 1, stderr: /is no data directory/ },
    'the variable is for servers, too',
  );
});
