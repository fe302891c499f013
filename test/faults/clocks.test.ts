/** F18 to F20: time that stands still, jumps, or is far away. The wall clock is libfaketime's. */
import t from 'tap';
import { TimerWaker } from '../../src/timer/waker.js';
import { Client, eventually } from '../support/client.js';
import { FakeTime, LedgerFile, needs, startAt, stopFor } from '../support/faults.js';
import { startServer } from '../support/server.js';

t.setTimeout(180_000);

const hour = 3_600_000;

t.test('F18: stopped for five seconds: what is overdue runs once', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer({ args: ['--log-level', 'debug'] });
  const api = new Client(server);
  const payload = { file: ledger.path };
  const [before, during, after] = await Promise.all(
    ['0s', '3s', '8s'].map((delay) =>
      Promise.all(Array.from({ length: 20 }, () => api.create({ name: 'ledger', delay, payload }))),
    ),
  );
  const every = await api.create({ name: 'ledger', delay: '500ms', is_repeat: true, payload });
  const running = await api.create({ name: 'ledger', delay: '0s', timeout: '1h', payload: { ...payload, ms: 3000 } });
  await eventually(() => ledger.begun(every.id) >= 1 && ledger.begun(running.id) === 1, 'it did not begin');
  const dueAt = Date.parse(during![0]!.trigger_at);
  const missedBefore = ledger.begun(every.id);
  await stopFor(server, 5000);
  t.ok(Date.now() > dueAt, 'some came due meanwhile');
  for (const { id } of [...before!, ...during!, ...after!, running])
    t.match(await api.until(id, 'success', 30_000), { retry_count: 0 });
  const all = [...before!, ...during!, ...after!, running].map(({ id }) => ledger.begun(id));
  t.same(
    all,
    all.map(() => 1),
    'each ran once',
  );
  const repeated = await api.job(every.id);
  // If the stop caught an attempt that was running, what came due behind that is skipped.
  const lost = repeated.missed_count! + repeated.skipped_count!;
  t.ok(lost >= 7 && lost <= 11, `${repeated.missed_count} were missed, ${repeated.skipped_count} skipped`);
  await eventually(() => ledger.begun(every.id) > missedBefore + 2, 'the repeating job does not go on');
  const slots = ledger.slots(every.id);
  t.same(slots, [...new Set(slots)], 'and no occurrence runs twice');
  t.equal((await api.get('/health')).status, 200);
});

t.test('F19: the wall clock is set on and back by an hour', needs('faketime'), async (t) => {
  const time = new FakeTime();
  const ledger = new LedgerFile();
  const server = await startAt(time);
  const api = new Client(server);
  const payload = { file: ledger.path };
  const soon = await api.create({ name: 'ledger', delay: '30m', payload });
  const later = await api.create({ name: 'ledger', delay: '90m', payload });
  const cron = { name: 'ledger', cron_expr: '0 */10 * * * *', timezone: 'UTC', is_repeat: true, payload };
  const repeating = [
    await api.create({ ...cron, misfire: 'skip' }),
    await api.create({ ...cron, misfire: 'run_once' }),
  ];
  const patient = await api.create({ name: 'ledger', delay: '0s', timeout: '20m', payload: { ...payload, ms: 4000 } });
  const hasty = await api.create({
    name: 'stubborn',
    delay: '0s',
    timeout: '3s',
    max_retries: 0,
    payload: { ms: 60_000 },
  });
  await Promise.all([api.until(patient.id, 'running'), api.until(hasty.id, 'running')]);

  const begun = performance.now();
  time.shift(hour);
  t.match(await api.until(soon.id, 'success'), { retry_count: 0 }, 'what is due by the new time runs');
  time.shift(-hour);
  // A job that is due soon by the time that is now: the waker must not sleep for an hour.
  const next = await api.create({ name: 'ledger', delay: '2s', payload });
  await api.until(next.id, 'success', 20_000);
  t.equal(ledger.begun(soon.id), 1, 'it does not run again when its time comes a second time');
  t.match(await api.until(patient.id, 'success', 20_000), { retry_count: 0 }, 'the timeout did not come an hour early');
  t.match(await api.until(hasty.id, 'failed', 30_000), { last_error: { code: 'timeout' } }, 'nor an hour late');
  const took = performance.now() - begun;
  t.ok(took < 40_000, `all in ${(took / 1000).toFixed()} s`);
  t.equal((await api.job(later.id)).status, 'pending', 'what is due later still waits');

  time.shift(-hour);
  const early = await api.create({ name: 'ledger', delay: '1s', payload });
  await api.until(early.id, 'success', 20_000);
  t.equal((await api.job(later.id)).status, 'pending');
  time.shift(2 * hour);
  time.shift(hour);
  t.match(await api.until(later.id, 'success', 20_000), { retry_count: 0 });
  t.same(
    [soon, later, next, early, patient].map(({ id }) => ledger.begun(id)),
    [1, 1, 1, 1, 1],
    'each ran once',
  );
  for (const { id, misfire } of repeating) {
    const slots = ledger.slots(id);
    t.same(slots, [...new Set(slots)].sort(), `${misfire}: no slot runs twice, however often the clock passes it`);
    t.ok(misfire === 'skip' || slots.length >= 2, `${misfire}: it ran after each hour that was passed`);
  }
});

t.test('F20: a delay past 2^31-1 ms is not early', needs('faketime'), async (t) => {
  const time = new FakeTime();
  const ledger = new LedgerFile();
  const server = await startAt(time);
  const api = new Client(server);
  const delayMs = 2 ** 31 + 5000;
  const { id, trigger_at: due } = await api.create({
    name: 'ledger',
    delay: `${delayMs}ms`,
    payload: { file: ledger.path },
  });
  const years = await api.create({ name: 'ledger', delay: '3650d', payload: { file: ledger.path } });
  const near = await api.create({ name: 'ledger', delay: '1s', payload: { file: ledger.path } });
  await api.until(near.id, 'success');
  t.equal(ledger.begun(id), 0, 'not at once');
  time.set(Date.parse(due) - 2000);
  const pause = await api.create({ name: 'ledger', delay: '500ms', payload: { file: ledger.path } });
  await api.until(pause.id, 'success');
  const job = await api.until(id, 'success', 20_000);
  t.ok(Date.parse(job.started_at!) >= Date.parse(due), `due ${due}, started ${job.started_at}`);
  t.equal(ledger.begun(id), 1);
  t.equal((await api.job(years.id)).status, 'pending');
});

t.test('F20: a waker with an injected clock', async (t) => {
  let now = 1_000_000;
  let turns = 0;
  const waker = new TimerWaker({ now: () => now, monotonic: () => performance.now() }, () => turns++);
  t.teardown(() => waker.stop());
  const away = 2 ** 31 + 5;
  waker.at(now + away);
  let plain = false;
  const naive = setTimeout(() => (plain = true), away);
  await eventually(() => plain, 'a plain timer of that length fires at once');
  clearTimeout(naive);
  t.equal(turns, 0, 'the waker does not');
  now += away - 1;
  await new Promise((done) => setTimeout(done, 1100));
  t.equal(turns, 0, 'nor a millisecond early');
  now += 1;
  await eventually(() => turns === 1, 'it does not fire at all');
});
