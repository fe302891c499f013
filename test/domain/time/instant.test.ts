import fc from 'fast-check';
import t from 'tap';
import { formatInstant, parseInstant } from '../../../src/domain/time/instant.js';

const shanghai = 'Asia/Shanghai';
const newYork = 'America/New_York';
const utc = (text: string): number => Date.parse(`${text}Z`);
const yearOne = -62_135_596_800_000;
const lastOf9999 = 253_402_300_799_999;
const someInstant = fc.integer({ min: yearOne, max: lastOf9999 });
const zones = ['UTC', shanghai, newYork, 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Apia', 'Africa/Monrovia'];

t.test('instants are shown in RFC 3339', async (t) => {
  const table: readonly (readonly [at: string, zone: string, shown: string])[] = [
    ['2024-01-02T07:30:00', shanghai, '2024-01-02T15:30:00+08:00'],
    ['2024-01-02T07:30:00.250', shanghai, '2024-01-02T15:30:00.25+08:00'],
    ['2024-01-02T07:30:00.500', shanghai, '2024-01-02T15:30:00.5+08:00'],
    ['2024-01-02T07:30:00.001', shanghai, '2024-01-02T15:30:00.001+08:00'],
    ['2024-01-02T07:30:00.010', shanghai, '2024-01-02T15:30:00.01+08:00'],
    ['2024-01-02T07:30:00', 'UTC', '2024-01-02T07:30:00+00:00'],
    ['2024-01-02T07:30:00', 'Asia/Kathmandu', '2024-01-02T13:15:00+05:45'],
    ['2024-01-02T02:30:00', newYork, '2024-01-01T21:30:00-05:00'],
    ['2026-03-08T06:59:59.999', newYork, '2026-03-08T01:59:59.999-05:00'],
    ['2026-03-08T07:00:00', newYork, '2026-03-08T03:00:00-04:00'],
    ['2026-11-01T05:30:00', newYork, '2026-11-01T01:30:00-04:00'],
    ['2026-11-01T06:30:00', newYork, '2026-11-01T01:30:00-05:00'],
    ['2026-07-01T00:00:00', 'America/St_Johns', '2026-06-30T21:30:00-02:30'],
    ['1969-12-31T23:59:59.999', 'UTC', '1969-12-31T23:59:59.999+00:00'],
    ['0001-01-01T00:00:00', 'UTC', '0001-01-01T00:00:00+00:00'],
    ['9999-12-31T23:59:59.999', 'UTC', '9999-12-31T23:59:59.999+00:00'],
    // 8:05:43 east of UTC: to the whole minute 8:06, and the clock with it.
    ['1880-01-01T00:00:00', shanghai, '1880-01-01T08:06:00+08:06'],
    // Four digits cannot say year 10000 or year 0.
    ['9999-12-31T23:59:59', shanghai, '9999-12-31T23:59:59+00:00'],
    ['0001-01-01T00:00:00', newYork, '0001-01-01T00:00:00+00:00'],
  ];
  for (const [at, zone, shown] of table) t.equal(formatInstant(utc(at), zone), shown, `${at} ${zone}`);
});

t.test('what was shown before does not matter', async (t) => {
  const at = utc('2024-01-02T07:30:00');
  t.equal(formatInstant(at, shanghai), '2024-01-02T15:30:00+08:00');
  t.equal(formatInstant(at, newYork), '2024-01-02T02:30:00-05:00');
  t.equal(formatInstant(at + 1, newYork), '2024-01-02T02:30:00.001-05:00');
  t.equal(formatInstant(at, newYork), '2024-01-02T02:30:00-05:00');
  t.equal(formatInstant(at, shanghai), '2024-01-02T15:30:00+08:00');
  t.equal(formatInstant(at + 731 * 86_400_000, shanghai), '2026-01-02T15:30:00+08:00');
});

t.test('instants outside the years 1 to 9999 are a broken invariant', async (t) => {
  for (const at of [yearOne - 1, lastOf9999 + 1, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => formatInstant(at, 'UTC'), RangeError, String(at));
  }
});

t.test('what is shown reads back as the same instant', async () => {
  fc.assert(
    fc.property(someInstant, fc.constantFrom(...zones), fc.constantFrom(...zones), (at, zone, other) => {
      const answer = parseInstant(formatInstant(at, zone), other);
      return 'ms' in answer && answer.ms === at && Date.parse(formatInstant(at, zone)) === at;
    }),
    { numRuns: 3000 },
  );
});

t.test('instants that are accepted', async (t) => {
  const table: readonly (readonly [text: string, zone: string, at: string])[] = [
    ['2024-01-02T15:30:00+08:00', newYork, '2024-01-02T07:30:00'],
    ['2024-01-02T15:30:00Z', newYork, '2024-01-02T15:30:00'],
    ['2024-01-02t15:30:00z', newYork, '2024-01-02T15:30:00'],
    ['2024-01-02T15:30Z', newYork, '2024-01-02T15:30:00'],
    ['2024-01-02T15:30', shanghai, '2024-01-02T07:30:00'],
    ['2024-01-02T15:30:00', shanghai, '2024-01-02T07:30:00'],
    ['2024-01-02T15:30:00.25', shanghai, '2024-01-02T07:30:00.250'],
    ['2024-01-02T15:30:00,25', shanghai, '2024-01-02T07:30:00.250'],
    ['2024-01-02T15:30:00+0800', newYork, '2024-01-02T07:30:00'],
    ['2024-01-02T15:30:00+08', newYork, '2024-01-02T07:30:00'],
    ['2024-01-02T15:30:00-03:30', newYork, '2024-01-02T19:00:00'],
    ['2024-01-02T15:30:00-00:00', newYork, '2024-01-02T15:30:00'],
    ['2024-01-02T15:30:00+23:59', newYork, '2024-01-01T15:31:00'],
    ['2024-01-02T15:30:00-23:59', newYork, '2024-01-03T15:29:00'],
    ['2024-02-29T00:00:00Z', newYork, '2024-02-29T00:00:00'],
    ['2000-02-29T00:00:00Z', newYork, '2000-02-29T00:00:00'],
    ['1999-12-31T23:59:59Z', newYork, '1999-12-31T23:59:59'],
    ['0001-01-01T00:00:00Z', newYork, '0001-01-01T00:00:00'],
    ['0099-03-01T00:00:00Z', newYork, '0099-03-01T00:00:00'],
    ['9999-12-31T23:59:59.999Z', newYork, '9999-12-31T23:59:59.999'],
    // Finer than a millisecond: up, never early.
    ['2024-01-02T15:30:00.0001Z', newYork, '2024-01-02T15:30:00.001'],
    ['2024-01-02T15:30:00.2500000Z', newYork, '2024-01-02T15:30:00.250'],
    ['2024-01-02T15:30:00.999000000001Z', newYork, '2024-01-02T15:30:01'],
    ['2024-12-31T23:59:59.9999Z', newYork, '2025-01-01T00:00:00'],
    // Without an offset where the clock changes: the first instant after a gap, the earlier of two.
    ['2026-03-08T02:30:00', newYork, '2026-03-08T07:00:00'],
    ['2026-03-08T03:00:00', newYork, '2026-03-08T07:00:00'],
    ['2026-11-01T01:30:00', newYork, '2026-11-01T05:30:00'],
    ['2026-11-01T01:30:00-05:00', newYork, '2026-11-01T06:30:00'],
    ['2026-10-04T02:15:00', 'Australia/Lord_Howe', '2026-10-03T15:30:00'],
    ['2011-12-30T12:00:00', 'Pacific/Apia', '2011-12-30T10:00:00'],
  ];
  for (const [text, zone, at] of table) t.same(parseInstant(text, zone), { ms: utc(at) }, `${text} ${zone}`);
});

t.test('instants that are refused, and why', async (t) => {
  const table: readonly (readonly [text: string, reason: RegExp])[] = [
    ['', /empty/],
    ['1', /bare number/],
    ['1704182400', /bare number/],
    ['-1', /bare number/],
    ['1704182400.5', /bare number/],
    ['20240102', /bare number/],
    ['2024-01-02', /time of day/],
    ['2026-02-30T00:00:00Z', /February 2026 has the days 01 to 28/],
    ['2023-02-29T00:00:00Z', /February 2023/],
    ['1900-02-29T00:00:00Z', /February 1900/],
    ['2026-04-31T00:00:00Z', /April 2026/],
    ['2026-01-00T00:00:00Z', /January 2026/],
    ['2026-01-32T00:00:00Z', /January 2026/],
    ['2026-00-01T00:00:00Z', /month/],
    ['2026-13-01T00:00:00Z', /month/],
    ['2026-01-01T24:00:00Z', /hour/],
    ['2026-01-01T24:00', /hour/],
    ['2026-01-01T25:00:00Z', /hour/],
    ['2026-01-01T00:60:00Z', /minute/],
    ['2016-12-31T23:59:60Z', /leap second/],
    ['2026-01-01T00:00:61Z', /second/],
    ['2026-01-01T00:00:00+24:00', /offset/],
    ['2026-01-01T00:00:00+08:60', /offset/],
    ['2026-01-01T00:00:00-99', /offset/],
    ['0000-01-01T00:00:00Z', /0001 to 9999/],
    ['0000-12-31T23:59:59-00:01', /0001 to 9999/],
    ['10000-01-01T00:00:00Z', /four digits/],
    ['275761-01-01T00:00:00Z', /four digits/],
    ['+275761-01-01T00:00:00Z', /four digits/],
    ['+002026-01-01T00:00:00Z', /four digits/],
    ['-000001-01-01T00:00:00Z', /four digits/],
    ['9999-12-31T23:59:59-00:01', /years 1 to 9999/],
    ['9999-12-31T23:59:59.9991Z', /years 1 to 9999/],
    ['9999-12-31T23:59:59', /years 1 to 9999/],
    ['0001-01-01T00:00:00+00:01', /years 1 to 9999/],
    ['2026-01-01 00:00:00Z', /spaces/],
    [' 2026-01-01T00:00:00Z', /spaces/],
    ['2026-01-01T00:00:00Z\n', /spaces/],
    ['2026-01-01T00:00:00 +08:00', /spaces/],
    ['2026-W01-1T00:00:00Z', /week date/],
    ['2026W011T00:00:00Z', /week date/],
    ['2026-001T00:00:00Z', /ordinal date/],
    ['2026-001', /ordinal date/],
    ['20260101T000000Z', /not a date-time/],
    ['2026-1-1T00:00:00Z', /not a date-time/],
    ['2026-01-01T0:00:00Z', /not a date-time/],
    ['2026-01-01T00Z', /not a date-time/],
    ['2026-01-01T00:00.5Z', /not a date-time/],
    ['2026-01-01T00:00:00.Z', /not a date-time/],
    ['2026-01-01T00:00:00UTC', /not a date-time/],
    ['2026-01-01T00:00:00ZZ', /not a date-time/],
    ['2026-01-01T00:00:00+8:00', /not a date-time/],
    ['2026-01-01T00:00:00+08:0', /not a date-time/],
    ['2026-01-01T00:00:00[UTC]', /not a date-time/],
    ['26-01-01T00:00:00Z', /not a date-time/],
    ['tomorrow', /not a date-time/],
    ['Thu, 01 Jan 2026 00:00:00 GMT', /spaces/],
    ['\uff12\uff10\uff12\uff16-01-01T00:00:00Z', /not a date-time/],
    ['2026-01-01T00:00:00\u221208:00', /not a date-time/],
    [`2026-01-01T00:00:00.${'0'.repeat(200)}Z`, /128 characters/],
    ['9'.repeat(1_000_000), /128 characters/],
  ];
  for (const [text, reason] of table) {
    const answer = parseInstant(text, newYork);
    t.match('error' in answer ? answer.error : `accepted as ${answer.ms}`, reason, text.slice(0, 50));
  }
});

t.test('never throws, and never answers but whole milliseconds within the years', async () => {
  const digits = fc.nat(99).map((n) => String(n).padStart(2, '0'));
  const dateTime = fc
    .tuple(digits, digits, digits, digits, digits, digits, digits, fc.constantFrom('', 'Z', '+08:00', '-23:59', '+24'))
    .map(([a, b, month, day, h, m, s, zone]) => `${a}${b}-${month}-${day}T${h}:${m}:${s}${zone}`);
  fc.assert(
    fc.property(fc.oneof(fc.string(), dateTime), fc.constantFrom(...zones), (text, zone) => {
      const answer = parseInstant(text, zone);
      return 'error' in answer
        ? answer.error.length > 10
        : Number.isInteger(answer.ms) && answer.ms >= yearOne && answer.ms <= lastOf9999;
    }),
    { numRuns: 3000 },
  );
});
