/** The data directory before anything opens it: claimed by one process, and refused when it is not what it should be. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { claimDirectory, damagedDirectory } from '../../../src/store/directory/directory.js';
import { schemaVersion } from '../../../src/store/format/layout.js';
import { whyForGood } from '../../../src/store/kv/disk.js';
import { LmdbKv } from '../../../src/store/kv/kv-lmdb.js';
import { NewerRecord } from '../../../src/store/port.js';

const root = mkdtempSync(join(tmpdir(), 'escapement-directory-'));
t.teardown(() => rmSync(root, { recursive: true }));
let made = 0;
const fresh = (): string => join(root, String(++made));

const marker = 'escapement.json';
const data = 'data.mdb';

/** A directory that a server has used: claimed, filled and left. */
async function used(): Promise<string> {
  const path = fresh();
  const lock = await claimDirectory(path);
  lock.opening();
  lock.used();
  const kv = new LmdbKv(path);
  for (let i = 0; i < 20; i++) kv.transact((tx) => tx.put('meta', Buffer.from(`key ${i}`), Buffer.alloc(3000, i)));
  await kv.close();
  await lock.release();
  return path;
}

const contents = (path: string): Record<string, string> =>
  Object.fromEntries(readdirSync(path).map((name) => [name, readFileSync(join(path, name)).toString('base64')]));

/** The claim is refused with a message for the user, and nothing in the directory has changed. */
async function refused(t: Test, path: string, message: RegExp, what: string): Promise<void> {
  const before = contents(path);
  await t.rejects(claimDirectory(path), { name: 'DirectoryError', message }, what);
  t.same(contents(path), before, `${what}: untouched`);
}

t.test('a new directory is made with a marker, and is the same one at the next start', async (t) => {
  const path = join(fresh(), 'deep', 'inside');
  const first = await claimDirectory(path);
  t.equal(first.path, path);
  t.equal(first.facts.schema, schemaVersion);
  t.match(first.facts.identity, /^[0-9a-f-]{36}$/);
  t.match(first.facts.idKey, /^[0-9a-f]{24}$/);
  t.match(JSON.parse(readFileSync(join(path, marker), 'utf8')), first.facts);
  await new LmdbKv(path).close();
  first.release();
  const second = await claimDirectory(path);
  t.same(second.facts, first.facts);
  second.release();
});

t.test('a second server is refused and told of the first', async (t) => {
  const path = fresh();
  const lock = await claimDirectory(path);
  await new LmdbKv(path).close();
  await t.rejects(claimDirectory(path), {
    name: 'DirectoryError',
    message: new RegExp(`in use by another escapement \\(process ${process.pid}, started .*\\): stop it first`),
  });
  const alias = fresh();
  symlinkSync(path, alias);
  await t.rejects(claimDirectory(alias), { message: /in use/ }, 'by another path too');
  lock.release();
  const next = await claimDirectory(path);
  t.pass('it is free when the first lets go');
  next.release();
});

t.test('two directories are two locks', async (t) => {
  const locks = [await claimDirectory(fresh()), await claimDirectory(fresh())];
  t.not(locks[0]?.facts.identity, locks[1]?.facts.identity);
  t.not(locks[0]?.facts.idKey, locks[1]?.facts.idKey);
  for (const lock of locks) lock.release();
});

t.test('a claim ends with its process, however that ends', async (t) => {
  const path = await used();
  const url = new URL('../../../src/store/directory/directory.js', import.meta.url).href;
  const script = `import { claimDirectory, damagedDirectory } from ${JSON.stringify(url)}; await claimDirectory(${JSON.stringify(path)}); console.log('claimed'); setInterval(() => {}, 1e6);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  await t.rejects(claimDirectory(path), { message: new RegExp(`process ${child.pid}`) });
  child.kill('SIGKILL');
  await once(child, 'exit');
  const lock = await claimDirectory(path);
  t.pass('nothing stale is left');
  lock.release();
});

t.test('a directory of a newer schema is refused unchanged', async (t) => {
  const path = await used();
  writeFileSync(join(path, marker), JSON.stringify({ schema: schemaVersion + 1, identity: 'x', createdAt: 0 }));
  await refused(
    t,
    path,
    new RegExp(
      `written by a newer escapement \\(schema ${schemaVersion + 1}, this one knows ${schemaVersion}\\): use that`,
    ),
    'newer',
  );
});

t.test('a marker that is missing or cannot be read is refused', async (t) => {
  const path = await used();
  const keyless = '{"schema":2,"identity":"x","createdAt":0}';
  const wrongKey = '{"schema":2,"identity":"x","idKey":"x","createdAt":0}';
  for (const text of ['', '{', '[]', 'null', '{"schema":"1","identity":"x"}', '{"schema":1}', keyless, wrongKey]) {
    writeFileSync(join(path, marker), text);
    await refused(t, path, /escapement\.json cannot be read .*: restore it from a backup/, JSON.stringify(text));
  }
  rmSync(join(path, marker));
  await refused(t, path, /escapement\.json is missing beside data\.mdb/, 'missing');
});

t.test('a data file that is gone is refused: a used directory never looks empty', async (t) => {
  const path = await used();
  rmSync(join(path, data));
  await refused(t, path, /data\.mdb is gone although the directory was in use/, 'gone');
});

t.test('a data file cut off anywhere is refused', async (t) => {
  const whole = statSync(join(await used(), data)).size;
  for (const size of [0, 1, 100, 4095, 4096, 8191, 8192, 12_288, whole / 2, whole - 4096, whole - 1].map(Math.floor)) {
    const path = await used();
    truncateSync(join(path, data), size);
    await refused(
      t,
      path,
      /data\.mdb is damaged \(.*\): restore it from a backup, or use another directory/,
      `${size} of ${whole} bytes`,
    );
  }
});

t.test('a data file of zeros, or with a header of zeros, is refused', async (t) => {
  for (const [from, to] of [
    [0, Number.POSITIVE_INFINITY],
    [0, 8192],
    [0, 4096],
    [4096, 8192],
  ] as const) {
    const path = await used();
    const bytes = readFileSync(join(path, data));
    bytes.fill(0, from, Math.min(to, bytes.length));
    writeFileSync(join(path, data), bytes);
    await refused(t, path, /data\.mdb is damaged/, `zeros from ${from} to ${to}`);
  }
});

t.test('a file of something else is refused', async (t) => {
  const path = await used();
  writeFileSync(join(path, data), 'SQLite format 3\0'.repeat(10_000));
  await refused(t, path, /header is not that of a store/, 'another format');
});

t.test('a directory that was left whole opens with all that was in it', async (t) => {
  const path = await used();
  const lock = await claimDirectory(path);
  const kv = new LmdbKv(path);
  t.same(kv.get('meta', Buffer.from('key 19')), Buffer.alloc(3000, 19));
  await kv.close();
  lock.release();
});

t.test('a first start that ended before its server was ready leaves nothing behind that counts', async (t) => {
  const halfMade: [what: string, leave: (path: string) => void][] = [
    ['no data file', () => {}],
    ['an empty one', (path) => writeFileSync(join(path, data), '')],
    ['a header that is none', (path) => writeFileSync(join(path, data), Buffer.alloc(5000, 7))],
    ['zeros', (path) => writeFileSync(join(path, data), Buffer.alloc(65_536))],
  ];
  for (const [what, leave] of halfMade) {
    const path = fresh();
    const first = await claimDirectory(path);
    first.opening();
    first.release();
    leave(path);
    const lock = await claimDirectory(path);
    t.equal(lock.facts.identity, first.facts.identity, what);
    lock.opening();
    const kv = new LmdbKv(path);
    kv.transact((tx) => tx.put('meta', Buffer.from('key'), Buffer.from('value')));
    await kv.close();
    lock.used();
    lock.release();
    const next = await claimDirectory(path);
    t.notOk(next.facts.unused);
    next.release();
    rmSync(join(path, data));
    await refused(t, path, /is gone although/, `${what}, and then in use`);
  }
});

t.test('a data file that is whole is kept, whoever was ready on it', async (t) => {
  const path = fresh();
  const first = await claimDirectory(path);
  const kv = new LmdbKv(path);
  kv.transact((tx) => tx.put('meta', Buffer.from('key'), Buffer.from('value')));
  await kv.close();
  first.release();
  const lock = await claimDirectory(path);
  lock.opening();
  const again = new LmdbKv(path);
  t.equal(again.get('meta', Buffer.from('key'))?.toString(), 'value');
  await again.close();
  lock.release();
});

t.test('a path that cannot be a directory is refused in words', async (t) => {
  const file = fresh();
  writeFileSync(file, 'x');
  await t.rejects(claimDirectory(file), { name: 'DirectoryError', message: /cannot be made/ });
  await t.rejects(claimDirectory(join(file, 'below')), { name: 'DirectoryError', message: /cannot be made/ });
  mkdirSync(fresh());
});

t.test('a directory from before there were keys of ids keeps its schema and has none', async (t) => {
  const path = fresh();
  mkdirSync(path);
  const facts = { schema: 1, identity: 'of-old', createdAt: 5 };
  writeFileSync(join(path, marker), JSON.stringify({ ...facts, unused: true }));
  const lock = await claimDirectory(path);
  lock.used();
  lock.release();
  t.same(JSON.parse(readFileSync(join(path, marker), 'utf8')), { ...facts, unused: false });
});

t.test('a store with a record of a newer version is told of as that, with its directory, not as damaged', async (t) => {
  const error = new NewerRecord('log record 9', { found: 2, known: 1 });
  const told = damagedDirectory(error, '/data') as Error;
  t.equal(told.name, 'DirectoryError');
  t.equal(
    told.message,
    '/data: log record 9 was written by a newer escapement (its format is 2, this one knows up to 1): use that version',
  );
  t.equal(whyForGood(error, '/data', 0), told.message, 'nor is the disk blamed');
  const fromAnotherThread = Object.assign(new Error(error.message), { name: error.name });
  t.equal((damagedDirectory(fromAnotherThread, '/data') as Error).message, told.message);
});
