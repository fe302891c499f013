/** The client of the package over several nodes behind nginx, set up as docs/cluster.md shows, while one of them is killed. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Escapement } from '../../src/client/client.js';
import { eventually } from '../support/client.js';
import { fileIn, programs, replaced } from '../support/documents.js';
import { freePort } from '../support/network.js';
import { withoutPostgres } from '../support/postgres.js';
import { nginxFile, runProxy } from '../support/proxies.js';
import { temporary } from '../support/server.js';
import { asNode, startCluster } from './support/cluster.js';
import { isWell } from './support/looks.js';

t.setTimeout(180_000);

const skip = withoutPostgres || programs({ nginx: 'nginx-light' });
const names = ['node-1.internal:8080', 'node-2.internal:8080', 'node-3.internal:8080'];

t.test('clients notice nothing of a node that dies', typeof skip === 'object' ? skip : { skip }, async (t) => {
  const { nodes } = await startCluster(t, {
    ...{ count: 3, settings: ['fsync=off'] },
    args: (place) => [...asNode(place), '--settle', '500ms'],
  });
  await eventually(() => isWell(nodes[0]!), 'all shards are run', 30_000);
  const folder = temporary('nginx');
  const port = await freePort();
  const addresses = Object.fromEntries(names.map((name, at) => [name, `127.0.0.1:${nodes[at]!.port}`]));
  const upstream = replaced(fileIn('cluster.md', 'escapement-nodes.conf'), addresses);
  const site = replaced(fileIn('operate.md', 'escapement.conf'), { 'listen 443 ssl;': `listen 127.0.0.1:${port};` })
    .replace(/^ *ssl_.*$/gm, '')
    .replace(/^upstream escapement \{.*?^\}$/ms, () => upstream);
  t.match(site, addresses[names[0]!]);
  const conf = join(folder, 'nginx.conf');
  writeFileSync(conf, nginxFile(folder, site));
  const checked = spawnSync('nginx', ['-t', '-e', 'stderr', '-p', folder, '-c', conf], { encoding: 'utf8' });
  t.equal(checked.status, 0, checked.stderr);
  await runProxy(t, port, 'nginx', ['-e', 'stderr', '-p', folder, '-c', conf]);

  const client = new Escapement({ url: `http://127.0.0.1:${port}`, retryFor: 60_000 });
  const completed = new Set<string>();
  const over = new AbortController();
  let subscribed = (): void => {};
  const connected = new Promise<void>((resolve) => {
    subscribed = resolve;
  });
  const listening = (async () => {
    const filter = { event_types: ['job.completed'] as const };
    for await (const event of client.events(filter, { signal: over.signal, onSubscribed: () => subscribed() }))
      if (event.type === 'job.completed') completed.add(event.job_id);
  })();
  await connected;
  const ids: string[] = [];
  const make = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++)
      ids.push((await client.jobs.create({ name: 'echo', delay: '0s', payload: { n } })).id);
  };
  await make(20);
  await nodes[0]!.kill();
  await make(20);
  for (const id of ids) t.equal((await client.jobs.wait(id)).status, 'success');
  await eventually(async () => completed.size >= ids.length, 'all of it was heard', 30_000);
  t.same([...completed].sort(), [...ids].sort(), 'the same subscription goes on at another node');
  const listed: string[] = [];
  for await (const { id } of client.jobs.list()) listed.push(id);
  t.same(listed.sort(), [...ids].sort(), 'each page comes from another node');
  over.abort();
  await listening.catch(() => {});
});
