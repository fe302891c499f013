/** Occurrences of triggers: the next, the count and the last of a stretch must agree. */
import fc from 'fast-check';
import t from 'tap';
import type { Trigger } from '../../../src/domain/job.js';
import {
  countOccurrences,
  firstOccurrence,
  lastOccurrence,
  nextOccurrence,
} from '../../../src/domain/slots/trigger.js';

const noon = Date.UTC(2026, 0, 1, 12);
const hour = 3_600_000;

/** Every occurrence in (after, until], one after the other. */
function enumerate(trigger: Trigger, after: number, until: number): number[] {
  const found: number[] = [];
  for (let at = nextOccurrence(trigger, after); at !== undefined && at <= until; at = nextOccurrence(trigger, at))
    found.push(at);
  return found;
}

const cron = (expression: string, timezone = 'UTC', repeat = true): Trigger => ({
  kind: 'cron',
  expression,
  timezone,
  repeat,
});

t.test('a trigger for one instant is due there and never again', async (t) => {
  const trigger: Trigger = { kind: 'once', due: noon };
  t.equal(firstOccurrence(trigger, noon - 1), noon);
  t.equal(firstOccurrence(trigger, noon + hour), noon, 'in the past too');
  for (const after of [noon - hour, noon, noon + hour]) {
    t.equal(nextOccurrence(trigger, after), undefined);
    t.equal(countOccurrences(trigger, after, after + 10 * hour), 0);
    t.equal(lastOccurrence(trigger, after, after + 10 * hour), undefined);
  }
});

t.test('an interval runs on the grid of its first due time', async (t) => {
  const trigger: Trigger = { kind: 'interval', everyMs: 250, firstDue: noon };
  t.equal(firstOccurrence(trigger, noon + hour), noon);
  t.equal(nextOccurrence(trigger, noon - 1), noon);
  t.equal(nextOccurrence(trigger, noon), noon + 250);
  t.equal(nextOccurrence(trigger, noon + 249), noon + 250);
  t.equal(nextOccurrence(trigger, noon + 250), noon + 500);
  t.equal(countOccurrences(trigger, noon - 1, noon), 1);
  t.equal(countOccurrences(trigger, noon, noon + 249), 0);
  t.equal(countOccurrences(trigger, noon, noon + 250), 1);
  t.equal(countOccurrences(trigger, noon - hour, noon - 1), 0);
  t.equal(countOccurrences(trigger, noon, noon + hour), hour / 250);
  t.equal(lastOccurrence(trigger, noon, noon + 999), noon + 750);
  t.equal(lastOccurrence(trigger, noon, noon + 249), undefined);
});

t.test('a cron schedule without repetition has one occurrence', async (t) => {
  const trigger = cron('0 30 * * * *', 'UTC', false);
  t.equal(firstOccurrence(trigger, noon), noon + hour / 2);
  t.equal(nextOccurrence(trigger, noon), undefined);
  t.equal(countOccurrences(trigger, noon, noon + 10 * hour), 0);
  t.equal(lastOccurrence(trigger, noon, noon + 10 * hour), undefined);
});

t.test('a cron schedule is first due after the present instant, not at it', async (t) => {
  t.equal(firstOccurrence(cron('0 0 * * * *'), noon), noon + hour);
  t.equal(firstOccurrence(cron('0 0 * * * *'), noon - 1), noon);
});

t.test('an empty or reversed stretch has no occurrence', async (t) => {
  for (const trigger of [cron('* * * * * *'), { kind: 'interval', everyMs: 10, firstDue: noon } as const]) {
    t.equal(countOccurrences(trigger, noon, noon), 0);
    t.equal(countOccurrences(trigger, noon, noon - hour), 0);
    t.equal(lastOccurrence(trigger, noon, noon - hour), undefined);
  }
});

const agree = (trigger: Trigger, after: number, until: number): boolean => {
  const all = enumerate(trigger, after, until);
  return (
    countOccurrences(trigger, after, until) === all.length &&
    lastOccurrence(trigger, after, until) === all.at(-1) &&
    all.every((at, i) => at > (all[i - 1] ?? after))
  );
};

t.test('count and last agree with going from one to the next: intervals', async () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 10, max: 5000 }),
      fc.integer({ min: -20_000, max: 20_000 }),
      fc.integer({ min: 0, max: 60_000 }),
      (everyMs, offset, length) => agree({ kind: 'interval', everyMs, firstDue: noon + offset }, noon, noon + length),
    ),
    { numRuns: 500 },
  );
});

// Stretches around the changes of clocks: New York 2026-03-08 and 2026-11-01, Lord Howe 2026-04-05 and 2026-10-04.
const changes = ['2026-03-08T07:00Z', '2026-11-01T06:00Z', '2026-04-04T15:00Z', '2026-10-03T15:30Z'].map(Date.parse);

t.test('count and last agree with going from one to the next: cron schedules where clocks change', async () => {
  fc.assert(
    fc.property(
      fc.constantFrom(
        '0 */7 * * * *',
        '30 15 2 * * *',
        '0 0 1,2,3 * * *',
        '*/20 30 1 * * *',
        '0 0 0 * * MON',
        '0 59 */2 * * *',
      ),
      fc.constantFrom('UTC', 'America/New_York', 'Australia/Lord_Howe'),
      fc.constantFrom(...changes),
      fc.integer({ min: -30 * hour, max: 10 * hour }),
      fc.integer({ min: 0, max: 60 * hour }),
      (expression, zone, change, offset, length) =>
        agree(cron(expression, zone), change + offset, change + offset + length),
    ),
    { numRuns: 300 },
  );
});

t.test('a million missed seconds are counted, not walked through', async (t) => {
  const begun = performance.now();
  t.equal(countOccurrences(cron('* * * * * *'), noon, noon + 1_000_000_000), 1_000_000);
  t.equal(
    countOccurrences({ kind: 'interval', everyMs: 10, firstDue: noon }, noon, noon + 10_000_000_000),
    1_000_000_000,
  );
  t.equal(lastOccurrence(cron('* * * * * *'), noon, noon + 1_000_000_500), noon + 1_000_000_000);
  t.ok(performance.now() - begun < 3000);
});

t.test('a schedule that no longer parses is a broken invariant', async (t) => {
  t.throws(() => nextOccurrence(cron('61 * * * * *'), noon), /no longer parses/);
});
