/**
 * F8, where LMDB does not report a damaged page but ends the process that reads it: a process cannot say why it was
 * ended, so the next start does.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { runCli, startServer, temporary } from '../support/server.js';

t.setTimeout(240_000);

/** A small store, restored from a backup: each entry stands once in its data file. */
async function store(): Promise<string> {
  const server = await startServer();
  const api = new Client(server);
  await api.create({ name: 'noop', delay: '1h' });
  const directory = join(temporary('whole'), 'store');
  const { status, text } = await api.post('/backup', { directory });
  if (status !== 200) throw new Error(text);
  await server.kill();
  const dataDir = join(temporary('restored'), 'store');
  const restored = await runCli(['restore', directory, '--data-dir', dataDir]);
  if (restored.code !== 0) throw new Error(restored.output);
  return dataDir;
}

/** Where LMDB keeps a node's length: two halves, the upper at the second place, before flags, length of the key, key. */
const upperHalf = -6;

/** Makes the list of job types more than a gigabyte long, by its header: reading it leaves the data file. */
function stretch(directory: string): void {
  const file = join(directory, 'data.mdb');
  const bytes = readFileSync(file);
  const key = Buffer.from('types');
  const at = bytes.indexOf(key);
  if (at < 0 || bytes.indexOf(key, at + 1) >= 0 || bytes.readUInt16LE(at - 2) !== key.length)
    throw new Error('the list of job types is not where it should be');
  bytes.writeUInt16LE(0x7000, at + upperHalf);
  writeFileSync(file, bytes);
}

const start = (dataDir: string): ReturnType<typeof runCli> =>
  runCli(['start', '--port', '0', '--data-dir', dataDir, '--handlers', 'test/support/handlers']);

t.test('F8: a start that LMDB ends is explained by the next, each time', async (t) => {
  const dataDir = await store();
  stretch(dataDir);
  const first = await start(dataDir);
  t.match(first.signal, /SIGSEGV|SIGBUS|SIGABRT/, `this damage ends a process: ${first.output}`);
  t.match(first.stdout, /"msg":"opening the store"/, 'the last that it said');
  for (const again of ['second', 'third']) {
    const { code, stderr } = await start(dataDir);
    t.equal(code, 1, again);
    t.match(
      stderr,
      /^escapement: [^\n]*data\.mdb is damaged \([^\n]*ends with SIG[^\n]*restore it from a backup[^\n]*\n$/,
    );
  }
  const { code, stdout } = await runCli(['check', dataDir]);
  t.equal(code, 1);
  t.match(stdout, /data\.mdb are damaged: reading \S.* ended the check \(SIG|data\.mdb cannot be opened \(SIG/);
  t.match((await start(dataDir)).stderr, /ends with SIG/, 'the check has not taken the note away');
});

t.test('F8: heads of pages that end the server when it writes are found by the check', async (t) => {
  const dataDir = await store();
  const file = join(dataDir, 'data.mdb');
  t.equal((await runCli(['check', dataDir])).code, 0);
  const bytes = readFileSync(file);
  // Second of a head's eight bytes that name the commit that wrote the page.
  for (let page = 2 * 4096; page < bytes.length; page += 4096) bytes[page + 9] = 0xa5;
  writeFileSync(file, bytes);
  const { code, stdout } = await runCli(['check', dataDir]);
  t.equal(code, 1);
  t.match(stdout, /^the heads of \d+ pages of data\.mdb are damaged: writing to these ends the server\n/);
  t.match(stdout, /is damaged: 1 fault, beside 1 job /);
});

t.test('a start that was killed while it opened a whole store is followed by one that works', async (t) => {
  const dataDir = await store();
  const note = join(dataDir, 'owner.json');
  writeFileSync(note, JSON.stringify({ pid: 1, since: new Date().toISOString(), opening: true }));
  const server = await startServer({ dataDir });
  t.equal((await new Client(server).list()).total, 1);
  t.match(server.output(), /was not closed in order.*escapement check/);
  t.same(Object.keys(JSON.parse(readFileSync(note, 'utf8')) as object), ['pid', 'since'], 'the note is gone');
  t.equal(await server.stop(), 0);
  await server.restart();
  t.equal(server.output().split('was not closed in order').length, 2, 'after a stop in order nothing is told');
});
