/** F18 to F22: time that stands still, jumps, is far away, or is shifted by law. The wall clock is libfaketime's. */
import t from 'tap';
import { TimerWaker } from '../../src/scheduler/waker.js';
import { Client, eventually } from '../support/client.js';
import { FakeTime, LedgerFile, needs, removeTimeMemory } from '../support/faults.js';
import { type Server, type ServerOptions, startServer } from '../support/server.js';

t.setTimeout(180_000);

const hour = 3_600_000;

/** A server whose wall clock is `time`. */
async function startAt(time: FakeTime, options: ServerOptions = {}): Promise<Server> {
  const server = await startServer({ ...options, args: ['--timezone', 'UTC', ...(options.args ?? [])], env: time.env });
  const { pid } = server;
  t.teardown(() => removeTimeMemory(pid));
  return server;
}

t.test('F18: stopped for five seconds: what is overdue runs once', async (t) => {
  const ledger = new LedgerFile();
  const server = await startServer();
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
  server.signal('SIGSTOP');
  const stoppedAt = Date.now();
  const missedBefore = ledger.begun(every.id);
  await eventually(() => Date.now() - stoppedAt >= 5000, 'time stands still', 20_000);
  t.ok(Date.now() > dueAt, 'some came due meanwhile');
  server.signal('SIGCONT');
  for (const { id } of [...before!, ...during!, ...after!, running])
    t.match(await api.until(id, 'success', 30_000), { retry_count: 0 });
  const all = [...before!, ...during!, ...after!, running].map(({ id }) => ledger.begun(id));
  t.same(
    all,
    all.map(() => 1),
    'each ran once',
  );
  const repeated = await api.job(every.id);
  t.ok(repeated.missed_count! >= 7 && repeated.missed_count! <= 11, `${repeated.missed_count} occurrences were missed`);
  await eventually(() => ledger.begun(every.id) > missedBefore + 2, 'the repeating job does not go on');
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
  const cron = await api.create({
    name: 'ledger',
    cron_expr: '0 */10 * * * *',
    timezone: 'UTC',
    is_repeat: true,
    misfire: 'skip',
    payload,
  });
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
  const slots = ledger.begun(cron.id);
  t.ok(slots <= 4, `the cron job ran ${slots} times, never twice for one slot`);
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

t.test('F21: daylight saving, lived through', needs('faketime'), async (t) => {
  // Each: just before the change, an expression, and the instants at which it is to run.
  const cases: [zone: string, cron: string, from: string, fires: string[]][] = [
    // A time that does not exist: once, at the first instant after the gap.
    ['America/New_York', '0 30 2 * * *', '2027-03-14T06:59:50Z', ['2027-03-14T07:00:00Z', '2027-03-15T06:30:00Z']],
    ['Australia/Lord_Howe', '0 15 2 * * *', '2027-10-02T15:29:50Z', ['2027-10-02T15:30:00Z', '2027-10-03T15:15:00Z']],
    // A time that exists twice: once, the first.
    ['America/New_York', '0 30 1 * * *', '2027-11-07T05:29:50Z', ['2027-11-07T05:30:00Z', '2027-11-08T06:30:00Z']],
    // Every hour is every real hour.
    [
      'America/New_York',
      '0 30 * * * *',
      '2027-11-07T05:29:50Z',
      ['2027-11-07T05:30:00Z', '2027-11-07T06:30:00Z', '2027-11-07T07:30:00Z'],
    ],
  ];
  const time = new FakeTime();
  const ledger = new LedgerFile();
  const server = await startAt(time);
  const api = new Client(server);
  for (const [zone, cron, from, fires] of cases) {
    const what = `${zone} ${cron}`;
    time.set(Date.parse(from));
    const { id, trigger_at: first } = await api.create({
      name: 'ledger',
      cron_expr: cron,
      timezone: zone,
      is_repeat: true,
      payload: { file: ledger.path },
    });
    t.equal(Date.parse(first), Date.parse(fires[0]!), `${what}: first at ${first}`);
    for (let n = 1; n < fires.length; n++) {
      const due = Date.parse(fires[n - 1]!);
      time.set(due - 500);
      const job = await api.until(
        id,
        (job) => ledger.counts(id).ended === n && Date.parse(job.trigger_at) > due,
        20_000,
      );
      t.equal(Date.parse(job.trigger_at), Date.parse(fires[n]!), `${what}: then at ${job.trigger_at}`);
      t.ok(Date.parse(job.started_at!) >= due, `${what}: not early`);
    }
    t.equal(ledger.begun(id), fires.length - 1, `${what}: no more often`);
    await api.delete(`/jobs/${id}`);
  }
});

t.test('F22: down over three cron slots', needs('faketime'), async (t) => {
  for (const end of ['SIGKILL', 'SIGTERM'] as const) {
    const time = new FakeTime();
    time.set(Date.parse('2027-05-05T10:20:00Z'));
    const ledger = new LedgerFile();
    const server = await startAt(time);
    const api = new Client(server);
    const create = (misfire: string) =>
      api.create({
        name: 'ledger',
        cron_expr: '0 0 * * * *',
        timezone: 'UTC',
        is_repeat: true,
        misfire,
        payload: { file: ledger.path },
      });
    const [once, skip] = [await create('run_once'), await create('skip')];
    const single = await api.create({ name: 'ledger', delay: '1h', payload: { file: ledger.path } });
    await server.kill(end);
    // Three slots pass: eleven, twelve, one o'clock.
    time.set(Date.parse('2027-05-05T13:20:00Z'));
    await server.restart();
    t.teardown(() => removeTimeMemory(server.pid));
    const next = Date.parse('2027-05-05T14:00:00Z');
    const onceJob = await api.until(
      once.id,
      (job) => ledger.counts(once.id).ended > 0 && Date.parse(job.trigger_at) === next,
      20_000,
    );
    t.match(onceJob, { status: 'pending', missed_count: 3, skipped_count: 0, retry_count: 0 }, `${end}, run_once`);
    const skipJob = await api.until(skip.id, (job) => Date.parse(job.trigger_at) === next, 20_000);
    t.match(skipJob, { status: 'pending', missed_count: 3, skipped_count: 0 }, `${end}, skip`);
    await api.until(single.id, 'success', 20_000);
    t.same(
      [once, skip, single].map(({ id }) => ledger.begun(id)),
      [1, 0, 1],
      `${end}: how often each ran`,
    );

    time.set(next - 500);
    await eventually(
      () => ledger.counts(skip.id).ended === 1 && ledger.counts(once.id).ended === 2,
      `${end}: the next slot`,
      20_000,
    );
  }
});
