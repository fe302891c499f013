/**
 * F4: the disk is full. New requests are refused and nothing is started, but what ran is not forgotten; reading goes on,
 * and so does everything else by itself as soon as there is room.
 */

import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client, eventually, type Job, type Problem } from '../support/client.js';
import { LedgerFile, missing, without } from '../support/faults.js';
import { mountsPossible, smallDisk } from '../support/faults-mounts.js';
import { runCli, startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';

t.setTimeout(120_000);
const possible = mountsPossible ? {} : without('file systems cannot be mounted here, not even in a namespace');

/** A file that takes all the room there is. */
class Ballast {
  readonly #file: string;

  constructor(private readonly disk: string) {
    this.#file = join(disk, 'ballast');
  }

  fill(): void {
    const file = openSync(this.#file, 'a');
    try {
      for (const size of [65_536, 4096]) {
        const bytes = Buffer.alloc(size, 1);
        try {
          // A short write is not the end yet; the error is.
          for (;;) writeSync(file, bytes);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    } finally {
      closeSync(file);
    }
    const { bavail } = statfsSync(this.disk);
    if (bavail > 0) throw new Error(`there is still room: ${bavail} blocks`);
  }

  drop(): void {
    rmSync(this.#file, { force: true });
  }
}

/**
 * Posts until the disk takes nothing more, not even the smallest record: LMDB has some free pages in its file, and what
 * is refused one moment may be small enough the next.
 */
async function postUntilRefused(api: Client, kept: string[]): Promise<Problem> {
  const lastingMs = 1500;
  let refusal: Problem | undefined;
  let since = performance.now();
  while (refusal === undefined || performance.now() - since < lastingMs) {
    const payload = { fill: 'x'.repeat(refusal === undefined ? 20_000 : 1) };
    const { status, body } = await api.post<Job | Problem>('/jobs', { name: 'noop', delay: '1h', payload });
    if (status === 201) kept.push((body as Job).id);
    else refusal = body as Problem;
    if (status === 201 || (await api.get('/health')).status === 200) since = performance.now();
  }
  return refusal;
}

t.test('F4: full, and room again', possible, async (t) => {
  const disk = smallDisk(8);
  const ballast = new Ballast(disk);
  const ledger = new LedgerFile();
  const server = await startServer({ dataDir: join(disk, 'store') });
  const api = new Client(server);
  const feed = await Subscriber.to(server);
  const kept: string[] = [];
  const done = await api.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path } });
  await api.until(done.id, 'success');
  // They end while the disk is full: one well, one not.
  const running = await api.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path, ms: 8000 } });
  const failing = await api.create({
    name: 'limited',
    delay: '0s',
    timeout: '1h',
    payload: { ms: 8000, message: 'late' },
    retry_delay: '1h',
  });
  await Promise.all([api.until(running.id, 'running'), api.until(failing.id, 'running')]);
  kept.push(done.id, running.id, failing.id);

  ballast.fill();
  const refusal = await postUntilRefused(api, kept);
  t.match(refusal, { status: 503, code: 'storage_unavailable' });
  const soon = kept.length;

  await t.test('while it is full', async (t) => {
    const again = await api.post<Problem>('/jobs', { name: 'noop', delay: '1h' });
    t.match(again, { status: 503, body: { code: 'storage_unavailable' } });
    t.ok(Number(again.headers['retry-after']) >= 1, 'Retry-After');
    t.match(await api.get('/health'), { status: 503, body: { status: 'degraded' } });
    t.equal((await api.get('/health/live')).status, 200);
    t.equal((await api.get(`/jobs/${running.id}`)).status, 200);
    t.equal((await api.list()).total, soon, 'all that was acknowledged is listed');
    t.equal((await api.delete(`/jobs/${kept.at(-1)}`)).status, 503, 'a cancellation is refused as well');
    await eventually(() => ledger.counts(running.id).ended === 1, 'the attempt did not end', 30_000);
    t.equal((await api.job(running.id)).status, 'running', 'its end is not on disk and not told');
    t.same(feed.types(running.id).includes('job.completed'), false);
  });

  ballast.drop();
  await t.test('when there is room again', async (t) => {
    await eventually(async () => (await api.get('/health')).status === 200, 'it did not recover by itself', 30_000);
    t.match(await api.until(running.id, 'success'), { retry_count: 0 });
    t.match(await api.until(failing.id, 'pending'), { retry_count: 1, last_error: { message: 'late' } });
    const late = await api.create({ name: 'ledger', delay: '0s', payload: { file: ledger.path } });
    await api.until(late.id, 'success');
    t.same(await missing(api, [...kept, late.id]), [], `all of ${kept.length + 1} acknowledged jobs are there`);
    t.same(
      [done.id, running.id, late.id].map((id) => ledger.begun(id)),
      [1, 1, 1],
      'each ran once',
    );
    const seqs = feed.events().map(({ seq }) => seq);
    t.same(
      seqs,
      seqs.map((_, i) => seqs[0]! + i),
      'the events have no gap',
    );
  });

  await t.test('after a kill and a start', async (t) => {
    await server.kill();
    await server.restart();
    t.same(await missing(api, kept), []);
    t.match(await api.job(running.id), { status: 'success' });
    await api.create({ name: 'noop', delay: '1h' });
    t.same(
      [done.id, running.id].map((id) => ledger.begun(id)),
      [1, 1],
      'what had finished did not run again',
    );
  });
});

t.test('F4: what comes due while it is full starts when there is room, once', possible, async (t) => {
  const disk = smallDisk(8);
  const ballast = new Ballast(disk);
  const ledger = new LedgerFile();
  const server = await startServer({ dataDir: join(disk, 'store') });
  const api = new Client(server);
  const due = await Promise.all(
    Array.from({ length: 8 }, () => api.create({ name: 'ledger', delay: '12s', payload: { file: ledger.path } })),
  );
  const every = await api.create({ name: 'ledger', delay: '12s', is_repeat: true, payload: { file: ledger.path } });
  const kept: string[] = [];
  ballast.fill();
  await postUntilRefused(api, kept);
  // A start that the disk did not take may have happened; none may happen once the disk is known to be full.
  const dueAt = Date.parse(due[0]!.trigger_at);
  t.ok(Date.now() < dueAt, 'the disk was full in time');
  await eventually(() => Date.now() > dueAt + 1500, 'time stands still', 30_000);
  t.same(
    due.map(({ id }) => ledger.begun(id)),
    due.map(() => 0),
    'nothing was started',
  );
  t.equal((await api.get('/health')).status, 503);

  ballast.drop();
  for (const { id } of due) t.match(await api.until(id, 'success', 30_000), { retry_count: 0 });
  t.same(
    due.map(({ id }) => ledger.begun(id)),
    due.map(() => 1),
    'each ran once',
  );
  await api.until(every.id, () => ledger.counts(every.id).ended >= 1, 30_000);
  t.same(await missing(api, kept), []);
});

t.test('F4: killed and started while it is full', possible, async (t) => {
  const disk = smallDisk(8);
  const ballast = new Ballast(disk);
  const server = await startServer({ dataDir: join(disk, 'store') });
  const api = new Client(server);
  const kept: string[] = [];
  ballast.fill();
  await postUntilRefused(api, kept);
  await server.kill();

  // It may start and say that it is degraded, or refuse in one line that names the reason; it may not lose anything.
  const started = await server.restart().then(
    () => true,
    () => false,
  );
  if (started) {
    t.same(await missing(api, kept), [], 'reading works');
    t.equal((await api.get('/health')).status, 503);
    await server.kill();
  } else {
    const args = ['start', '--port', '0', '--data-dir', server.dataDir, '--handlers', 'test/support/handlers'];
    const { code, stderr } = await runCli(args);
    t.equal(code, 1);
    t.match(stderr, /^escapement: [^\n]*(full|room|space)[^\n]*\n$/, 'one line that says what is the matter');
  }
  ballast.drop();
  await server.restart();
  t.same(await missing(api, kept), [], 'nothing is lost');
  await api.create({ name: 'noop', delay: '1h' });
});
