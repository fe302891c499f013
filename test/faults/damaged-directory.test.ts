/**
 * F6, F7 and F30: a data directory that is not whole, or not ours. The start is refused in one line that names the file
 * and says what to do, and nothing is changed: what is there may be all that is left.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { each, needs } from '../support/faults.js';
import { runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(240_000);

/** A directory with some hundred jobs, closed in order or not. */
async function directory(clean: boolean): Promise<string> {
  const server = await startServer();
  const api = new Client(server);
  await each(
    Array.from({ length: 300 }, (_, n) => n),
    async (n) => {
      await api.create({ name: 'noop', delay: n % 3 === 0 ? '0s' : '1h', payload: { n, text: 'x'.repeat(500) } });
    },
  );
  if (clean) await server.stop();
  else await server.kill();
  return server.dataDir;
}

const whole = { closed: await directory(true), killed: await directory(false) };

function copyOf(folder: string): string {
  const copy = join(temporary('damaged'), 'store');
  cpSync(folder, copy, { recursive: true });
  return copy;
}

/** What stands in a directory, but for the note of who uses it. */
function fingerprint(folder: string): Record<string, string> {
  const files = readdirSync(folder)
    .filter((name) => !/lock|owner|\.new$/.test(name))
    .sort();
  const digest = (name: string) =>
    createHash('sha256')
      .update(readFileSync(join(folder, name)))
      .digest('hex');
  return Object.fromEntries(files.map((name) => [name, digest(name)]));
}

function zero(file: string, from: number, bytes: number): void {
  const fd = openSync(file, 'r+');
  writeSync(fd, Buffer.alloc(bytes), 0, bytes, from);
  closeSync(fd);
}

const pageBytes = 4096;
const sizeOf = (folder: string) => statSync(join(folder, 'data.mdb')).size;

interface Damage {
  readonly what: string;
  readonly break: (file: string, size: number) => void;
}

const damages: Damage[] = [
  { what: 'empty', break: (file) => truncateSync(file, 0) },
  { what: 'cut to one byte', break: (file) => truncateSync(file, 1) },
  { what: 'cut to its first page', break: (file) => truncateSync(file, pageBytes) },
  { what: 'cut to its header', break: (file) => truncateSync(file, 2 * pageBytes) },
  { what: 'cut to a half', break: (file, size) => truncateSync(file, Math.floor(size / 2 / pageBytes) * pageBytes) },
  {
    what: 'cut within a page',
    break: (file, size) => truncateSync(file, Math.floor(size / 2 / pageBytes) * pageBytes + 100),
  },
  { what: 'zeroed', break: (file, size) => zero(file, 0, size) },
  { what: 'with its first page zeroed', break: (file) => zero(file, 0, pageBytes) },
  { what: 'with its second page zeroed', break: (file) => zero(file, pageBytes, pageBytes) },
  { what: 'with all behind its header zeroed', break: (file, size) => zero(file, 2 * pageBytes, size - 2 * pageBytes) },
  { what: 'of something else', break: (file) => writeFileSync(file, 'SQLite format 3\0'.repeat(4096)) },
];

function start(dataDir: string): ReturnType<typeof runCli> {
  return runCli(['start', '--port', '0', '--data-dir', dataDir, '--handlers', 'test/support/handlers']);
}

t.test('F6: a data file that is truncated or zeroed', async (t) => {
  const all = damages.flatMap((damage) => Object.entries(whole).map(([left, folder]) => ({ ...damage, left, folder })));
  await each(
    all,
    async ({ what, break: harm, left, folder }) => {
      const dataDir = copyOf(folder);
      harm(join(dataDir, 'data.mdb'), sizeOf(folder));
      const before = fingerprint(dataDir);
      const { code, signal, stderr, output } = await start(dataDir);
      const title = `${what}, ${left}`;
      t.same({ code, signal }, { code: 1, signal: null }, `${title}: refused`);
      // LMDB writes a line of its own before it, for damage that it meets itself.
      t.match(stderr, /(^|\n)escapement: [^\n]+\n$/, `${title}: in one line`);
      t.ok(stderr.includes(join(dataDir, 'data.mdb')), `${title}: names the file: ${output}`);
      t.match(stderr, /restore|backup|another directory/, `${title}: says what to do`);
      t.same(fingerprint(dataDir), before, `${title}: nothing was changed`);
    },
    2,
  );
});

t.test('a file that lost less than was used of it is refused, one that lost nothing starts', async (t) => {
  const dataDir = copyOf(whole.killed);
  // The file may be longer than what is used of it. Each of LMDB's two headers has the number of the last page.
  const file = readFileSync(join(dataDir, 'data.mdb'));
  const lastPage = Math.max(...[0, pageBytes].map((at) => Number(file.readBigUInt64LE(at + 144))));
  truncateSync(join(dataDir, 'data.mdb'), lastPage * pageBytes);
  const { code, signal } = await start(dataDir);
  t.same({ code, signal }, { code: 1, signal: null });
  const server = await startServer({ dataDir: copyOf(whole.killed) });
  t.equal((await new Client(server).list('?limit=1')).total, 300, 'the fixture itself is whole');
});

t.test('F7: the data file is gone', async (t) => {
  for (const [left, folder] of Object.entries(whole)) {
    const dataDir = copyOf(folder);
    rmSync(join(dataDir, 'data.mdb'));
    const { code, stderr } = await start(dataDir);
    t.equal(code, 1, left);
    t.match(stderr, /^escapement: [^\n]*data\.mdb is gone[^\n]*(restore|backup)[^\n]*\n$/);
    t.notOk(readdirSync(dataDir).includes('data.mdb'), 'no empty one is made');
    // Also the second time, and without the note of its last owner.
    rmSync(join(dataDir, 'owner.json'), { force: true });
    t.equal((await start(dataDir)).code, 1, `${left}: without owner.json`);
    t.notOk(readdirSync(dataDir).includes('data.mdb'));
  }
});

t.test('F7: the journal is gone, cut off, emptied or zeroed', async (t) => {
  const journal = (dataDir: string) => join(dataDir, 'journal');
  const harms: [what: string, harm: (dataDir: string) => void][] = [
    ['gone', (dataDir) => rmSync(journal(dataDir))],
    ['emptied', (dataDir) => truncateSync(journal(dataDir), 0)],
    ['cut off', (dataDir) => truncateSync(journal(dataDir), statSync(journal(dataDir)).size - 1)],
    ['zeroed', (dataDir) => zero(journal(dataDir), 0, statSync(journal(dataDir)).size)],
  ];
  for (const [left, folder] of Object.entries(whole)) {
    for (const [what, harm] of harms) {
      const dataDir = copyOf(folder);
      harm(dataDir);
      const before = fingerprint(dataDir);
      const { code, stderr } = await start(dataDir);
      t.equal(code, 1, `${what}, ${left}`);
      t.match(stderr, /^escapement: [^\n]*\/journal is (gone|damaged)[^\n]*(restore|backup)[^\n]*\n$/, what);
      t.same(fingerprint(dataDir), before, `${what}, ${left}: nothing was changed`);
    }
  }
});

t.test('F4: no room to write the journal ahead', needs('prlimit'), async (t) => {
  const dataDir = join(temporary('small'), 'store');
  const start = ['dist/src/cli.js', 'start', '--port', '0', '--data-dir', dataDir, '--handlers', 'dist/workers'];
  const { status, stderr } = spawnSync('prlimit', ['--fsize=1048576', process.execPath, ...start], {
    encoding: 'utf8',
  });
  t.equal(status, 1);
  t.match(stderr, /^escapement: the data directory [^\n]* cannot be used: [^\n]*\n$/);
  const server = await startServer({ dataDir });
  await new Client(server).create({ name: 'noop', delay: '1h' });
  t.equal(await server.stop(), 0, 'the next start has room');
});

t.test('F7: a first start that is killed, at whatever moment, spoils nothing', async (t) => {
  const moments = Array.from({ length: 12 }, (_, n) => n * 45);
  await each(
    moments,
    async (ms) => {
      const dataDir = join(temporary('first'), 'store');
      const args = ['dist/src/cli.js', 'start', '--port', '0', '--data-dir', dataDir, '--handlers', 'dist/workers'];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'ignore'] });
      const over = new Promise((done) => child.once('close', done));
      await new Promise<void>((done) =>
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          if (text.includes('opening the store')) done();
        }),
      );
      await new Promise((done) => setTimeout(done, ms));
      child.kill('SIGKILL');
      await over;
      const server = await startServer({ dataDir });
      await new Client(server).create({ name: 'noop', delay: '1h' });
      t.equal(await server.stop(), 0, `${ms} ms after it began to open the store`);
    },
    2,
  );
});

t.test('F7: the marker is gone, or cannot be read', async (t) => {
  const marker = (dataDir: string) => join(dataDir, 'escapement.json');
  const cases: [what: string, harm: (dataDir: string) => void][] = [
    ['gone', (dataDir) => rmSync(marker(dataDir))],
    ['empty', (dataDir) => truncateSync(marker(dataDir), 0)],
    ['cut', (dataDir) => truncateSync(marker(dataDir), 20)],
    ['other JSON', (dataDir) => writeFileSync(marker(dataDir), '{"name":"x"}')],
    ['null', (dataDir) => writeFileSync(marker(dataDir), 'null')],
  ];
  for (const [what, harm] of cases) {
    const dataDir = copyOf(whole.closed);
    harm(dataDir);
    const before = fingerprint(dataDir);
    const { code, stderr } = await start(dataDir);
    t.equal(code, 1, what);
    t.match(stderr, /^escapement: [^\n]*escapement\.json[^\n]*\n$/, what);
    t.match(stderr, /restore|backup|another directory/, what);
    t.same(fingerprint(dataDir), before, `${what}: nothing was changed`);
  }
});

t.test('F30: a directory written by a newer schema', async (t) => {
  const dataDir = copyOf(whole.closed);
  const marker = join(dataDir, 'escapement.json');
  const facts = JSON.parse(readFileSync(marker, 'utf8')) as { schema: number };
  writeFileSync(marker, JSON.stringify({ ...facts, schema: facts.schema + 1 }));
  const before = fingerprint(dataDir);
  const { code, stderr } = await start(dataDir);
  t.equal(code, 1);
  t.match(stderr, /^escapement: [^\n]*newer[^\n]*\n$/);
  t.same(fingerprint(dataDir), before, 'nothing was changed');
  writeFileSync(marker, JSON.stringify(facts));
  const server = await startServer({ dataDir });
  t.equal((await new Client(server).list('?limit=1')).total, 300, 'the right version opens it');
});
