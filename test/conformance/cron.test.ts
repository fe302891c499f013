/** Cron expressions: which are understood, which refused, and the first match of each, daylight saving included. */
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, problem } from './forms.js';

t.setTimeout(60_000);
const server = await startServer({ args: ['--timezone', 'Asia/Shanghai'] });
const api = new Client(server);
const create = (cron_expr: unknown, more: Record<string, unknown> = {}) =>
  api.post('/jobs', { name: 'noop', cron_expr, ...more });

/** The local date and time of an instant in a zone, by Intl: the test's own source of truth. */
function local(ms: number, zone: string) {
  const parts = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
    weekday: 'short',
  }).formatToParts(ms);
  const part = (type: string) => parts.find((found) => found.type === type)!.value;
  const [year, month, day, hour, minute, second] = ['year', 'month', 'day', 'hour', 'minute', 'second'].map((name) =>
    Number(part(name)),
  ) as [number, number, number, number, number, number];
  return {
    year,
    month,
    day,
    hour,
    minute,
    second,
    weekday: part('weekday'),
    offset: Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000,
  };
}

/** The next instant at which the zone's offset grows or shrinks. */
function nextTransition(zone: string, kind: 'gap' | 'overlap'): { ms: number; before: number; after: number } {
  const minute = 60_000;
  let from = Math.ceil(Date.now() / minute) * minute + 3_600_000;
  let before = local(from, zone).offset;
  for (let hours = 0; hours < 400 * 24; hours++, from += 60 * minute) {
    const after = local(from + 60 * minute, zone).offset;
    if (after !== before && after > before === (kind === 'gap')) {
      let ms = from;
      while (local(ms, zone).offset === before) ms += minute;
      return { ms, before, after };
    }
    before = after;
  }
  throw new Error(`no ${kind} in ${zone}`);
}

/** The wall-clock reading of an instant under an offset, as cron fields of one day a year. */
function wall(ms: number, offset: number) {
  const date = new Date(ms + offset);
  return {
    expr: `${date.getUTCSeconds()} ${date.getUTCMinutes()} ${date.getUTCHours()} ${date.getUTCDate()} ${date.getUTCMonth() + 1} *`,
  };
}

t.test('six fields begin with seconds, five mean second 0', async (t) => {
  const six = await create('30 15 10 * * *');
  t.match(six.body.trigger_at, /T10:15:30\+08:00$/);
  const five = await create('15 10 * * *');
  t.match(five.body.trigger_at, /T10:15:00\+08:00$/);
  t.equal(five.body.cron_expr, '15 10 * * *', 'shown as given');
});

t.test('the next match is the first', async (t) => {
  const cases: [string, number][] = [
    ['* * * * * *', 1000],
    ['*/10 * * * * *', 10_000],
    ['0 * * * * *', 60_000],
    ['* * * * *', 60_000],
    ['0 0 * * * *', 3_600_000],
    ['@hourly', 3_600_000],
    ['0 */15 * * * *', 900_000],
    ['0 0 */6 * * *', 21_600_000],
  ];
  for (const [expr, every] of cases) {
    const before = Date.now();
    const { status, body, text } = await create(expr);
    const after = Date.now();
    if (!t.equal(status, 201, `${expr} ${text}`)) continue;
    const ms = at(body.trigger_at);
    // Six hours do not divide Shanghai's offset in UTC, so count from its own midnight.
    t.equal((ms + 8 * 3_600_000) % every, 0, `${expr} is on the grid`);
    t.ok(ms > before - 1 && ms <= after + every, `${expr} is the next`);
  }
});

t.test('the nicknames work', async (t) => {
  const cases: [string, RegExp][] = [
    ['@yearly', /-01-01T00:00:00\+08:00$/],
    ['@annually', /-01-01T00:00:00\+08:00$/],
    ['@monthly', /-01T00:00:00\+08:00$/],
    ['@weekly', /T00:00:00\+08:00$/],
    ['@daily', /T00:00:00\+08:00$/],
    ['@midnight', /T00:00:00\+08:00$/],
    ['@hourly', /T\d\d:00:00\+08:00$/],
  ];
  for (const [expr, shown] of cases) t.match((await create(expr)).body, { trigger_at: shown, cron_expr: expr });
  t.equal(local(at((await create('@weekly')).body.trigger_at), 'Asia/Shanghai').weekday, 'Sun');
});

t.test('names, ranges, steps, lists, and Sunday as 0 or 7', async (t) => {
  const weekday = async (expr: string) => local(at((await create(expr)).body.trigger_at), 'Asia/Shanghai').weekday;
  for (const [expr, day] of [
    ['0 0 0 * * 0', 'Sun'],
    ['0 0 0 * * 7', 'Sun'],
    ['0 0 0 * * SUN', 'Sun'],
    ['0 0 0 * * mon', 'Mon'],
    ['0 0 0 * * 5', 'Fri'],
  ] as const) {
    t.equal(await weekday(expr), day, expr);
  }
  t.ok(['Mon', 'Tue', 'Wed', 'Thu', 'Fri'].includes(await weekday('0 0 0 * * MON-FRI')));
  t.ok(['Sat', 'Sun'].includes(await weekday('0 0 0 * * 6,7')));
  t.match((await create('0 0 0 1 JAN *')).body.trigger_at, /-01-01T00:00:00\+08:00$/);
  // Which of them comes next depends on when the test runs.
  t.match((await create('5,35 10-20/5 8 * * *')).body.trigger_at, /T08:(10|15|20):(05|35)\+08:00$/);
  const asked = new URLSearchParams({
    expr: '5,35 10-20/5 8 * * *',
    timezone: 'Asia/Shanghai',
    after: '2024-01-01T00:00:00+08:00',
    count: '7',
  });
  const { body } = await api.get<{ items: { at: string }[] }>(`/cron?${asked}`);
  t.same(
    body.items.map(({ at }) => at.slice(8, 19)),
    ['01T08:10:05', '01T08:10:35', '01T08:15:05', '01T08:15:35', '01T08:20:05', '01T08:20:35', '02T08:10:05'],
  );
});

t.test('day of month and weekday both given: either', async (t) => {
  const { body } = await create('0 0 0 13 * 5');
  const found = local(at(body.trigger_at), 'Asia/Shanghai');
  t.ok(found.day === 13 || found.weekday === 'Fri', body.trigger_at);
  t.ok(at(body.trigger_at) - Date.now() <= 7 * 86_400_000, 'not only Fridays the 13th');
});

t.test('29 February is a day', async (t) => {
  t.match((await create('0 0 12 29 2 *')).body.trigger_at, /^20\d\d-02-29T12:00:00\+08:00$/);
});

t.test('expressions that are refused', async (t) => {
  const sixty = Array.from({ length: 60 }, (_, i) => i).join(',');
  const bad: unknown[] = [
    '',
    ' ',
    '*',
    '* * *',
    '* * * *',
    '* * * * * * *',
    '60 * * * * *',
    '0 60 * * * *',
    '0 0 24 * * *',
    '0 0 0 0 * *',
    '0 0 0 32 * *',
    '0 0 0 1 0 *',
    '0 0 0 1 13 *',
    '0 0 0 * * 8',
    '-1 * * * * *',
    '*/0 * * * * *',
    '*/61 * * * * *',
    '5-1 * * * * *',
    '1,,2 * * * * *',
    ',1 * * * * *',
    '1- * * * * *',
    '1.5 * * * * *',
    '０ ０ ９ * * *',
    '@reboot',
    '@every 5m',
    '@',
    'hello',
    '0 0 0 30 2 *',
    '0 0 0 31 4 *',
    '0 0 0 31 2,4,6 *',
    '0 0 0 L * *',
    '0 0 0 15W * *',
    '0 0 0 * * 5L',
    '0 0 0 * * 5#3',
    'H * * * * *',
    '0 0 0 ? * 1',
    '0 0 0 1 FOO *',
    `${sixty} ${sixty} * * * *`,
    `0 0 9 * * *${' '.repeat(300)}`,
    '* '.repeat(20_000),
    5,
    null,
    ['0 0 9 * * *'],
  ].filter((expr) => expr !== '0 0 0 ? * 1'); // not named by the contract
  for (const expr of bad)
    problem(t, await create(expr), 400, 'validation_failed', `cron ${JSON.stringify(expr).slice(0, 60)}`);
});

t.test('a time zone belongs to a cron expression and has a name that exists', async (t) => {
  for (const timezone of ['Mars/X', '', 5, null, '../etc/passwd'])
    problem(
      t,
      await create('0 0 9 * * *', { timezone }),
      400,
      'validation_failed',
      `timezone ${JSON.stringify(timezone)}`,
    );
  problem(
    t,
    await api.post('/jobs', { name: 'noop', delay: '1h', timezone: 'Europe/Berlin' }),
    400,
    'validation_failed',
    'timezone with delay',
  );
  problem(
    t,
    await api.post('/jobs', { name: 'noop', trigger_at: '2040-01-01T00:00:00Z', timezone: 'Europe/Berlin' }),
    400,
    'validation_failed',
    'timezone with trigger_at',
  );
});

t.test('a job’s time zone decides when it matches, the server’s how that is written', async (t) => {
  for (const timezone of ['America/New_York', 'Europe/Berlin', 'Asia/Kolkata', 'Australia/Lord_Howe', 'UTC']) {
    const { body } = await create('0 30 9 * * *', { timezone });
    t.equal(body.timezone, timezone);
    t.match(body.trigger_at, /\+08:00$/);
    t.match(local(at(body.trigger_at), timezone), { hour: 9, minute: 30, second: 0 }, timezone);
    t.ok(at(body.trigger_at) - Date.now() <= 86_400_000 + 3_600_000);
  }
});

t.test('a local time that does not exist fires at the first instant after the gap', async (t) => {
  for (const timezone of ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Santiago']) {
    const gap = nextTransition(timezone, 'gap');
    const half = (gap.after - gap.before) / 2;
    for (const into of [0, half]) {
      const { expr } = wall(gap.ms + into, gap.before);
      const { body } = await create(expr, { timezone });
      t.equal(new Date(at(body.trigger_at)).toISOString(), new Date(gap.ms).toISOString(), `${timezone} ${expr}`);
    }
    const { expr } = wall(gap.ms - 60_000, gap.before);
    t.equal(at((await create(expr, { timezone })).body.trigger_at), gap.ms - 60_000, `${timezone}: the minute before`);
  }
});

t.test('a local time that exists twice fires the first time', async (t) => {
  for (const timezone of ['America/New_York', 'Europe/Berlin', 'Australia/Lord_Howe', 'America/Santiago']) {
    const overlap = nextTransition(timezone, 'overlap');
    const length = overlap.before - overlap.after;
    const first = overlap.ms - length / 2;
    const { expr } = wall(first, overlap.before);
    const { body } = await create(expr, { timezone });
    t.equal(new Date(at(body.trigger_at)).toISOString(), new Date(first).toISOString(), `${timezone} ${expr}`);
  }
});

t.test('without is_repeat a cron job runs once', async (t) => {
  const subscriber = await Subscriber.to(server);
  const { body } = await create('* * * * * *');
  const job = await api.until(body.id, 'success');
  t.ok(at(job.started_at) >= at(body.trigger_at));
  t.equal(job.is_repeat, false);
  await subscriber.event(body.id, 'job.completed');
  t.same(subscriber.types(body.id), ['job.scheduled', 'job.started', 'job.completed']);
  await subscriber.close();
});

t.test('with is_repeat it is pending again for the next match', async (t) => {
  const subscriber = await Subscriber.to(server);
  const { body } = await create('* * * * * *', { is_repeat: true });
  const again = await subscriber.event(body.id, 'job.scheduled', 3);
  t.equal(at(String(again.metadata.trigger_at)) % 1000, 0);
  const job = await api.until(body.id, 'pending');
  t.equal(job.status, 'pending');
  t.equal(job.id, body.id, 'the same job');
  t.ok(at(job.trigger_at) > at(body.trigger_at));
  await api.delete(`/jobs/${body.id}`);
  await subscriber.close();
});

t.test('a time zone is answered in the spelling of the database, whatever its case in the request', async (t) => {
  for (const [timezone, shown] of [
    ['europe/BERLIN', 'Europe/Berlin'],
    ['us/pacific', 'US/Pacific'],
  ] as const) {
    const { body } = await create('0 30 9 * * *', { timezone, is_repeat: true });
    t.equal(body.timezone, shown);
    const other = await api.put(`/jobs/${body.id}`, { timezone: 'ASIA/kolkata' });
    t.match(other.body, { timezone: 'Asia/Kolkata', is_repeat: true });
    await api.delete(`/jobs/${body.id}`);
  }
});
