/**
 * Instants as text: RFC 3339 going out, ISO 8601 date-times coming in. Inside they are Unix milliseconds.
 *
 * Rounding never makes an instant earlier than what was written, so that no job runs early.
 */
import { limits } from '../limits.js';
import { firstInstant, offsetAt } from './zone.js';

/** 0001-01-01T00:00:00Z, Unix milliseconds: with `limits.maxInstantMs`, what four digits of year can say. */
const minInstantMs = -62_135_596_800_000;
const { maxInstantMs } = limits;

const dayMs = 86_400_000;
const minuteMs = 60_000;

const twoDigits = Array.from({ length: 100 }, (_, n) => String(n).padStart(2, '0'));
/** By millisecond: '', '.001', … '.25', … '.999'. */
const fractions = Array.from({ length: 1000 }, (_, n) => `.${String(n).padStart(3, '0')}`.replace(/\.?0+$/, ''));

/** What clocks in `zone` show at an instant, to the second: `2024-01-02T15:20:00`. @throws RangeError as `formatInstant` */
export function localTime(at: number, zone: string): string {
  return formatInstant(at, zone).slice(0, 19);
}

interface Second {
  zone: string;
  /** Unix seconds. */
  second: number;
  head: string;
  tail: string;
  whole: string;
}

/**
 * Seconds that were written lately: neighbours in time are asked for together, and mostly two that lie a whole delay
 * apart, when a job was made and when it is due. A prime of places keeps those from taking each other's. With one place for
 * all, an event took 0.7 µs longer to render, which was half of it.
 */
const written: Second[] = Array.from({ length: 61 }, () => ({
  zone: '',
  second: Number.NaN,
  head: '',
  tail: '',
  whole: '',
}));
/** Two years of dates; each day has one place, which the latest of its tenants holds. */
const writtenDates = Array.from({ length: 731 }, () => ({ day: Number.NaN, text: '' }));
const writtenOffset = { minutes: Number.NaN, text: '' };

/**
 * Writes an instant as RFC 3339 with the numeric offset of `zone` (`+00:00` for UTC) and a fraction only where it is
 * not zero. Years that four digits cannot say in `zone` are written in UTC.
 *
 * @param at Unix milliseconds within the years 1 to 9999
 * @throws RangeError outside these years
 */
export function formatInstant(at: number, zone: string): string {
  const second = Math.floor(at / 1000);
  // What is no number has no place of its own, and is refused when it is written.
  const known = written[Math.abs(second) % written.length] ?? (written[0] as Second);
  if (second !== known.second || zone !== known.zone) writeSecond(known, second, zone);
  const ms = Math.floor(at - second * 1000);
  return ms === 0 ? known.whole : known.head + (fractions[ms] as string) + known.tail;
}

function writeSecond(into: Second, second: number, zone: string): void {
  const at = second * 1000;
  if (!(at >= minInstantMs && at <= maxInstantMs)) {
    throw new RangeError(`instant ${at} is not within the years 1 to 9999`);
  }
  // RFC 3339 has no seconds in offsets, which zones had before about 1900: the clock shown is that of the whole minute.
  let minutes = Math.round(offsetAt(zone, at) / minuteMs);
  let local = at + minutes * minuteMs;
  if (local < minInstantMs || local > maxInstantMs) {
    minutes = 0;
    local = at;
  }
  const day = Math.floor(local / dayMs);
  const date = writtenDates[Math.abs(day) % writtenDates.length] as (typeof writtenDates)[number];
  if (day !== date.day) {
    date.day = day;
    date.text = new Date(day * dayMs).toISOString().slice(0, 11);
  }
  if (minutes !== writtenOffset.minutes) {
    writtenOffset.minutes = minutes;
    writtenOffset.text = offsetText(minutes);
  }
  const clock = (local - day * dayMs) / 1000;
  const hour = twoDigits[Math.floor(clock / 3600)] as string;
  const minute = twoDigits[Math.floor(clock / 60) % 60] as string;
  into.zone = zone;
  into.second = second;
  into.head = `${date.text}${hour}:${minute}:${twoDigits[clock % 60] as string}`;
  into.tail = writtenOffset.text;
  into.whole = into.head + into.tail;
}

function offsetText(minutes: number): string {
  const size = Math.abs(minutes);
  return `${minutes < 0 ? '-' : '+'}${twoDigits[Math.floor(size / 60)]}:${twoDigits[size % 60]}`;
}

const form =
  /^(\d{4})-(\d{2})-(\d{2})[Tt](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d{2})(?::?(\d{2}))?)?$/;
const example = 'write an ISO 8601 date-time such as 2026-01-02T15:30:00+08:00';
/** Far more than any clock can tell apart. */
const maxChars = 128;

const monthNames = 'January February March April May June July August September October November December'.split(' ');

/**
 * Reads an ISO 8601 date-time in extended form, in the years 1 to 9999: seconds and fraction may be missing, the offset
 * is `Z`, `±hh:mm`, `±hhmm`, `±hh` or absent. Without one it is a wall clock reading in `zone`; one that does not exist
 * there is the first instant after the gap, one that exists twice the earlier.
 *
 * @returns Unix milliseconds, a finer fraction rounded up; or what is wrong with the text, as the predicate of a
 *   sentence about it
 */
export function parseInstant(text: string, zone: string): { readonly ms: number } | { readonly error: string } {
  const match = text.length <= maxChars ? form.exec(text) : null;
  if (!match) return { error: explain(text) };
  const [, year, month, day, hour, minute, second = '0', fraction, utc, sign, offsetHours = '0', offsetMinutes = '0'] =
    match as (string | undefined)[];
  const fault =
    dateFault(Number(year), Number(month), Number(day)) ??
    clockFault(Number(hour), Number(minute), Number(second)) ??
    offsetFault(Number(offsetHours), Number(offsetMinutes));
  if (fault !== undefined) return { error: fault };

  const clock = (Number(hour) * 60 + Number(minute)) * minuteMs + Number(second) * 1000 + fractionMs(fraction ?? '');
  const local = dateMs(Number(year), Number(month), Number(day)) + clock;
  let at: number;
  if (utc !== undefined) at = local;
  else if (sign !== undefined) {
    const offset = (Number(offsetHours) * 60 + Number(offsetMinutes)) * minuteMs;
    at = sign === '-' ? local + offset : local - offset;
  } else at = firstInstant(zone, local);
  if (at < minInstantMs || at > maxInstantMs) return { error: 'must be within the years 1 to 9999 in UTC' };
  return { ms: at };
}

/** Midnight UTC. `Date.UTC` takes years below 100 for the 20th century's: it is asked 400 years, one cycle, later. */
function dateMs(year: number, month: number, day: number): number {
  return Date.UTC(year + 400, month - 1, day) - 146_097 * dayMs;
}

/** Milliseconds of a fraction's digits, rounded up. */
function fractionMs(digits: string): number {
  const ms = Number(digits.slice(0, 3).padEnd(3, '0'));
  return /[1-9]/.test(digits.slice(3)) ? ms + 1 : ms;
}

function dateFault(year: number, month: number, day: number): string | undefined {
  if (year < 1) return 'must have a year from 0001 to 9999';
  if (month < 1 || month > 12) return 'must have a month from 01 to 12';
  const days = new Date(Date.UTC(year + 400, month, 0)).getUTCDate();
  if (day >= 1 && day <= days) return undefined;
  return `must be a date that exists: ${monthNames[month - 1]} ${year} has the days 01 to ${days}`;
}

function clockFault(hour: number, minute: number, second: number): string | undefined {
  if (hour > 23) return 'must have an hour from 00 to 23; the end of a day is 00:00 of the next';
  if (minute > 59) return 'must have a minute from 00 to 59';
  if (second > 59) return 'must have a second from 00 to 59; leap seconds are not supported';
  return undefined;
}

function offsetFault(hours: number, minutes: number): string | undefined {
  return hours > 23 || minutes > 59 ? 'must have an offset from -23:59 to +23:59' : undefined;
}

/** Says why `text`, which has not the form of a date-time, has not. */
function explain(text: string): string {
  if (text === '') return `must not be empty; ${example}`;
  if (text.length > maxChars) return `must be at most ${maxChars} characters long; ${example}`;
  if (/\s/.test(text)) return 'must not contain spaces; write T between date and time';
  if (/^[+-]?\d+(?:[.,]\d+)?$/.test(text)) return `must not be a bare number; ${example}`;
  if (/^\d{4}-?W\d/i.test(text)) return `must not be a week date; ${example}`;
  if (/^\d{4}-?\d{3}(?:T|$)/i.test(text)) return `must not be an ordinal date; ${example}`;
  if (/^(?:[+-]\d+|\d{5,})-/.test(text)) return `must have a year of four digits; ${example}`;
  if (/^\d{4}-\d{2}-\d{2}$/.test(text)) return `must have a time of day as well; ${example}`;
  return `is not a date-time; ${example}`;
}
