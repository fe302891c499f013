/**
 * F8: bytes of the data file are overwritten while the server is down. That is noticed at the start or at the read, and
 * told; what is answered with success is what was acknowledged before.
 */
import { closeSync, cpSync, openSync, readSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually, type Job, type Stats } from '../support/client.js';
import { each, full, merged, mergesOften } from '../support/faults.js';
import { runCli, type Server, startServer, temporary } from '../support/server.js';

t.setTimeout(full ? 3_600_000 : 240_000);

const pageBytes = 4096;
const statuses = ['pending', 'success', 'failed', 'cancelled'] as const;

/**
 * An answer as text, without what changes by itself or with the store's identity; undefined where the server says that
 * something is wrong.
 */
function stable(answer: { status: number; body: unknown }): string | undefined {
  if (answer.status >= 500) return undefined;
  return JSON.stringify([answer.status, answer.body], (key, value) =>
    /^(next_run_in|uptime|next_cursor)$/.test(key) ? undefined : value,
  );
}

const queries = [
  '',
  ...statuses.map((status) => `?status=${status}`),
  '?name=fail',
  '?name=echo&status=pending',
  '?offset=100&limit=100',
];

async function ask(
  api: Client,
  ids: Iterable<string>,
  take: (what: string, answer: string | undefined) => void,
): Promise<void> {
  await each(ids, async (id) => take(id, stable(await api.get<Job>(`/jobs/${id}`))));
  await each(queries, async (query) => take(query, stable(await api.get(`/jobs${query}`))));
  const { status, body } = await api.get<Stats>('/stats');
  const { pending, running, completed, failed, cancelled } = body;
  take('stats', stable({ status, body: { pending, running, completed, failed, cancelled } }));
}

const source = await startServer({ args: mergesOften });
const before = new Client(source);
const ids: string[] = [];

/** Jobs of every kind, none of which has anything to do any more. */
async function makeJobs(count: number): Promise<void> {
  await each(
    Array.from({ length: count }, (_, n) => n),
    async (n) => {
      const payload = { n, message: `no ${n}`, text: 'text '.repeat(n % 50) };
      const kind = n % 6;
      const body = [
        { name: 'echo', delay: '0s', payload },
        { name: 'fail', delay: '0s', payload, max_retries: 0 },
        { name: 'echo', delay: '100h', payload },
        { name: 'noop', cron_expr: '0 0 3 1 1 *', timezone: 'Europe/Berlin', is_repeat: true, payload },
        { name: 'noop', delay: '50h', is_repeat: true, payload },
        { name: 'fail', delay: '200h', payload },
      ][kind]!;
      const { id } = await before.create(body);
      ids.push(id);
      if (kind === 5) await before.delete(`/jobs/${id}`);
    },
  );
  await eventually(
    async () => {
      const { pending, heap_size: all } = await before.stats();
      return pending === all && pending === ids.length / 2;
    },
    'the jobs did not come to rest',
    30_000,
  );
}

// So many that the trees have several pages; then a merge; then some that are in the log only.
await makeJobs(full ? 600 : 240);
await merged(source, before);
await source.restart(['--merge-age', '1h']);
await makeJobs(36);
// A restored backup has hardly a page that is not in use: there is little damage without consequence.
const backup = join(temporary('backup'), 'store');
const whole = join(temporary('whole'), 'store');
const backedUp = await before.post('/backup', { directory: backup });
if (backedUp.status !== 200) throw new Error(backedUp.text);
const restored = await runCli(['restore', backup, '--data-dir', whole]);
if (restored.code !== 0) throw new Error(restored.output);
const answers = new Map<string, string>();
await ask(before, ids, (what, answer) => answers.set(what, answer!));
await source.kill();
const size = statSync(join(whole, 'data.mdb')).size;

// A fixed sequence, so that a failure can be repeated.
let seed = 7;
function random(below: number): number {
  seed = (seed * 48_271) % 0x7fff_ffff;
  return seed % below;
}

interface Damage {
  readonly at: number;
  readonly bytes: number;
}

/** In a page: somewhere; in what LMDB keeps at its head; in its last third, where the first entries stand; all of it. */
function damageIn(page: number, kind: number): Damage {
  const start = page * pageBytes;
  switch (kind % 4) {
    case 0:
      return { at: start + random(pageBytes), bytes: 1 };
    case 1:
      return { at: start + random(64), bytes: 2 };
    case 2:
      return { at: start + 2700 + random(1300), bytes: 16 };
    default:
      return { at: start, bytes: pageBytes };
  }
}

function flip(file: string, { at, bytes }: Damage): void {
  const fd = openSync(file, 'r+');
  const piece = Buffer.alloc(bytes);
  readSync(fd, piece, 0, bytes, at);
  for (let i = 0; i < bytes; i++) piece[i] = piece[i]! ^ 0xa5;
  writeSync(fd, piece, 0, bytes, at);
  closeSync(fd);
}

/**
 * `refused`: the start says why. `reported`: what needs the damaged record is refused, and the log says why. `ended`: LMDB
 * ended the process; the next start, or the check, says why. `harmless`: everything is answered as before.
 */
const outcomes = { refused: 0, reported: 0, ended: 0, harmless: 0 };
type Outcome = keyof typeof outcomes;

const signals = /SIGABRT|SIGSEGV|SIGBUS/;

/** What became of one damage; what is wrong about that goes to `wrong`. */
async function tryDamage(damage: Damage, wrong: (what: string) => void): Promise<Outcome> {
  const dataDir = join(temporary('flipped'), 'store');
  cpSync(whole, dataDir, { recursive: true });
  flip(join(dataDir, 'data.mdb'), damage);
  let server: Server;
  try {
    server = await startServer({ dataDir });
  } catch (error) {
    const byLmdb = signals.test(String(error).split('\n')[0]!);
    const text = byLmdb ? (await start(dataDir)).stderr : String(error);
    if (!/^escapement: .*data\.mdb is damaged \(.*restore it/m.test(text)) wrong(`no reason: ${text.slice(-400)}`);
    return byLmdb ? 'ended' : 'refused';
  }
  try {
    const answered = await compare(new Client(server), wrong);
    if (answered) return 'harmless';
    if (!/is damaged/.test(server.output())) wrong('errors, and nothing in the log');
    return 'reported';
  } catch (error) {
    const { code, signal } = await Promise.race([server.exited, within(2000, { code: -1, signal: null })]);
    if (code === 1) {
      if (!/must stop/.test(server.output()) || !/is damaged/.test(server.output())) wrong('it ended without a reason');
      return 'reported';
    }
    if (!signals.test(String(signal))) wrong(`${String(error)}; ${code} ${signal}: ${server.output().slice(-400)}`);
    const { code: found, stdout } = await runCli(['check', dataDir]);
    if (found !== 1 || !/damaged/.test(stdout)) wrong(`the check sees nothing: ${stdout.slice(-400)}`);
    return 'ended';
  } finally {
    await server.kill();
  }
}

/** Asks for everything; false when some of it was refused as damaged. */
async function compare(api: Client, wrong: (what: string) => void): Promise<boolean> {
  let errors = 0;
  await ask(api, ids, (what, answer) => {
    if (answer === undefined) errors++;
    else if (answer !== answers.get(what))
      wrong(`${what} answered ${answer.slice(0, 200)} instead of ${answers.get(what)!.slice(0, 200)}`);
  });
  return errors === 0;
}

function start(dataDir: string): ReturnType<typeof runCli> {
  return runCli(['start', '--port', '0', '--data-dir', dataDir, '--handlers', 'test/support/handlers']);
}

function within<T>(ms: number, value: T): Promise<T> {
  return new Promise((done) => setTimeout(done, ms, value));
}

t.test('F8: overwritten bytes are noticed, never answered as if whole', async (t) => {
  const pages = Math.floor(size / pageBytes);
  const count = full ? pages * 4 : 16;
  // Where there is time for a few only, those that seldom go without consequences: not a single byte somewhere.
  const damages = Array.from({ length: count }, (_, n) =>
    full ? damageIn(n >> 2, n) : damageIn(Math.floor((n * pages) / count), 1 + (n % 3)),
  );
  const wrong: string[] = [];
  await each(
    damages,
    async (damage) => {
      const title = `${damage.bytes} bytes at ${damage.at} (page ${Math.floor(damage.at / pageBytes)})`;
      outcomes[await tryDamage(damage, (what) => wrong.push(`${title}: ${what}`))]++;
    },
    2,
  );
  t.same(wrong, [], 'no wrong answer, and no end that does not tell why');
  t.ok(
    outcomes.refused > 0 && outcomes.reported > 0,
    `${count} damages in ${pages} pages: ${JSON.stringify(outcomes)}`,
  );
});
