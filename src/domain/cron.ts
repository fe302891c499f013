/**
 * Cron schedules: which instants an expression means in a time zone.
 *
 * cron-parser reads the fields, behind a grammar of our own that is stricter and says what is wrong; the search is
 * ours. It works on local seconds (wall clock readings, as the Unix seconds of the same reading in UTC), where
 * occurrences are plain sets, and `zone` maps them to instants:
 *
 * - Most schedules are wall clock ones: they fire once for every local time that matches, the first time where it
 *   exists twice, at the first instant after the gap where it does not exist. Several that meet so fire once.
 * - Schedules whose hour is `*`, with or without a step, follow real time: they fire at every instant whose local time
 *   matches, so in both hours that bear one name and never in a missing one.
 */
import { CronExpressionParser } from 'cron-parser';
import { limits } from './limits.js';
import { firstInstant, spanAt } from './zone.js';

/** A schedule that was read. Only `expression` is for others. */
export interface Cron {
  /** As the user wrote it. */
  readonly expression: string;
  readonly followsInstants: boolean;
  readonly seconds: Members;
  readonly minutes: Members;
  readonly hours: Members;
  /** Bit n stands for day n, month n, weekday n (Sunday is 0). */
  readonly daysOfMonth: number;
  readonly months: number;
  readonly weekdays: number;
  /** Day of month and weekday are both restricted: a day needs to match only one of them. */
  readonly eitherDay: boolean;
  /** By zone, the latest answer of `nextCron`. */
  readonly windows: Map<string, Window>;
}

/** The values of a field in order, and by value the number of those below it: places and values in O(1). */
interface Members {
  readonly values: readonly number[];
  readonly below: readonly number[];
}

/** Every instant from `from` up to, not including, `next` is followed by `next`. Unix milliseconds. */
interface Window {
  from: number;
  next: number;
}

const maxParsed = 4096;
const maxWindows = 16;
const parsed = new Map<string, Cron>();

const minInstantMs = -62_135_596_800_000;
const daySeconds = 86_400;
const dayMs = 86_400_000;
/** 29 February is the rarest day: it can be 8 years away (1896 to 1904, 2096 to 2104). */
const searchDays = 40 * 366;

// --- Reading ---

interface FieldRule {
  readonly name: string;
  readonly min: number;
  readonly max: number;
  /** Values that a star stands for and that a step may span. */
  readonly count: number;
  /** Names of the values from `min` on. */
  readonly names: readonly string[];
}

const fieldRules: readonly FieldRule[] = [
  { name: 'second', min: 0, max: 59, count: 60, names: [] },
  { name: 'minute', min: 0, max: 59, count: 60, names: [] },
  { name: 'hour', min: 0, max: 23, count: 24, names: [] },
  { name: 'day-of-month', min: 1, max: 31, count: 31, names: [] },
  { name: 'month', min: 1, max: 12, count: 12, names: 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ') },
  { name: 'weekday', min: 0, max: 7, count: 7, names: 'sun mon tue wed thu fri sat'.split(' ') },
];

const shorthands: Readonly<Record<string, string>> = {
  '@yearly': '0 0 0 1 1 *',
  '@annually': '0 0 0 1 1 *',
  '@monthly': '0 0 0 1 * *',
  '@weekly': '0 0 0 * * 0',
  '@daily': '0 0 0 * * *',
  '@midnight': '0 0 0 * * *',
  '@hourly': '0 0 * * * *',
};

/** A fault of an expression, thrown within this file only. */
class Fault extends Error {}

/**
 * Reads a cron expression: six fields from the second on, five without it, or a shorthand such as `@daily`.
 *
 * @returns the schedule, the same object for the same text while it is remembered; or what is wrong with the text, as
 *   the predicate of a sentence about it
 */
export function parseCron(expression: string): { readonly cron: Cron } | { readonly error: string } {
  let cron = parsed.get(expression);
  if (!cron) {
    try {
      cron = readCron(expression);
    } catch (error) {
      if (error instanceof Fault) return { error: error.message };
      throw error;
    }
    if (parsed.size >= maxParsed) parsed.delete(parsed.keys().next().value as string);
    parsed.set(expression, cron);
  }
  return { cron };
}

function readCron(expression: string): Cron {
  const fields = splitFields(expression);
  const canonical = fieldRules.map((rule, at) => readField(fields[at] as string, rule));
  const [, , , daysOfMonth, months, weekdays] = canonical as [string, string, string, string, string, string];
  if (weekdays === '*' && !daysExist(daysOfMonth, months)) {
    throw new Fault('never fires: none of its months has any of its days');
  }
  const read = CronExpressionParser.parse(canonical.join(' '), { currentDate: 0, tz: 'UTC' }).fields;
  return {
    expression,
    followsInstants: /^\*(?:\/\d+)?$/.test(fields[2] as string),
    seconds: membersOf(read.second.values, 60),
    minutes: membersOf(read.minute.values, 60),
    hours: membersOf(read.hour.values, 24),
    daysOfMonth: bitsOf(read.dayOfMonth.values),
    months: bitsOf(read.month.values),
    weekdays: bitsOf(read.dayOfWeek.values),
    eitherDay: !read.dayOfMonth.isWildcard && !read.dayOfWeek.isWildcard,
    windows: new Map(),
  };
}

/** The six fields of an expression, as written. */
function splitFields(expression: string): string[] {
  if (expression.length > limits.cronChars) throw new Fault(`must be at most ${limits.cronChars} characters long`);
  const strange = /[^\t\x20-\x7e]/u.exec(expression)?.[0].codePointAt(0);
  if (strange !== undefined) {
    const code = strange.toString(16).toUpperCase().padStart(4, '0');
    throw new Fault(`must be printable ASCII with spaces between the fields, and has the character U+${code}`);
  }
  let fields = expression.split(/[ \t]+/).filter((field) => field !== '');
  const first = fields[0] ?? '';
  if (first.startsWith('@')) {
    const known = Object.hasOwn(shorthands, first.toLowerCase()) ? shorthands[first.toLowerCase()] : undefined;
    if (known === undefined || fields.length > 1) {
      throw new Fault(`must be fields or one of ${Object.keys(shorthands).join(', ')}, and has "${first}"`);
    }
    fields = known.split(' ');
  }
  if (fields.length === 5) fields = ['0', ...fields];
  if (fields.length !== 6) {
    const six = 'six fields (second minute hour day-of-month month weekday)';
    throw new Fault(`must have ${six} or five (no second), and has ${fields.length}`);
  }
  return fields;
}

/** A field as `*` or as a list of its values, each once and in order: cron-parser refuses lists that overlap. */
function readField(text: string, rule: FieldRule): string {
  const values = new Set<number>();
  let everything = false;
  for (const item of text.split(',')) {
    if (item === '') throw new Fault(`has an empty place in the list of the ${rule.name} field`);
    const { from, to, step } = readItem(item, rule);
    if (item.startsWith('*') && step === 1) everything = true;
    for (let value = from; value <= to; value += step) values.add(rule.name === 'weekday' ? value % 7 : value);
  }
  return everything ? '*' : [...values].sort((a, b) => a - b).join(',');
}

const itemForm = /^(?:(\*)|(\d+|[a-z]+)(?:-(\d+|[a-z]+))?)(?:\/(\d+))?$/i;

/** One item of a list: a star, a value or a range, each with or without a step. */
function readItem(item: string, rule: FieldRule): { from: number; to: number; step: number } {
  const match = itemForm.exec(item);
  if (!match) throw unknownItem(item, rule);
  const [, star, first, last, stepText] = match;
  const step = stepText === undefined ? 1 : Number(stepText);
  if (step < 1 || step > rule.count) {
    throw new Fault(`has the step ${item} in the ${rule.name} field; allowed are steps from 1 to ${rule.count}`);
  }
  if (star !== undefined) return { from: rule.min, to: rule.min + rule.count - 1, step };
  const from = readValue(first as string, item, rule);
  if (last === undefined) return { from, to: stepText === undefined ? from : rule.max, step };
  let to = readValue(last, item, rule);
  // A week that is written with names ends on Sunday: fri-sun.
  if (rule.name === 'weekday' && to === 0 && from > 0 && /^[a-z]/i.test(last)) to = 7;
  if (to < from) throw new Fault(`has the range ${item} in the ${rule.name} field, which ends before it begins`);
  return { from, to, step };
}

function readValue(text: string, item: string, rule: FieldRule): number {
  const value = /^\d/.test(text) ? Number(text) : rule.names.indexOf(text.toLowerCase());
  if (/^\d/.test(text)) {
    if (value >= rule.min && value <= rule.max) return value;
  } else if (value >= 0) return value + rule.min;
  throw unknownItem(item, rule);
}

function unknownItem(item: string, rule: FieldRule): Fault {
  const names = rule.names.length > 0 ? ` or ${rule.names[0]} to ${rule.names.at(-1)}` : '';
  const special = /^(?:\d*[LWH]|LW|L-\d+|H\(.*|.*[#?].*)$/i.test(item) ? '; L, W, #, H and ? are not supported' : '';
  const allowed = `${rule.min} to ${rule.max}${names}, *, ranges, lists and steps`;
  return new Fault(`has ${item} in the ${rule.name} field; allowed are ${allowed}${special}`);
}

/** True when some of the months has some of the days in some year. Both are canonical fields. */
function daysExist(daysOfMonth: string, months: string): boolean {
  if (daysOfMonth === '*' || months === '*') return true;
  const firstDay = Number.parseInt(daysOfMonth, 10);
  return months.split(',').some((month) => firstDay <= new Date(Date.UTC(2000, Number(month), 0)).getUTCDate());
}

function membersOf(values: readonly unknown[], size: number): Members {
  const numbers = values.map(Number);
  const below = Array.from({ length: size + 1 }, (_, value) => numbers.filter((each) => each < value).length);
  return { values: numbers, below };
}

function bitsOf(values: readonly unknown[]): number {
  return values.reduce((bits: number, value) => bits | (1 << Number(value)), 0);
}

// --- Occurrences in a zone ---

/**
 * The first instant after `after` at which `cron` fires.
 *
 * @param zone IANA name, as `isZone` takes it
 * @param after Unix milliseconds
 * @returns Unix milliseconds; may lie past the year 9999
 */
export function nextCron(cron: Cron, zone: string, after: number): number {
  const window = cron.windows.get(zone);
  if (window && after >= window.from && after < window.next) return window.next;
  const next = cron.followsInstants
    ? nextMatch(cron, zone, after)
    : firstInstant(zone, firstAtOrAfter(cron, secondOf(wallPosition(zone, after)) + 1) * 1000);
  if (!window) {
    if (cron.windows.size >= maxWindows) cron.windows.clear();
    cron.windows.set(zone, { from: after, next });
  } else {
    window.from = next === window.next ? Math.min(after, window.from) : after;
    window.next = next;
  }
  return next;
}

/**
 * The last instant up to and including `atOrBefore` at which `cron` fires.
 *
 * @param zone IANA name, as `isZone` takes it
 * @param atOrBefore Unix milliseconds
 * @returns Unix milliseconds; undefined when there is none since the year 1
 */
export function previousCron(cron: Cron, zone: string, atOrBefore: number): number | undefined {
  if (atOrBefore < minInstantMs) return undefined;
  const at = cron.followsInstants
    ? previousMatch(cron, zone, atOrBefore)
    : firstInstant(zone, lastAtOrBefore(cron, secondOf(wallPosition(zone, atOrBefore))) * 1000);
  return at < minInstantMs ? undefined : at;
}

/**
 * How often `cron` fires after `after` and up to and including `until`. The cost grows with the days in between, not
 * with the occurrences.
 *
 * @param zone IANA name, as `isZone` takes it
 * @param after Unix milliseconds
 * @param until Unix milliseconds
 */
export function countCron(cron: Cron, zone: string, after: number, until: number): number {
  if (until <= after) return 0;
  return cron.followsInstants ? countMatches(cron, zone, after, until) : countWallTimes(cron, zone, after, until);
}

/** Counts local times, less those that a gap makes meet: all within it and the one at which it ends fire once. */
function countWallTimes(cron: Cron, zone: string, after: number, until: number): number {
  const end = secondOf(wallPosition(zone, until)) + 1;
  let count = countBetween(cron, secondOf(wallPosition(zone, after)) + 1, end);
  for (let span = spanAt(zone, after); span.until <= until; ) {
    const following = spanAt(zone, span.until);
    if (following.offsetMs > span.offsetMs) {
      const gapStart = secondOf(span.until + span.offsetMs);
      const gapEnd = secondOf(span.until + following.offsetMs);
      count -= Math.max(0, countBetween(cron, gapStart, gapEnd + 1) - 1);
    }
    span = following;
  }
  return count;
}

/**
 * How far the wall clock has come at an instant: the latest local time, in milliseconds, whose first instant is not
 * after `at`. While local times are repeated, that is the end of the repetition. First instants never fall as local
 * times rise, so what is up to this position has fired and what is past it has not.
 */
function wallPosition(zone: string, at: number): number {
  const span = spanAt(zone, at);
  const before = spanAt(zone, span.from - 1);
  const repeated = before.offsetMs - span.offsetMs;
  return at - span.from < repeated ? span.from + before.offsetMs - 1 : at + span.offsetMs;
}

// Offsets are whole seconds and change at whole seconds, so a span can be walked in seconds.

function nextMatch(cron: Cron, zone: string, after: number): number {
  for (let second = secondOf(after) + 1; ; ) {
    const span = spanAt(zone, second * 1000);
    const at = firstAtOrAfter(cron, second + span.offsetMs / 1000) * 1000 - span.offsetMs;
    if (at < span.until) return at;
    second = span.until / 1000;
  }
}

function previousMatch(cron: Cron, zone: string, atOrBefore: number): number {
  for (let second = secondOf(atOrBefore); ; ) {
    const span = spanAt(zone, second * 1000);
    const at = lastAtOrBefore(cron, second + span.offsetMs / 1000) * 1000 - span.offsetMs;
    if (at >= span.from) return at;
    second = Math.ceil(span.from / 1000) - 1;
  }
}

function countMatches(cron: Cron, zone: string, after: number, until: number): number {
  const end = secondOf(until) + 1;
  let count = 0;
  for (let second = secondOf(after) + 1; second < end; ) {
    const span = spanAt(zone, second * 1000);
    const spanEnd = Math.min(end, Math.ceil(span.until / 1000));
    const offset = span.offsetMs / 1000;
    count += countBetween(cron, second + offset, spanEnd + offset);
    second = spanEnd;
  }
  return count;
}

function secondOf(ms: number): number {
  return Math.floor(ms / 1000);
}

// --- Occurrences among local seconds ---

function firstAtOrAfter(cron: Cron, second: number): number {
  const day = Math.floor(second / daySeconds);
  const place = placeOf(cron, second - day * daySeconds);
  if (place < timesADay(cron) && matchesDay(cron, day)) return day * daySeconds + timeAt(cron, place);
  return nextDay(cron, day + 1, 1) * daySeconds + timeAt(cron, 0);
}

function lastAtOrBefore(cron: Cron, second: number): number {
  const day = Math.floor(second / daySeconds);
  const place = placeOf(cron, second - day * daySeconds + 1) - 1;
  if (place >= 0 && matchesDay(cron, day)) return day * daySeconds + timeAt(cron, place);
  return nextDay(cron, day - 1, -1) * daySeconds + timeAt(cron, timesADay(cron) - 1);
}

/** Occurrences from `start` up to, not including, `end`. */
function countBetween(cron: Cron, start: number, end: number): number {
  const firstDay = Math.floor(start / daySeconds);
  const lastDay = Math.floor(end / daySeconds);
  let count = 0;
  if (matchesDay(cron, firstDay)) count -= placeOf(cron, start - firstDay * daySeconds);
  if (matchesDay(cron, lastDay)) count += placeOf(cron, end - lastDay * daySeconds);
  let days = 0;
  for (let day = firstDay; day < lastDay; day += 1) if (matchesDay(cron, day)) days += 1;
  return count + days * timesADay(cron);
}

function timesADay(cron: Cron): number {
  return cron.hours.values.length * cron.minutes.values.length * cron.seconds.values.length;
}

/** The number of times of day that match and come before `time`, 0 to 86,400 seconds. */
function placeOf(cron: Cron, time: number): number {
  const { hours, minutes, seconds } = cron;
  const hour = Math.floor(time / 3600);
  const minute = Math.floor(time / 60) % 60;
  let place = nth(hours.below, hour);
  const inHour = hour < 24 && nth(hours.below, hour + 1) > place;
  place *= minutes.values.length;
  const earlier = nth(minutes.below, minute);
  if (inHour) place += earlier;
  place *= seconds.values.length;
  if (inHour && nth(minutes.below, minute + 1) > earlier) place += nth(seconds.below, time % 60);
  return place;
}

/** The time of day, in seconds, that matches and has `place` others before it. */
function timeAt(cron: Cron, place: number): number {
  const { hours, minutes, seconds } = cron;
  const inMinutes = Math.floor(place / seconds.values.length);
  const hour = nth(hours.values, Math.floor(inMinutes / minutes.values.length));
  const minute = nth(minutes.values, inMinutes % minutes.values.length);
  return hour * 3600 + minute * 60 + nth(seconds.values, place % seconds.values.length);
}

function nth(list: readonly number[], index: number): number {
  return list[index] as number;
}

/** `day` counts from 1970-01-01. */
function matchesDay(cron: Cron, day: number): boolean {
  const date = new Date(day * dayMs);
  if (((cron.months >> (date.getUTCMonth() + 1)) & 1) === 0) return false;
  const byDate = (cron.daysOfMonth >>> date.getUTCDate()) & 1;
  const byWeekday = (cron.weekdays >> date.getUTCDay()) & 1;
  return (cron.eitherDay ? byDate | byWeekday : byDate & byWeekday) === 1;
}

/** The nearest day that matches, from `day` on in the given direction; months that do not match are skipped whole. */
function nextDay(cron: Cron, day: number, direction: 1 | -1): number {
  const first = day;
  while (Math.abs(day - first) < searchDays) {
    if (matchesDay(cron, day)) return day;
    const date = new Date(day * dayMs);
    if ((cron.months >> (date.getUTCMonth() + 1)) & 1) day += direction;
    else day = (direction > 0 ? date.setUTCMonth(date.getUTCMonth() + 1, 1) : date.setUTCDate(0)) / dayMs;
  }
  throw new Error(`no day for ${cron.expression}`);
}
