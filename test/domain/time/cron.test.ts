import fc from 'fast-check';
import t from 'tap';
import { countCron, nextCron, previousCron } from '../../../src/domain/time/cron.js';
import { cronOf, dayMs, following, newYork, utc } from './cron-support.js';

t.test('a local time that does not exist fires once, at the first instant after the gap', async (t) => {
  const from = '2026-03-08T05:30:00';
  t.same(following('0 30 2 * * *', newYork, from, 2), ['2026-03-08T07:00:00', '2026-03-09T06:30:00']);
  // Sixty matches in the gap, and one at its end: still once.
  t.same(following('0 * 2 * * *', newYork, from, 2), ['2026-03-08T07:00:00', '2026-03-09T06:00:00']);
  t.same(following('0 0,30 2,3 * * *', newYork, from, 3), [
    '2026-03-08T07:00:00',
    '2026-03-08T07:30:00',
    '2026-03-09T06:00:00',
  ]);
  t.same(following('0 15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T00:00:00', 2), [
    '2026-10-03T15:30:00',
    '2026-10-04T15:15:00',
  ]);
  t.same(following('0 0 12 30 12 *', 'Pacific/Apia', '2011-01-01T00:00:00', 2), [
    '2011-12-30T10:00:00',
    '2012-12-29T22:00:00',
  ]);
});

t.test('a local time that exists twice fires the first time', async (t) => {
  const from = '2026-10-31T12:00:00';
  t.same(following('0 30 1 * * *', newYork, from, 2), ['2026-11-01T05:30:00', '2026-11-02T06:30:00']);
  t.same(following('0 0 1,2 * * *', newYork, from, 3), [
    '2026-11-01T05:00:00',
    '2026-11-01T07:00:00',
    '2026-11-02T06:00:00',
  ]);
  t.same(following('0 30 1 * * *', newYork, '2026-11-01T06:00:00', 1), ['2026-11-02T06:30:00'], 'asked in between');
});

t.test('schedules of every hour follow real time', async (t) => {
  const fold = ['2026-11-01T05:00:00', '2026-11-01T06:00:00', '2026-11-01T07:00:00'];
  const gap = ['2026-03-08T06:00:00', '2026-03-08T07:00:00', '2026-03-08T08:00:00'];
  for (const every of ['0 0 * * * *', '@hourly', '0 * * * *', '0 0 */1 * * *']) {
    t.same(following(every, newYork, '2026-11-01T04:30:00', 3), fold, every);
    t.same(following(every, newYork, '2026-03-08T05:30:00', 3), gap, every);
  }
  // Hours that are listed are wall clock hours, even when all of them are.
  for (const listed of ['0 30 0-23 * * *', '0 30 *,5 * * *']) {
    const times = ['2026-03-08T06:30:00', '2026-03-08T07:00:00', '2026-03-08T07:30:00'];
    t.same(following(listed, newYork, '2026-03-08T06:00:00', 3), times, listed);
  }
  t.same(following('0 30 */2 * * *', newYork, '2026-03-08T05:45:00', 1), ['2026-03-08T07:00:00']);
  t.same(following('0 30 0-23/2 * * *', newYork, '2026-03-08T05:45:00', 1), ['2026-03-08T07:00:00']);
});

t.test('hours in steps are wall clock hours: none is lost in a gap, none fires twice in a fold', async (t) => {
  t.same(following('0 0 */24 30 4 *', 'Africa/Cairo', '2027-01-01T00:00:00', 2), [
    '2027-04-29T22:00:00',
    '2028-04-29T21:00:00',
  ]);
  t.same(following('0 0 */2 * * *', 'Europe/Berlin', '2026-10-24T22:30:00', 2), [
    '2026-10-25T00:00:00',
    '2026-10-25T03:00:00',
  ]);
});

t.test("the original's examples", async (t) => {
  const from = '2026-07-22T02:02:02';
  t.same(following('0 */5 * * * *', 'UTC', from, 2), ['2026-07-22T02:05:00', '2026-07-22T02:10:00']);
  t.same(following('0 0 9 * * *', 'Asia/Shanghai', from, 2), ['2026-07-23T01:00:00', '2026-07-24T01:00:00']);
  t.same(following('0 0 0 * * 1', 'UTC', from, 2), ['2026-07-27T00:00:00', '2026-08-03T00:00:00']);
});

t.test('next is strictly after, previous at or before', async (t) => {
  const cron = cronOf('0 0 9 * * *');
  const nine = utc('2026-07-22T09:00:00');
  t.equal(nextCron(cron, 'UTC', nine - 1), nine);
  t.equal(nextCron(cron, 'UTC', nine), nine + dayMs);
  t.equal(previousCron(cron, 'UTC', nine), nine);
  t.equal(previousCron(cron, 'UTC', nine - 1), nine - dayMs);
  t.equal(countCron(cron, 'UTC', nine, nine + dayMs), 1);
  t.equal(countCron(cron, 'UTC', nine - 1, nine + dayMs), 2);
  t.equal(countCron(cron, 'UTC', nine, nine), 0);
  t.equal(countCron(cron, 'UTC', nine, nine - dayMs), 0);
});

t.test('rare days are found', async (t) => {
  t.same(following('0 0 0 29 2 *', newYork, '2096-03-01T00:00:00', 1), ['2104-02-29T05:00:00']);
  t.same(following('0 0 * 29 2 *', newYork, '2096-03-01T12:00:00', 1), ['2104-02-29T05:00:00']);
  t.equal(previousCron(cronOf('0 0 0 29 2 *'), 'UTC', utc('1904-02-28T00:00:00')), utc('1896-02-29T00:00:00'));
  t.equal(previousCron(cronOf('0 0 */23 29 2 *'), 'UTC', utc('1904-02-28T00:00:00')), utc('1896-02-29T23:00:00'));
  t.equal(previousCron(cronOf('@daily'), 'UTC', utc('0001-01-01T00:00:00')), utc('0001-01-01T00:00:00'));
  t.equal(previousCron(cronOf('@yearly'), newYork, utc('0001-01-01T00:00:00')), undefined);
  t.equal(previousCron(cronOf('@daily'), 'UTC', utc('0001-01-01T00:00:00') - 1), undefined);
  t.same(following('0 0 0 31 * *', 'UTC', '2026-01-31T00:00:00', 2), ['2026-03-31T00:00:00', '2026-05-31T00:00:00']);
});

t.test('ten years of seconds are counted, not walked', async (t) => {
  const start = utc('2026-01-01T00:00:00');
  const begun = performance.now();
  t.equal(countCron(cronOf('* * * * * *'), newYork, start, start + 3650 * dayMs), 3650 * 86_400);
  // Ten hours missing in spring, once less ten hours repeated in autumn: those are not fired again.
  t.equal(countCron(cronOf('* * 0-23 * * *'), newYork, start, start + 3650 * dayMs), 3650 * 86_400 - 10 * 3600);
  t.ok(performance.now() - begun < 3000, 'walking 315 million seconds takes longer');
});

t.test('a schedule that is used stays remembered while others come and go', async (t) => {
  const daily = cronOf('@daily');
  for (let n = 0; n < 10_000; n++) {
    cronOf(`${n % 60} ${Math.floor(n / 60) % 60} ${Math.floor(n / 3600)} 1 * *`);
    if (n % 1000 === 0) t.equal(cronOf('@daily'), daily);
  }
});

t.test('more schedules and zones than are remembered', async (t) => {
  let wrong = 0;
  for (let round = 0; round < 2; round += 1) {
    for (let n = 0; n < 5000; n += 1) {
      const [minute, hour] = [n % 60, Math.floor(n / 60) % 24];
      const cron = cronOf(`${Math.floor(n / 1440)} ${minute} ${hour} * * *`);
      const expected = utc('2026-01-02T00:00:00') + ((hour * 60 + minute) * 60 + Math.floor(n / 1440)) * 1000;
      if (nextCron(cron, 'UTC', utc('2026-01-01T23:59:59')) !== expected) wrong += 1;
    }
  }
  t.equal(wrong, 0);
  const cron = cronOf('0 0 12 * * *');
  for (let offset = -14; offset <= 12; offset += 1) {
    const zone = `Etc/GMT${offset < 0 ? offset : `+${offset}`}`;
    const next = nextCron(cron, zone, utc('2026-01-01T00:00:00') + offset * 3_600_000);
    t.equal(next, utc('2026-01-01T12:00:00') + offset * 3_600_000, zone);
  }
});

t.test('an unknown zone is a RangeError', async (t) => {
  t.throws(() => nextCron(cronOf('@daily'), 'Mars/X', 0), RangeError);
});

t.test('a schedule of real hours that comes decades later looks at few years in between', async (t) => {
  const getter = Object.getOwnPropertyDescriptor(Intl.DateTimeFormat.prototype, 'format') as PropertyDescriptor;
  let asked = 0;
  Object.defineProperty(Intl.DateTimeFormat.prototype, 'format', {
    ...getter,
    get(this: Intl.DateTimeFormat) {
      asked += 1;
      return getter.get?.call(this);
    },
  });
  t.teardown(() => Object.defineProperty(Intl.DateTimeFormat.prototype, 'format', getter));
  // 2100 is no leap year.
  const rare = cronOf('0 0 * 29 2 *');
  const from = utc('2096-03-02T00:00:00');
  t.equal(new Date(nextCron(rare, 'America/Winnipeg', from)).toISOString(), '2104-02-29T06:00:00.000Z');
  const ahead = asked;
  t.ok(ahead < 900, `Intl was asked ${ahead} times for the next`);
  const before = previousCron(rare, 'America/Halifax', utc('2104-02-28T00:00:00')) as number;
  t.equal(new Date(before).toISOString(), '2096-03-01T03:00:00.000Z');
  t.ok(asked - ahead < 900, `Intl was asked ${asked - ahead} times for the previous`);
});

t.test('between an instant and the next occurrence lies none, however far that is', async () => {
  const zones = [newYork, 'Africa/Casablanca', 'Pacific/Apia', 'America/Juneau', 'Asia/Manila', 'Australia/Lord_Howe'];
  const days = fc.constantFrom('29 2', '31 12', '1 1', '29 3', '25 10', '30 12', '18 10');
  const hours = fc.constantFrom('*', '*/1', '*/2', '1', '0-23');
  const instants = fc.integer({ min: utc('1840-01-01T00:00:00'), max: utc('2120-01-01T00:00:00') });
  fc.assert(
    fc.property(fc.constantFrom(...zones), days, hours, instants, (zone, day, hour, at) => {
      const cron = cronOf(`0 30 ${hour} ${day} *`);
      const next = nextCron(cron, zone, at);
      const previous = previousCron(cron, zone, at) as number;
      return (
        countCron(cron, zone, at, next) === 1 &&
        countCron(cron, zone, at, next - 1) === 0 &&
        countCron(cron, zone, previous, at) === 0 &&
        previousCron(cron, zone, previous) === previous
      );
    }),
    { numRuns: 500 },
  );
});
