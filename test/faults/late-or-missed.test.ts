/** F37 and F41: what is late and what is missed, and a clock that was ahead, on the real process. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { FakeTime, LedgerFile, needs, startAt, stopFor } from '../support/faults.js';
import { startServer } from '../support/server.js';

t.setTimeout(240_000);

const hour = 3_600_000;

t.test('F37: more cron jobs of one instant than the pool holds: all run, none is missed', async (t) => {
  const server = await startServer({ args: ['--threads', '1'] });
  const api = new Client(server);
  // A second of the minute that is some seconds off, so that all are made before it comes.
  const second = (new Date(Date.now() + 5000).getSeconds() + 60) % 60;
  const body = Array.from({ length: 600 }, () => ({
    name: 'sleep',
    cron_expr: `${second} * * * * *`,
    is_repeat: true,
    misfire: 'skip',
    payload: { ms: 1200 },
  }));
  const made = await api.post<{ items: { id: string }[] }>('/jobs/batch', body);
  t.equal(made.status, 201);
  await eventually(async () => (await api.stats()).completed >= 600, 'not all have run', 120_000);
  for (let page = 0; page < 6; page++) {
    const { items } = await api.list(`?limit=100&offset=${page * 100}`);
    t.same(
      items.filter((job) => job.missed_count !== 0).map(({ id }) => id),
      [],
      'missed',
    );
  }
});

t.test('F37: a stopped process has missed what came due meanwhile', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer({ args: ['--log-level', 'debug'] });
  const api = new Client(server);
  const payload = { file: ledger.path };
  const job = await api.create({ name: 'ledger', delay: '1s', is_repeat: true, misfire: 'skip', payload });
  await eventually(() => ledger.begun(job.id) >= 2, 'it does not run');
  await stopFor(server, 5000);
  const before = ledger.begun(job.id);
  await eventually(() => ledger.begun(job.id) > before + 1, 'it does not go on');
  const { missed_count: missed, skipped_count: skipped } = await api.job(job.id);
  // If the stop caught an attempt that was running, what came due behind that is skipped.
  t.ok(missed! + skipped! >= 2, `${missed} were missed, ${skipped} skipped`);
  const slots = ledger.slots(job.id);
  t.same(slots, [...new Set(slots)]);
});

t.test('F41: a clock that is ahead for seconds, also at boot', needs('faketime'), async (t) => {
  for (const when of ['while it runs', 'when it starts'] as const) {
    const time = new FakeTime();
    const ledger = new LedgerFile();
    if (when === 'when it starts') time.shift(5 * hour);
    const server = await startAt(time);
    const api = new Client(server);
    const payload = { file: ledger.path };
    const jobs = [
      await api.create({ name: 'ledger', delay: '1s', is_repeat: true, payload }),
      await api.create({ name: 'ledger', cron_expr: '* * * * * *', is_repeat: true, misfire: 'skip', payload }),
    ];
    if (when === 'while it runs') time.shift(5 * hour);
    const begun = () => jobs.map(({ id }) => ledger.begun(id));
    await eventually(() => begun().every((count) => count >= 3), `${when}: they do not run by the clock that is ahead`);
    time.shift(-5 * hour);
    const before = begun();
    await eventually(
      () => begun().every((count, i) => count >= (before[i] as number) + 3),
      `${when}: they are silent after the clock was set back`,
      30_000,
    );
    for (const { id } of jobs) {
      const slots = ledger.slots(id);
      t.same(slots, [...new Set(slots)], `${when}: no slot runs twice`);
    }
    await server.stop();
  }
});
