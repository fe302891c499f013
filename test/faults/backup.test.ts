/**
 * F28: backups while the server writes. Each is of one instant, has all that was acknowledged before it was asked for, is
 * found whole by the check, and makes a data directory that a server opens. And who may ask for one, where it may go, and
 * what becomes of it when the disk or the server ends in between.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually, type Job, type JobList } from '../support/client.js';
import { each, full, LedgerFile, without } from '../support/faults.js';
import { mountsPossible, smallDisk } from '../support/faults-mounts.js';
import { handlersFolder, runCli, type Server, startServer, temporary } from '../support/server.js';

t.setTimeout(240_000);

const token = 'a-token-of-these-tests';
const asUser = { authorization: `Bearer ${token}` };

/** @param secret null: none */
function backup(server: Server, target: string, secret: string | null = token): ReturnType<typeof runCli> {
  return runCli(['backup', target, '--url', server.url], secret === null ? {} : { ESCAPEMENT_TOKEN: secret });
}

const check = (directory: string): ReturnType<typeof runCli> => runCli(['check', directory]);

const oneLine = /^escapement: [^\n]+\n$/;
const target = (what: string): string => join(temporary('backup'), what);

/** All jobs that a server has, from its lists. */
async function idsOf(api: Client): Promise<Set<string>> {
  const ids = new Set<string>();
  for (let cursor: string | undefined = ''; cursor !== undefined; ) {
    const page: JobList = await api.list(`?limit=100&cursor=${cursor}`);
    for (const { id } of page.items) ids.add(id);
    cursor = page.next_cursor;
  }
  return ids;
}

/** Flips bytes in the middle of every page behind the header. */
function damage(directory: string): void {
  const file = join(directory, 'data.mdb');
  const bytes = readFileSync(file);
  for (let at = 3 * 4096 + 3000; at < bytes.length; at += 4096) bytes[at] = bytes[at]! ^ 0xff;
  writeFileSync(file, bytes);
}

t.test('F28: backups while jobs are made, changed and run', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer({ args: ['--token', token] });
  const api = new Client(server, asUser);
  /** By client, in the order of the acknowledgements: each asks for the next thing only when it has the answer. */
  const lanes: string[][] = [[], [], [], []];
  const refused: string[] = [];
  let streaming = true;
  const streams = lanes.map(async (acknowledged, lane) => {
    for (let n = 0; streaming; n++) {
      const payload = { lane, n, file: ledger.path };
      const body = { name: 'ledger', delay: n % 3 === 0 ? '1ms' : '1h', payload };
      const { status, body: job, text } = await api.post<Job>('/jobs', body);
      if (status !== 201) return void refused.push(text);
      acknowledged.push(job.id);
      if (n % 5 === 1) await api.delete(`/jobs/${job.id}`);
    }
  });

  const backups: { directory: string; before: string[][] }[] = [];
  for (let n = 1; n <= (full ? 20 : 2); n++) {
    const from = lanes[0]!.length;
    await eventually(() => lanes[0]!.length > from + 50, 'no jobs are made', 30_000);
    const directory = target(`number-${n}`);
    const before = lanes.map((lane) => [...lane]);
    const { code, stdout, output } = await backup(server, directory);
    t.equal(code, 0, output);
    t.match(stdout, new RegExp(`^backup in ${directory}: \\d+ [KM]iB, up to log record \\d+, in \\d+ ms\\n$`));
    t.equal(statSync(directory).mode & 0o077, 0, 'nobody else may read it');
    backups.push({ directory, before });
  }
  streaming = false;
  await Promise.all(streams);
  t.same(refused, [], 'the server took everything meanwhile');

  await each(
    backups,
    async ({ directory, before }) => {
      const { code, stdout, output } = await check(directory);
      t.equal(code, 0, output);
      t.match(stdout, /is whole: [\d,]+ jobs \(/);
      const dataDir = target('restored');
      const restored = await runCli(['restore', directory, '--data-dir', dataDir]);
      t.equal(restored.code, 0, restored.output);

      const next = await startServer({ dataDir });
      const there = new Client(next);
      const ids = await idsOf(there);
      const lost = before.flat().filter((id) => !ids.has(id));
      t.same(lost, [], `all of ${before.flat().length} acknowledged before are in it`);
      // Of one instant: of each client's jobs it has the first so many, and none that came after one that it lacks.
      for (const lane of lanes) {
        const count = lane.filter((id) => ids.has(id)).length;
        t.equal(lane.findLastIndex((id) => ids.has(id)) + 1, count, `the first ${count} of ${lane.length}`);
      }
      await eventually(async () => (await there.list('?status=running&limit=1')).total === 0, 'it does not work on');
      const job = await there.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path } });
      await there.until(job.id, 'success');
      t.equal(await next.stop(), 0);
      t.equal((await check(dataDir)).code, 0, 'and is whole after that');
    },
    2,
  );
});

t.test('who may ask, and where it may go', async (t) => {
  const server = await startServer({ args: ['--token', token] });
  const api = new Client(server, asUser);
  await api.create({ name: 'noop', delay: '1h' });

  for (const secret of [null, 'another']) {
    const directory = target('not-mine');
    const { code, stderr } = await backup(server, directory, secret);
    t.equal(code, 1, `with the token ${secret}`);
    t.match(stderr, oneLine);
    t.match(stderr, /token/);
    t.notOk(existsSync(directory));
  }
  const used = target('used');
  mkdirSync(used);
  writeFileSync(join(used, 'file'), 'mine');
  const places: [directory: string, reason: RegExp][] = [
    [used, /not empty/],
    [join(server.dataDir, 'backup'), /inside the data directory/],
    [join(temporary(), 'no/folder/above'), /folder above/],
    ['/proc/backup', /.+/],
  ];
  for (const [directory, reason] of places) {
    const { code, stderr } = await backup(server, directory);
    t.equal(code, 1, directory);
    t.match(stderr, oneLine);
    t.match(stderr, reason);
  }
  t.same(readdirSync(used), ['file'], 'what was there is left alone');
  t.notOk(existsSync(join(server.dataDir, 'backup')));
  const empty = temporary('empty');
  t.equal((await backup(server, empty)).code, 0, 'an empty directory will do');

  const inUse = await check(server.dataDir);
  t.equal(inUse.code, 1);
  t.match(
    inUse.stderr,
    new RegExp(`^escapement: [^\\n]*in use by[^\\n]*process ${server.pid}`),
    'the check needs it stopped',
  );
  t.equal((await runCli(['restore', empty, '--data-dir', server.dataDir])).code, 1, 'nothing is restored over a store');
  await server.stop();
  const nobody = await backup(server, target('of-nobody'));
  t.equal(nobody.code, 1);
  t.match(nobody.stderr, /^escapement: no server answers at [^\n]+\n$/);
});

t.test('a backup is no data directory: a server on it would change it', async (t) => {
  const server = await startServer();
  await new Client(server).create({ name: 'noop', delay: '1h' });
  const directory = target('kept');
  t.equal((await runCli(['backup', directory, '--url', server.url])).code, 0);
  await server.stop();
  const before = readFileSync(join(directory, 'data.mdb'));
  const { code, stderr } = await runCli([
    'start',
    '--port',
    '0',
    '--data-dir',
    directory,
    '--handlers',
    handlersFolder({}),
  ]);
  t.equal(code, 1);
  t.match(stderr, oneLine);
  t.match(stderr, `${directory} is a backup`);
  t.match(stderr, /escapement restore .* --data-dir/);
  t.ok(readFileSync(join(directory, 'data.mdb')).equals(before), 'and it is as it was');
});

t.test('a damaged backup is found out, and not restored', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  await each(
    Array.from({ length: 100 }, (_, n) => n),
    async (n) => void (await api.create({ name: 'noop', delay: '1h', payload: { n, text: 'x'.repeat(300) } })),
  );
  const directory = target('damaged');
  t.equal((await runCli(['backup', directory, '--url', server.url])).code, 0, 'a server without a token needs none');
  damage(directory);
  const before = readFileSync(join(directory, 'data.mdb'));
  const { code, stdout } = await check(directory);
  t.equal(code, 1);
  t.match(stdout, /is damaged: \d+ faults?, beside/);
  t.ok(readFileSync(join(directory, 'data.mdb')).equals(before), 'the check changes nothing');
  const dataDir = target('from-damaged');
  const restored = await runCli(['restore', directory, '--data-dir', dataDir]);
  t.equal(restored.code, 1);
  t.match(restored.stderr, /^escapement: [^\n]*is damaged and was not restored[^\n]*\n$/);
  t.notOk(existsSync(dataDir), 'nothing is left of it');

  rmSync(join(directory, 'data.mdb'));
  for (const [what, args] of [
    ['without its data', ['check', directory]],
    ['of nothing', ['check', temporary('nothing')]],
    ['of no directory', ['check', join(temporary(), 'nowhere')]],
    ['restored from nothing', ['restore', temporary('nothing'), '--data-dir', dataDir]],
  ] as const) {
    const { code: refused, stderr } = await runCli([...args]);
    t.equal(refused, 1, what);
    t.match(stderr, oneLine, what);
  }
  t.notOk(existsSync(dataDir));
});

t.test('a server that is killed while it writes a backup leaves a whole one or none', async (t) => {
  const server = await startServer();
  const api = new Client(server);
  await each(
    Array.from({ length: 400 }, (_, n) => n),
    async (n) => void (await api.create({ name: 'noop', delay: '1h', payload: { n, text: 'x'.repeat(20_000) } })),
  );
  const found = { whole: 0, none: 0 };
  for (let round = 0; round < (full ? 20 : 2); round++) {
    const directory = target('cut-short');
    const end = runCli(['backup', directory, '--url', server.url]);
    await eventually(() => existsSync(join(directory, 'data.mdb')), 'no backup is begun');
    await new Promise((done) => setTimeout(done, round * 10));
    await server.kill();
    const { code, stderr } = await end;
    if (code !== 0) t.match(stderr, oneLine);
    const whole = existsSync(join(directory, 'escapement.json'));
    found[whole ? 'whole' : 'none']++;
    const { code: checked, stderr: reason } = await check(directory);
    t.equal(checked, whole ? 0 : 1, `after ${round * 10} ms: ${JSON.stringify({ whole, code })}`);
    if (!whole) t.match(reason, /^escapement: [^\n]*escapement\.json is missing[^\n]*\n$/);
    await server.restart();
  }
  t.comment(JSON.stringify(found));
  t.equal((await api.list('?limit=1')).total, 400);
});

t.test(
  'a backup for which there is no room is refused and leaves nothing',
  mountsPossible ? {} : without('file systems cannot be mounted here, not even in a namespace'),
  async (t) => {
    const disk = smallDisk(1);
    const server = await startServer();
    const api = new Client(server);
    await each(
      Array.from({ length: 100 }, (_, n) => n),
      async (n) => void (await api.create({ name: 'noop', delay: '1h', payload: { n, text: 'x'.repeat(20_000) } })),
    );
    const { code, stderr } = await runCli(['backup', join(disk, 'backup'), '--url', server.url]);
    t.equal(code, 1);
    t.match(stderr, /^escapement: no backup was made: [^\n]*room[^\n]*Nothing is left of it\.\n$/);
    t.same(readdirSync(disk), []);
    await api.create({ name: 'noop', delay: '1h' });
    t.equal((await api.get('/health')).status, 200, 'the server itself has room');
  },
);
