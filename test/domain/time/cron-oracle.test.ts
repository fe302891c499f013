/** Cron schedules against an oracle, and against cron-parser, around changes of clocks above all. */
import { CronExpressionParser } from 'cron-parser';
import fc from 'fast-check';
import t from 'tap';
import { countCron, nextCron, previousCron } from '../../../src/domain/time/cron.js';
import { type Cron, parseCron } from '../../../src/domain/time/cron-expression.js';
import { cronOf, dayMs, minuteMs, newYork, utc } from './cron-support.js';

// --- The oracle: reads expressions naively and looks at every minute of a stretch of time. ---

interface Minute {
  /** Unix milliseconds of its beginning. */
  readonly at: number;
  /** Minutes of the wall clock, as if in UTC. */
  readonly local: number;
}

/** Every minute of a stretch, with the clock that Intl shows at it. Clocks change at whole minutes. */
function minutesOf(zone: string, from: number, until: number): Minute[] {
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
  });
  const minutes: Minute[] = [];
  for (let at = from; at < until; at += minuteMs) {
    const [month, day, year, hour, minute] = (clock.format(at).match(/\d+/g) as string[]).map(Number) as [
      number,
      number,
      number,
      number,
      number,
    ];
    minutes.push({ at, local: Date.UTC(year, month - 1, day, hour, minute) / minuteMs });
  }
  return minutes;
}

const names = 'jan feb mar apr may jun jul aug sep oct nov dec sun mon tue wed thu fri sat'.split(' ');

function expand(field: string, min: number, max: number): Set<number> {
  const plain = field.replace(/[a-z]+/gi, (name) => {
    const at = names.indexOf(name.toLowerCase());
    return String(at < 12 ? at + 1 : at - 12);
  });
  const values = new Set<number>();
  for (const item of plain.split(',')) {
    const [range, step] = item.split('/') as [string, string?];
    const [first, last] = range === '*' ? [min, max] : (range.split('-').map(Number) as [number, number?]);
    const end = last ?? (step === undefined ? first : max);
    for (let value = first; value <= end; value += Number(step ?? 1)) values.add(value);
  }
  return values;
}

/** All instants in a stretch at which `expression` should fire, by the letter of the rules. */
function oracle(expression: string, minutes: readonly Minute[]): number[] {
  const fields = expression.split(' ');
  if (fields.length === 5) fields.unshift('0');
  const [second, minute, hour, day, month, weekday] = fields as [string, string, string, string, string, string];
  const seconds = [...expand(second, 0, 59)].sort((a, b) => a - b);
  const sets = { minute: expand(minute, 0, 59), hour: expand(hour, 0, 23), month: expand(month, 1, 12) };
  const days = expand(day, 1, 31);
  const weekdays = new Set([...expand(weekday, 0, 7)].map((each) => each % 7));
  const matches = (local: number): boolean => {
    if (!sets.minute.has(((local % 60) + 60) % 60)) return false;
    const date = new Date(local * minuteMs);
    if (!sets.hour.has(date.getUTCHours()) || !sets.month.has(date.getUTCMonth() + 1)) return false;
    const byDate = days.has(date.getUTCDate());
    const byWeekday = weekdays.has(date.getUTCDay());
    return day !== '*' && weekday !== '*' ? byDate || byWeekday : byDate && byWeekday;
  };
  const real = hour === '*' || hour === '*/1';
  const fired: number[] = [];
  let furthest = (minutes[0]?.local ?? 0) - 1;
  for (const { at, local } of minutes) {
    if (!real && local <= furthest) continue;
    let missed = false;
    if (!real) for (let skipped = furthest + 1; skipped < local && !missed; skipped += 1) missed = matches(skipped);
    const matched = matches(local);
    if (missed && !(matched && seconds[0] === 0)) fired.push(at);
    if (matched) for (const each of seconds) fired.push(at + each * 1000);
    furthest = local;
  }
  return fired;
}

/** The place of the first element that is greater than `value`. */
function placeAfter(sorted: readonly number[], value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is wrong with next and previous at one instant, if anything. */
function faultAt(cron: Cron, zone: string, fired: readonly number[], start: number, end: number, at: number) {
  const place = placeAfter(fired, at);
  const next = nextCron(cron, zone, at);
  const expectedNext = fired[place];
  if (expectedNext === undefined ? next < end : next !== expectedNext) {
    return `next after ${new Date(at).toISOString()} is ${new Date(next).toISOString()}`;
  }
  const previous = previousCron(cron, zone, at);
  const expectedPrevious = fired[place - 1];
  if (expectedPrevious === undefined ? previous !== undefined && previous >= start : previous !== expectedPrevious) {
    return `previous at ${new Date(at).toISOString()} is ${new Date(previous ?? 0).toISOString()}`;
  }
  return undefined;
}

function countFault(cron: Cron, zone: string, fired: readonly number[], after: number, until: number) {
  const expected = Math.max(0, placeAfter(fired, until) - placeAfter(fired, after));
  const count = countCron(cron, zone, after, until);
  if (count === expected) return undefined;
  return `${count} not ${expected} in (${new Date(after).toISOString()}, ${new Date(until).toISOString()}]`;
}

/** Stretches around changes of clocks, and two calm ones, with the turn of a month or a leap day in them. */
const stretches = (
  [
    ['UTC', '2026-03-01T00:00:00'],
    ['UTC', '2028-02-29T00:00:00'],
    [newYork, '2026-03-08T07:00:00'],
    [newYork, '2026-11-01T06:00:00'],
    ['Australia/Lord_Howe', '2026-10-03T15:30:00'],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00'],
    ['Africa/Casablanca', '2026-02-15T02:00:00'],
    ['Africa/Casablanca', '2026-03-22T02:00:00'],
    ['Pacific/Apia', '2011-12-30T10:00:00'],
    ['Pacific/Apia', '2012-03-31T14:00:00'],
    ['Antarctica/Troll', '2026-03-29T01:00:00'],
    ['Antarctica/Troll', '2026-10-25T01:00:00'],
    ['Asia/Kathmandu', '1985-12-31T18:30:00'],
    ['Europe/London', '2026-03-29T01:00:00'],
    ['Europe/London', '2026-10-25T01:00:00'],
    // Midnight itself is missing, or there twice.
    ['America/Sao_Paulo', '2018-11-04T03:00:00'],
    ['America/Sao_Paulo', '2018-02-18T02:00:00'],
    ['Asia/Shanghai', '1986-05-03T18:00:00'],
    ['Asia/Shanghai', '1991-09-14T17:00:00'],
    // One minute past midnight: the repeated hour reaches back into the day before.
    ['America/St_Johns', '2010-11-07T02:31:00'],
    ['America/St_Johns', '2010-03-14T03:31:00'],
    ['Antarctica/Casey', '2022-10-01T16:01:00'],
    ['Africa/Cairo', '2027-04-29T22:00:00'],
    ['Europe/Berlin', '2026-10-25T01:00:00'],
  ] as const
).map(([zone, change]) => {
  const start = utc(change) - 1.5 * dayMs;
  const end = utc(change) + 1.5 * dayMs;
  return { zone, start, end, change: utc(change), minutes: minutesOf(zone, start, end) };
});

const expressions = [
  '0 0 * * * *',
  '0 */5 * * * *',
  '0 0 9 * * *',
  '0 0 0 * * 1',
  '0 0 0 * * *',
  '* * * * * *',
  '*/7 * * * * *',
  '30 * * * * *',
  '0 30 * * * *',
  '0 30 2 * * *',
  '0 15 2 * * *',
  '0 0 2 * * *',
  '0 0 3 * * *',
  '0 30 1 * * *',
  '0 30 1,2,3 * * *',
  '0 */10 1-3 * * *',
  '* * 2 * * *',
  '15,45 * 1-2 * * *',
  '0 0 */2 * * *',
  '0 30 */3 * * *',
  '0 0 */24 30 4 *',
  '0 0 */1 * * *',
  '0 0 0-23 * * *',
  '0 0 0-23/2 * * *',
  '0 59 23 * * *',
  '0 0,30 23,0 * * *',
  '59 59 23 * * *',
  '0 0 12 30 12 *',
  '0 0 * 30 12 *',
  '0 0 0 31 12 *',
  '0 0 0 29 2 *',
  '0 0 0 1 * *',
  '0 0 0 1 * 0',
  '0 30 0 13 * fri',
  '0 15 0,1 * jan-mar,oct,nov sun',
  '5 4 3 2 1 *',
  '0 0 12 * * 6,7',
  '0 */20 0 * * 0-6',
];

t.test('every minute around changes of clocks: next, previous and count', async (t) => {
  for (const { zone, start, end, change, minutes } of stretches) {
    const faults: string[] = [];
    for (const expression of expressions) {
      const cron = cronOf(expression);
      const fired = oracle(expression, minutes);
      const say = (fault: string | undefined) => fault !== undefined && faults.push(`${expression}: ${fault}`);
      // Each occurrence when there are few; with many, those of the change and a sample.
      const sample = Math.ceil(fired.length / 200);
      for (const [place, at] of fired.entries()) {
        if (place % sample !== 0 && Math.abs(at - change) > 20_000) continue;
        for (const near of [at - 1, at, at + 1]) {
          if (near >= start) say(faultAt(cron, zone, fired, start, end, near));
        }
      }
      for (let at = start; at < end; at += 17 * minuteMs + 1) {
        say(faultAt(cron, zone, fired, start, end, at));
        say(countFault(cron, zone, fired, start - 1, at));
        say(countFault(cron, zone, fired, at, end - 1));
      }
      for (let minute = -130; minute <= 130; minute += 10) {
        say(countFault(cron, zone, fired, change - 70 * minuteMs, change + minute * minuteMs));
        say(countFault(cron, zone, fired, change + minute * minuteMs, change + minute * minuteMs + 25 * minuteMs));
      }
    }
    t.same(faults.slice(0, 5), [], `${zone} ${new Date(change).toISOString()}`);
  }
});

/** A field as users might write it, all values within `min` to `max`. */
function field(min: number, max: number): fc.Arbitrary<string> {
  const value = fc.integer({ min, max });
  const range = fc.tuple(value, value).map(([a, b]) => `${Math.min(a, b)}-${Math.max(a, b)}`);
  const step = fc.integer({ min: 1, max: max - min + 1 });
  const item = fc.oneof(
    value.map(String),
    range,
    fc.tuple(range, step).map(([a, b]) => `${a}/${b}`),
    fc.tuple(value, step).map(([a, b]) => `${a}/${b}`),
  );
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant('*') },
    { weight: 1, arbitrary: fc.integer({ min: 2, max: max - min + 1 }).map((n) => `*/${n}`) },
    { weight: 4, arbitrary: fc.array(item, { minLength: 1, maxLength: 3 }).map((items) => items.join(',')) },
  );
}

const someExpression = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constant('0') }, { weight: 1, arbitrary: field(0, 59) }),
    fc.oneof(fc.constantFrom('0', '15', '30', '*/15'), field(0, 59)),
    // Clocks change at night.
    fc.oneof(fc.constantFrom('0', '1', '2', '3', '23', '1-3', '0-23'), field(0, 23)),
    field(1, 31),
    field(1, 12),
    field(0, 6),
  )
  .map((fields) => fields.join(' '))
  .filter((expression) => !('error' in parseCron(expression)));

t.test('random schedules around changes of clocks', async () => {
  fc.assert(
    fc.property(
      someExpression,
      fc.constantFrom(...stretches.keys()),
      fc.array(fc.integer({ min: -2 * 3_600_000, max: 2 * 3_600_000 }), { minLength: 20, maxLength: 20 }),
      (expression, place, offsets) => {
        const { zone, start, end, change, minutes } = stretches[place] as (typeof stretches)[number];
        const cron = cronOf(expression);
        const fired = oracle(expression, minutes);
        for (const offset of offsets) {
          const at = change + offset;
          const fault =
            faultAt(cron, zone, fired, start, end, at) ??
            countFault(cron, zone, fired, start - 1, at) ??
            countFault(cron, zone, fired, at, end - 1) ??
            countFault(cron, zone, fired, change - Math.abs(offset), change + Math.abs(offset));
          if (fault !== undefined) throw new Error(fault);
        }
      },
    ),
    { numRuns: 3000 },
  );
});

t.test('every minute of a year', async (t) => {
  for (const zone of [newYork, 'Australia/Lord_Howe']) {
    const start = utc('2026-01-01T00:00:00');
    const end = start + 365 * dayMs;
    const minutes = minutesOf(zone, start, end);
    const faults: string[] = [];
    for (const expression of ['0 30 2 * * *', '0 30 1 * * 0', '0 0 9 * * 1-5', '0 0 0 1,15 * 5', '0 15 */2 * * *']) {
      const cron = cronOf(expression);
      const fired = oracle(expression, minutes);
      const walked: number[] = [];
      for (let at = start - 1; ; ) {
        at = nextCron(cron, zone, at);
        if (at >= end) break;
        walked.push(at);
      }
      if (JSON.stringify(walked) !== JSON.stringify(fired)) faults.push(`${expression}: forward`);
      const back: number[] = [];
      for (let at: number | undefined = end; ; ) {
        at = previousCron(cron, zone, at - 1);
        if (at === undefined || at < start) break;
        back.unshift(at);
      }
      if (JSON.stringify(back) !== JSON.stringify(fired)) faults.push(`${expression}: backward`);
      for (let day = 0; day < 365; day += 5) {
        const fault = countFault(cron, zone, fired, start + day * dayMs, end - 1);
        if (fault !== undefined) faults.push(`${expression}: ${fault}`);
      }
    }
    t.same(faults, [], zone);
  }
});

t.test('hours in steps of two and more are the hours of the list', async (t) => {
  const faults: string[] = [];
  for (const { zone, change } of stretches) {
    for (let step = 2; step <= 24; step += 1) {
      const hours = Array.from({ length: Math.ceil(24 / step) }, (_, i) => i * step).join(',');
      const stepped = cronOf(`0 */30 */${step} * * *`);
      const listed = cronOf(`0 */30 ${hours} * * *`);
      const start = change - dayMs;
      for (let at = start; at < change + dayMs; at += 47 * minuteMs) {
        const same =
          nextCron(stepped, zone, at) === nextCron(listed, zone, at) &&
          previousCron(stepped, zone, at) === previousCron(listed, zone, at) &&
          countCron(stepped, zone, start, at) === countCron(listed, zone, start, at);
        if (!same) faults.push(`*/${step} in ${zone} at ${new Date(at).toISOString()}`);
      }
    }
  }
  t.same(faults.slice(0, 5), []);
});

t.test("in UTC the occurrences are cron-parser's", async () => {
  // Lists that overlap are refused by it: one item a field.
  const simple = someExpression.filter((expression) => !/,|\d\/\d/.test(expression));
  fc.assert(
    fc.property(simple, fc.integer({ min: 0, max: utc('2100-01-01T00:00:00') }), (expression, at) => {
      const theirs = CronExpressionParser.parse(expression, { currentDate: at, tz: 'UTC' }).next().getTime();
      return nextCron(cronOf(expression), 'UTC', at) === theirs;
    }),
    { numRuns: 1000 },
  );
});

t.test('the answer does not depend on what was asked before', async () => {
  const instants = fc.array(fc.integer({ min: -3 * dayMs, max: 3 * dayMs }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(someExpression, fc.constantFrom(...stretches.keys()), instants, (expression, place, offsets) => {
      const { zone, change } = stretches[place] as (typeof stretches)[number];
      const warm = cronOf(expression);
      return offsets.every((offset) => {
        const fresh: Cron = { ...warm, windows: new Map() };
        return nextCron(warm, zone, change + offset) === nextCron(fresh, zone, change + offset);
      });
    }),
    { numRuns: 500 },
  );
});
