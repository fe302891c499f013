import fc from 'fast-check';
import t from 'tap';
import { firstInstant, localToInstants, offsetAt, spanAt, zoneNamed } from '../../../src/domain/time/zone.js';

const minute = 60_000;
const hour = 60 * minute;
const utc = (text: string): number => Date.parse(`${text}Z`);

/** The offset read another way: from the clock that Intl shows, field by field. */
function shownOffset(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const field = (type: string): number => Number(parts.find((part) => part.type === type)?.value);
  const local = Date.UTC(
    field('year'),
    field('month') - 1,
    field('day'),
    field('hour'),
    field('minute'),
    field('second'),
  );
  return local - Math.floor(at / 1000) * 1000;
}

const isZone = (name: string): boolean => zoneNamed(name) !== undefined;
const allZones = Intl.supportedValuesOf('timeZone').filter(isZone);
const someInstant = fc.integer({ min: utc('1850-01-01T00:00:00'), max: utc('2060-01-01T00:00:00') });

t.test('names of zones', async (t) => {
  for (const name of ['UTC', 'Asia/Shanghai', 'asia/shanghai', 'America/Argentina/Buenos_Aires', 'Etc/GMT+8']) {
    t.ok(isZone(name), name);
  }
  for (const name of ['Australia/Lord_Howe', 'US/Pacific', 'EST5EDT', 'GMT', 'Asia/Kathmandu', 'Antarctica/Troll']) {
    t.ok(isZone(name), name);
  }
  const wrong = ['', ' ', 'Mars/X', '+08:00', '-05:00', '+0800', '+08', 'UTC+8', 'GMT-03:00', ' UTC', 'UTC ', 'Z'];
  wrong.push('constructor', '__proto__', 'Asia/Shanghai\0', 'Asia/\u017fhanghai', 'a'.repeat(100_000));
  // ICU's own: BST is Bangladesh there, AST Alaska.
  wrong.push('PST', 'BST', 'bst', 'IST', 'AST', 'SystemV/PST8', 'Etc/Unknown');
  for (const name of wrong) t.notOk(isZone(name), JSON.stringify(name).slice(0, 40));
  t.ok(allZones.length > 400, 'no canonical name is refused');
  t.equal(allZones.length, Intl.supportedValuesOf('timeZone').length);
});

t.test('an unknown zone is a RangeError, each time', async (t) => {
  t.throws(() => offsetAt('Mars/X', 0), RangeError);
  t.throws(() => offsetAt('Mars/X', 0), RangeError);
  t.notOk(isZone('Mars/X'));
});

t.test('offsets', async (t) => {
  const table: readonly (readonly [zone: string, at: string, minutes: number])[] = [
    ['UTC', '2026-01-01T00:00:00', 0],
    ['Asia/Shanghai', '2026-01-01T00:00:00', 480],
    ['Asia/Kathmandu', '2026-01-01T00:00:00', 345],
    ['America/New_York', '2026-01-01T00:00:00', -300],
    ['America/New_York', '2026-03-08T06:59:59.999', -300],
    ['America/New_York', '2026-03-08T07:00:00', -240],
    ['America/New_York', '2026-11-01T05:59:59.999', -240],
    ['America/New_York', '2026-11-01T06:00:00', -300],
    ['Australia/Lord_Howe', '2026-01-01T00:00:00', 660],
    ['Australia/Lord_Howe', '2026-07-01T00:00:00', 630],
    ['Antarctica/Troll', '2026-07-01T00:00:00', 120],
    ['Africa/Casablanca', '2026-01-01T00:00:00', 60],
    ['Africa/Casablanca', '2026-03-01T00:00:00', 0],
    ['Pacific/Apia', '2011-12-30T09:59:59.999', -600],
    ['Pacific/Apia', '2011-12-30T10:00:00', 840],
    // Clocks changed one minute past midnight, and for one week.
    ['America/St_Johns', '2010-11-07T02:30:59.999', -150],
    ['America/St_Johns', '2010-11-07T02:31:00', -210],
    ['America/Recife', '2000-10-08T03:00:00', -120],
    ['America/Recife', '2000-10-15T01:59:59.999', -120],
    ['America/Recife', '2000-10-15T02:00:00', -180],
  ];
  for (const [zone, at, minutes] of table) t.equal(offsetAt(zone, utc(at)), minutes * minute, `${zone} ${at}`);
  t.equal(offsetAt('Asia/Shanghai', utc('1880-01-01T00:00:00')), (8 * 3600 + 5 * 60 + 43) * 1000, 'local mean time');
});

t.test('offsets agree with the clock that Intl shows, in every zone', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...allZones), someInstant, (zone, at) => offsetAt(zone, at) === shownOffset(zone, at)),
    { numRuns: 3000 },
  );
});

t.test('spans hold the instant asked for and end where the offset changes', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...allZones), someInstant, (zone, at) => {
      const span = spanAt(zone, at);
      const after = spanAt(zone, span.until);
      const close = Math.min(span.until - at, at - span.from) < 86_400_000;
      return (
        span.from <= at &&
        at < span.until &&
        shownOffset(zone, span.from) === span.offsetMs &&
        shownOffset(zone, span.until - 1) === span.offsetMs &&
        shownOffset(zone, span.until) === after.offsetMs &&
        (!close || after.offsetMs !== span.offsetMs || spanAt(zone, span.from - 1).offsetMs !== span.offsetMs)
      );
    }),
    { numRuns: 2000 },
  );
});

t.test('a span does not depend on what was asked before it', async (t) => {
  // The instant lies in the margin of the block after its own, less than a day from where that margin begins.
  const at = -1_203_580_836_402;
  const fresh = spanAt('Africa/Abidjan', at);
  offsetAt('Africa/Abidjan', at + 30 * 86_400_000);
  t.same(spanAt('Africa/Abidjan', at), fresh);
  t.ok(at - spanAt('Africa/Abidjan', at).from > 86_400_000, 'it begins days before');

  const distance = fc.integer({ min: -800 * 86_400_000, max: 800 * 86_400_000 });
  fc.assert(
    fc.property(fc.constantFrom(...allZones), someInstant, distance, (zone, at, distance) => {
      spanAt(zone, at);
      const first = spanAt(zone, at);
      spanAt(zone, at + distance);
      const second = spanAt(zone, at);
      return first.from === second.from && first.until === second.until && first.offsetMs === second.offsetMs;
    }),
    { numRuns: 2000 },
  );
});

t.test('wall clock readings', async (t) => {
  const unique = (at: string) => ({ kind: 'unique', at: utc(at) });
  const gap = (at: string) => ({ kind: 'gap', firstAfter: utc(at) });
  const fold = (earlier: string, later: string) => ({ kind: 'fold', earlier: utc(earlier), later: utc(later) });
  const table: readonly (readonly [zone: string, local: string, expected: object])[] = [
    ['UTC', '2026-07-01T12:00:00', unique('2026-07-01T12:00:00')],
    ['Asia/Shanghai', '2026-07-01T12:00:00', unique('2026-07-01T04:00:00')],
    ['Asia/Kathmandu', '2026-07-01T12:00:00', unique('2026-07-01T06:15:00')],
    ['America/New_York', '2026-03-08T01:59:59.999', unique('2026-03-08T06:59:59.999')],
    ['America/New_York', '2026-03-08T02:00:00', gap('2026-03-08T07:00:00')],
    ['America/New_York', '2026-03-08T02:59:59.999', gap('2026-03-08T07:00:00')],
    ['America/New_York', '2026-03-08T03:00:00', unique('2026-03-08T07:00:00')],
    ['America/New_York', '2026-11-01T00:59:59.999', unique('2026-11-01T04:59:59.999')],
    ['America/New_York', '2026-11-01T01:00:00', fold('2026-11-01T05:00:00', '2026-11-01T06:00:00')],
    ['America/New_York', '2026-11-01T01:59:59.999', fold('2026-11-01T05:59:59.999', '2026-11-01T06:59:59.999')],
    ['America/New_York', '2026-11-01T02:00:00', unique('2026-11-01T07:00:00')],
    ['Australia/Lord_Howe', '2026-10-04T02:15:00', gap('2026-10-03T15:30:00')],
    ['Australia/Lord_Howe', '2026-10-04T02:30:00', unique('2026-10-03T15:30:00')],
    ['Australia/Lord_Howe', '2026-04-05T01:45:00', fold('2026-04-04T14:45:00', '2026-04-04T15:15:00')],
    ['Antarctica/Troll', '2026-03-29T02:30:00', gap('2026-03-29T01:00:00')],
    ['Antarctica/Troll', '2026-10-25T01:30:00', fold('2026-10-24T23:30:00', '2026-10-25T01:30:00')],
    ['Africa/Casablanca', '2026-02-15T02:30:00', fold('2026-02-15T01:30:00', '2026-02-15T02:30:00')],
    ['Africa/Casablanca', '2026-03-22T02:30:00', gap('2026-03-22T02:00:00')],
    ['Pacific/Apia', '2011-12-29T23:59:59', unique('2011-12-30T09:59:59')],
    ['Pacific/Apia', '2011-12-30T00:00:00', gap('2011-12-30T10:00:00')],
    ['Pacific/Apia', '2011-12-30T23:59:59', gap('2011-12-30T10:00:00')],
    ['Pacific/Apia', '2011-12-31T00:00:00', unique('2011-12-30T10:00:00')],
    ['America/St_Johns', '2010-11-06T23:30:00', fold('2010-11-07T02:00:00', '2010-11-07T03:00:00')],
    ['America/St_Johns', '2010-11-07T00:00:30', fold('2010-11-07T02:30:30', '2010-11-07T03:30:30')],
    ['Asia/Manila', '1844-12-31T12:00:00', gap('1844-12-31T15:56:08')],
  ];
  for (const [zone, local, expected] of table) t.same(localToInstants(zone, utc(local)), expected, `${zone} ${local}`);
});

t.test('a reading stands for exactly the instants that show it', async () => {
  fc.assert(
    fc.property(fc.constantFrom(...allZones), someInstant, (zone, at) => {
      const answer = localToInstants(zone, at + shownOffset(zone, at));
      if (answer.kind === 'unique') return answer.at === at;
      return answer.kind === 'fold' && (answer.earlier === at || answer.later === at);
    }),
    { numRuns: 2000 },
  );
});

t.test('first instants never fall as the wall clock rises', async (t) => {
  for (const [zone, around] of [
    ['America/New_York', '2026-03-08T02:00:00'],
    ['America/New_York', '2026-11-01T02:00:00'],
    ['Australia/Lord_Howe', '2026-04-05T02:00:00'],
    ['Pacific/Apia', '2011-12-30T12:00:00'],
  ] as const) {
    let before = Number.NEGATIVE_INFINITY;
    let falls = 0;
    for (let local = utc(around) - 30 * hour; local < utc(around) + 30 * hour; local += 7 * minute) {
      const at = firstInstant(zone, local);
      if (at < before) falls += 1;
      before = at;
    }
    t.equal(falls, 0, zone);
  }
});

t.test('more zones and years than are remembered', async (t) => {
  const letters = 'asia/shanghai';
  const spelling = (n: number): string =>
    [...letters].map((letter, at) => ((n >> at) & 1 ? letter.toUpperCase() : letter)).join('');
  let wrong = 0;
  for (let n = 0; n < 1200; n += 1) if (offsetAt(spelling(n), utc('2026-01-01T00:00:00')) !== 8 * hour) wrong += 1;
  for (let year = 1900; year < 2100; year += 1) {
    const at = Date.UTC(year, 6, 1);
    if (offsetAt('America/New_York', at) !== shownOffset('America/New_York', at)) wrong += 1;
  }
  t.equal(wrong, 0);
});

/** Another spelling for each `n` below 2^letters. */
function respelled(name: string, n: number): string {
  return [...name].map((char, at) => ((n >> at) & 1 ? char.toUpperCase() : char.toLowerCase())).join('');
}

t.test("a name in any case is the database's, and a link keeps its own", async (t) => {
  for (const name of [
    'Europe/Berlin',
    'US/Pacific',
    'Asia/Kolkata',
    'Asia/Calcutta',
    'America/Port-au-Prince',
    'GMT+0',
  ]) {
    for (const text of [name, name.toLowerCase(), name.toUpperCase(), respelled(name, 0b1011001)])
      t.equal(zoneNamed(text), name, text);
  }
  t.equal(zoneNamed('Mars/X'), undefined);
  for (const zone of allZones) if (zoneNamed(zone.toUpperCase()) !== zone) t.fail(zone);
  const summer = utc('2026-07-01T00:00:00');
  t.equal(offsetAt('uS/paCific', summer), -7 * hour, 'a spelling that a job has from before');
});

t.test('ten thousand spellings of a zone ask Intl no more than one', async (t) => {
  const { DateTimeFormat } = Intl;
  let made = 0;
  const counting = new Proxy(DateTimeFormat, {
    construct: (target, given) => {
      made += 1;
      return Reflect.construct(target, given);
    },
  });
  Object.defineProperty(Intl, 'DateTimeFormat', { value: counting, configurable: true, writable: true });
  t.teardown(() => {
    Object.defineProperty(Intl, 'DateTimeFormat', { value: DateTimeFormat, configurable: true, writable: true });
  });
  const at = utc('2026-07-01T00:00:00');
  for (let n = 0; n < 10_000; n += 1) {
    const text = respelled('america/argentina/buenos_aires', n * 7919);
    if (zoneNamed(text) !== 'America/Argentina/Buenos_Aires' || offsetAt(text, at) !== -3 * hour) t.fail(text);
  }
  t.ok(made <= 2, `${made} formatters were made`);
});
