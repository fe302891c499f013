/**
 * Cron schedules: which instants an expression means in a time zone.
 *
 * The search works on local seconds (wall clock readings, as the Unix seconds of the same reading in UTC), where
 * occurrences are plain sets, and `zone` maps them to instants:
 *
 * - Most schedules are wall clock ones: they fire once for every local time that matches, the first time where it
 *   exists twice, at the first instant after the gap where it does not exist. Several that meet so fire once.
 * - Schedules whose hour is `*` follow real time: they fire at every instant whose local time matches, so in both hours
 *   that bear one name and never in a missing one. Only a step of 1 leaves the star one; every sixth hour is a list.
 */
import { limits } from '../limits.js';
import type { Cron } from './cron-expression.js';
import { firstInstant, spanAt } from './zone.js';

const maxWindows = 16;

const minInstantMs = -62_135_596_800_000;
const daySeconds = 86_400;
const dayMs = 86_400_000;
/** 29 February is the rarest day: it can be 8 years away (1896 to 1904, 2096 to 2104). */
const searchDays = 40 * 366;

/**
 * No zone was ever further from UTC than 16 hours, so from any instant on local times lie at most twice that behind where they are
 * now. What has no match among them has none in between, and the spans of the years there need not be looked at.
 */
const widestOffset = 16 * 3600;
const widestFold = 2 * widestOffset;

// --- Occurrences in a zone ---

/**
 * The first instant after `after` at which `cron` fires.
 *
 * @param zone IANA name, as `zoneNamed` takes it
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

/** The next `count` instants at which `cron` fires, fewer where the years end. Unix milliseconds. */
export function cronTimes(cron: Cron, zone: string, after: number, count: number): number[] {
  const times: number[] = [];
  for (let at = nextCron(cron, zone, after); times.length < count && at <= limits.maxInstantMs; ) {
    times.push(at);
    at = nextCron(cron, zone, at);
  }
  return times;
}

/**
 * The last instant up to and including `atOrBefore` at which `cron` fires.
 *
 * @param zone IANA name, as `zoneNamed` takes it
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
 * @param zone IANA name, as `zoneNamed` takes it
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
    const local = second + span.offsetMs / 1000;
    const at = firstAtOrAfter(cron, local) * 1000 - span.offsetMs;
    if (at < span.until) return at;
    second = Math.max(span.until / 1000, firstAtOrAfter(cron, local - widestFold) - widestOffset);
  }
}

function previousMatch(cron: Cron, zone: string, atOrBefore: number): number {
  for (let second = secondOf(atOrBefore); ; ) {
    const span = spanAt(zone, second * 1000);
    const local = second + span.offsetMs / 1000;
    const at = lastAtOrBefore(cron, local) * 1000 - span.offsetMs;
    if (at >= span.from) return at;
    second = Math.min(Math.ceil(span.from / 1000) - 1, lastAtOrBefore(cron, local + widestFold) + widestOffset);
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
