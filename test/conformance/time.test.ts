/** Instants and durations, in requests and in answers. */
import t from 'tap';
import { Client, type Job } from '../support/client.js';
import { startServer } from '../support/server.js';
import { at, DURATION, INSTANT, problem } from './forms.js';

t.setTimeout(60_000);
const [shanghai, newYork] = await Promise.all([
  startServer({ args: ['--timezone', 'Asia/Shanghai'] }),
  startServer({ args: ['--timezone', 'America/New_York'] }),
]);
const east = new Client(shanghai);
const west = new Client(newYork);
const make = (api: Client, trigger: Record<string, unknown>) => api.post('/jobs', { name: 'noop', ...trigger });

t.test('durations are added to now, to the millisecond, rounded up', async (t) => {
  const cases: [string, number][] = [
    ['300ms', 300],
    ['10s', 10_000],
    ['10m', 600_000],
    ['1h30s', 3_630_000],
    ['1.5h', 5_400_000],
    ['2d', 172_800_000],
    ['1w', 604_800_000],
    ['0s', 0],
    ['0ms', 0],
    ['1500us', 2],
    ['1µs', 1],
    ['1ns', 1],
    ['1h1m1s1ms', 3_661_001],
    ['0.0005s', 1],
    ['3650d', 3650 * 86_400_000],
  ];
  for (const [delay, ms] of cases) {
    const before = Date.now();
    const { status, body, text } = await make(east, { delay });
    const after = Date.now();
    if (!t.equal(status, 201, `${delay} ${text}`)) continue;
    t.ok(at(body.trigger_at) >= before + ms, `${delay} is never early`);
    t.ok(at(body.trigger_at) <= after + ms, `${delay} is not longer`);
  }
});

t.test('next_run_in has Go’s form and is rounded up', async (t) => {
  const cases: [string, string | RegExp][] = [
    ['10m', '10m0s'],
    ['1h30s', '1h0m30s'],
    ['1.5h', '1h30m0s'],
    ['2d', '48h0m0s'],
    ['90s', '1m30s'],
    ['1501ms', '2s'],
    ['72h15m30s', '72h15m30s'],
    ['600ms', /^[1-6]\d\dms$|^[1-9]\d?ms$/],
    ['0s', '0s'],
  ];
  for (const [delay, shown] of cases) {
    const { body } = await make(east, { delay });
    t.match(body.next_run_in, shown, delay);
    t.match(body.next_run_in, DURATION);
  }
});

t.test('next_run_in counts down and ends with the waiting', async (t) => {
  const { id } = await east.create({ name: 'noop', delay: '2s' });
  t.equal((await east.job(id)).next_run_in, '2s');
  const later = await east.until(id, (job) => /^\d+ms$/.test(job.next_run_in ?? '') || job.status !== 'pending');
  t.match(later.next_run_in, /^\d{1,3}ms$/);
  t.notOk('next_run_in' in (await east.until(id, 'success')));
});

t.test('durations that are refused', async (t) => {
  const bad = [
    '-1m',
    '+1m',
    '5',
    '',
    ' 5m',
    '5m ',
    '5 m',
    '1h-5m',
    '1e9h',
    '1e3s',
    '5x',
    'm',
    '.',
    '1.2.3s',
    'Infinity',
    'NaNs',
    '11y',
    '4000d',
    '100000h',
    '5m,3s',
    '٣m',
    '0x10s',
  ];
  for (const delay of bad)
    problem(t, await make(east, { delay }), 400, 'validation_failed', `delay ${JSON.stringify(delay)}`);
  for (const delay of [5, null, true, ['5m'], { ms: 5 }])
    problem(t, await make(east, { delay }), 400, 'validation_failed', `delay ${JSON.stringify(delay)}`);
  for (const field of ['retry_delay', 'timeout']) {
    for (const value of ['-1m', '5', 5, '', '1h-5m', '1e9h', '5x', ' 5m', null]) {
      problem(
        t,
        await make(east, { delay: '1h', [field]: value }),
        400,
        'validation_failed',
        `${field} ${JSON.stringify(value)}`,
      );
    }
  }
  problem(t, await make(east, { delay: '1h', timeout: '0s' }), 400, 'validation_failed', 'timeout 0s');
});

t.test(
  'instants are answered with the offset of the server’s zone, and with a fraction only where there is one',
  async (t) => {
    const cases: [string, string][] = [
      ['2040-01-02T15:30:00+08:00', '2040-01-02T15:30:00+08:00'],
      ['2040-01-02T07:30:00Z', '2040-01-02T15:30:00+08:00'],
      ['2040-01-02T02:30:00-05:00', '2040-01-02T15:30:00+08:00'],
      ['2040-01-02T15:30:00.250+08:00', '2040-01-02T15:30:00.25+08:00'],
      ['2040-01-02T15:30:00.5+08:00', '2040-01-02T15:30:00.5+08:00'],
      ['2040-01-02T15:30:00.001+08:00', '2040-01-02T15:30:00.001+08:00'],
      ['2040-01-02T15:30:00.000+08:00', '2040-01-02T15:30:00+08:00'],
      ['2040-01-02T15:30:00', '2040-01-02T15:30:00+08:00'],
      ['2040-02-29T23:59:59.999', '2040-02-29T23:59:59.999+08:00'],
      ['9999-12-31T23:59:59+08:00', '9999-12-31T23:59:59+08:00'],
    ];
    for (const [given, shown] of cases)
      t.equal((await make(east, { trigger_at: given })).body.trigger_at, shown, given);
    t.equal(
      (await make(west, { trigger_at: '2040-01-02T07:30:00Z' })).body.trigger_at,
      '2040-01-02T02:30:00-05:00',
      'winter',
    );
    t.equal(
      (await make(west, { trigger_at: '2040-07-02T07:30:00Z' })).body.trigger_at,
      '2040-07-02T03:30:00-04:00',
      'summer',
    );
  },
);

t.test('an instant without an offset is in the server’s zone, in its gaps and repeats too', async (t) => {
  t.equal((await make(west, { trigger_at: '2030-01-02T15:30:00' })).body.trigger_at, '2030-01-02T15:30:00-05:00');
  t.equal(
    (await make(west, { trigger_at: '2030-03-10T02:30:00' })).body.trigger_at,
    '2030-03-10T03:00:00-04:00',
    'a time that does not exist: the first instant after the gap',
  );
  t.equal((await make(west, { trigger_at: '2030-03-10T01:59:59' })).body.trigger_at, '2030-03-10T01:59:59-05:00');
  t.equal(
    (await make(west, { trigger_at: '2030-11-03T01:30:00' })).body.trigger_at,
    '2030-11-03T01:30:00-04:00',
    'one that exists twice: the earlier',
  );
  t.equal(
    (await make(west, { trigger_at: '2030-11-03T01:30:00-05:00' })).body.trigger_at,
    '2030-11-03T01:30:00-05:00',
    'the later, with its offset',
  );
});

t.test('an instant in the past is accepted and due at once', async (t) => {
  for (const trigger_at of ['2020-01-01T00:00:00Z', '1970-01-01T00:00:00Z', '1999-12-31T23:59:59+08:00']) {
    const { status, body } = await make(east, { trigger_at });
    t.equal(status, 201);
    t.equal(at(body.trigger_at), at(trigger_at));
    t.equal(body.next_run_in, '0s');
    t.equal((await east.until(body.id, 'success')).trigger_at, body.trigger_at);
  }
});

t.test('instants that are refused', async (t) => {
  const bad: unknown[] = [
    '2026-02-30T00:00:00Z',
    '2027-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-10T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '1',
    '1704182400',
    1704182400,
    '2026-01-01',
    '12:00:00',
    '24:00',
    '2026-01-01T24:00:00Z',
    '2026-01-01T25:00:00Z',
    '2026-01-01T00:60:00Z',
    '2016-12-31T23:59:60Z',
    '+275761-01-01T00:00:00Z',
    '275761-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '+010000-01-01T00:00:00Z',
    '2026-01-01T00:00:00+25:00',
    'tomorrow',
    'Mon, 02 Jan 2034 15:04:05 GMT',
    '',
    null,
    true,
    {},
  ];
  for (const trigger_at of bad)
    problem(t, await make(east, { trigger_at }), 400, 'validation_failed', JSON.stringify(trigger_at));
});

t.test('without --timezone it is the system’s zone', async (t) => {
  const server = await startServer({ env: { TZ: 'Asia/Kolkata' } });
  const job = await new Client(server).create({ name: 'noop', trigger_at: '2040-01-02T15:30:00' });
  t.equal(job.trigger_at, '2040-01-02T15:30:00+05:30');
  t.match(job.created_at, /\+05:30$/);
  await server.kill();
});

t.test('no job is ever early', async (t) => {
  const jobs = await Promise.all(
    Array.from({ length: 150 }, (_, i) => east.create({ name: 'noop', delay: `${i + 1}ms` })),
  );
  const done = await Promise.all(jobs.map(({ id }) => east.until(id, 'success')));
  const early = done.filter((job: Job) => at(job.started_at) < at(job.trigger_at));
  t.same(early, []);
  for (const job of done) t.match(job.started_at, INSTANT);
});
