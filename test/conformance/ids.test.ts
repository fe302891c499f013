/** Ids: each data directory has its own, and keeps them over restarts, backups and restores. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { schemaVersion } from '../../src/store/format/layout.js';
import { LmdbKv } from '../../src/store/kv/kv-lmdb.js';
import { Client, type Job } from '../support/client.js';
import { runCli, type Server, startServer, temporary } from '../support/server.js';
import { onlyOne } from '../support/shards.js';
import { never } from './forms.js';

t.setTimeout(120_000);

const suffix = ({ id }: Job): string => id.slice(-8);
const make = async (api: Client, count: number): Promise<Job[]> => {
  const jobs: Job[] = [];
  for (let n = 0; n < count; n++) jobs.push(await api.create({ name: 'noop', delay: never }));
  return jobs;
};
const marker = (server: Server): Record<string, unknown> =>
  JSON.parse(readFileSync(join(server.dataDir, 'escapement.json'), 'utf8')) as Record<string, unknown>;

/** A directory as version 1.0.0 makes it at its first start. */
function directoryOfOld(): string {
  const dataDir = join(temporary(), 'data');
  mkdirSync(dataDir);
  const facts = {
    schema: 1,
    identity: '5d3cbb0c-7a6f-4c39-9f6e-0c9b0d8f8f11',
    createdAt: 1_767_225_600_000,
    unused: true,
  };
  writeFileSync(join(dataDir, 'escapement.json'), `${JSON.stringify(facts, undefined, 2)}\n`);
  return dataDir;
}

t.test('two new directories give out other ids', async (t) => {
  const servers = [await startServer(), await startServer()];
  const [ours, theirs] = await Promise.all(
    servers.map(async (server) => (await make(new Client(server), 20)).map(suffix)),
  );
  t.equal(new Set([...ours!, ...theirs!]).size, 40);
  t.notOk(ours!.includes('688990c0'), 'nor those of old directories');
});

t.test(
  'a directory of version 1.0.0 keeps its ids',
  onlyOne('directories from before there were shards'),
  async (t) => {
    const server = await startServer({ dataDir: directoryOfOld() });
    const api = new Client(server);
    const jobs = await make(api, 4);
    t.same(jobs.map(suffix), ['688990c0', 'd1132181', ...jobs.slice(2).map(suffix)], 'the ids that version gave out');
    await server.restart();
    const again = new Client(server);
    for (const { id, trigger_at } of jobs) t.match(await again.job(id), { id, trigger_at });
    t.match(marker(server), { schema: schemaVersion, unused: false });
    t.notOk('idKey' in marker(server));
  },
);

t.test(
  'ids stay over a kill, a backup and a restore, and the check names jobs by them',
  onlyOne('backups'),
  async (t) => {
    const server = await startServer();
    const jobs = await make(new Client(server), 10);
    const keyed = await new Client(server, { 'idempotency-key': 'k-1' }).post<Job>('/jobs', {
      name: 'noop',
      delay: never,
    });
    const all = [...jobs, keyed.body];
    const ids = async (of: Server): Promise<string[]> => {
      const { items } = await new Client(of).list('?limit=100');
      return items.map(({ id }) => id).sort();
    };
    const expected = all.map(({ id }) => id).sort();
    await server.kill();
    await server.restart();
    t.same(await ids(server), expected);

    const backup = join(temporary('backup'), 'first');
    t.equal((await runCli(['backup', backup, '--url', server.url])).code, 0);
    const dataDir = join(temporary(), 'restored');
    t.equal((await runCli(['restore', backup, '--data-dir', dataDir])).code, 0);
    const restored = await startServer({ dataDir });
    t.same(await ids(restored), expected);
    for (const { id } of all) t.equal((await new Client(restored).job(id)).id, id);
    t.equal(marker(restored).idKey, marker(server).idKey);
    t.not(marker(restored).identity, marker(server).identity);
    const more = await make(new Client(restored), 1);
    t.notOk(expected.includes(more[0]!.id));

    t.equal(await restored.stop(), 0);
    t.equal((await runCli(['check', dataDir])).code, 0);
    const kv = new LmdbKv(dataDir);
    kv.transact((tx) => {
      for (const key of [...tx.keys('keys', {})]) tx.remove('keys', key);
    });
    await kv.close();
    const check = await runCli(['check', dataDir]);
    t.equal(check.code, 1);
    t.match(check.stdout + check.stderr, `the idempotency key of ${keyed.body.id} is forgotten`);
  },
);
