/** F21 and F22: time that is shifted by law, and cron slots that pass while nobody is there. The clock is libfaketime's. */
import t from 'tap';
import { Client, eventually } from '../support/client.js';
import { FakeTime, LedgerFile, needs, removeTimeMemory, startAt } from '../support/faults.js';

t.setTimeout(180_000);

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
