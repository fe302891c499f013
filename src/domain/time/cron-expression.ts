/**
 * Reading cron expressions: a grammar of our own, stricter than cron-parser's, which says what is wrong; the library then
 * reads the fields.
 */
import { CronExpressionParser } from 'cron-parser';
import { LRUCache } from 'lru-cache';
import { limits } from '../limits.js';

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
  /** By zone, the latest answer of `nextCron`. A plain map: there is one a schedule, and an LRU takes 3 kB and 30 µs to make. */
  readonly windows: Map<string, Window>;
}

/** The values of a field in order, and by value the number of those below it: places and values in O(1). */
export interface Members {
  readonly values: readonly number[];
  readonly below: readonly number[];
}

/** Every instant from `from` up to, not including, `next` is followed by `next`. Unix milliseconds. */
export interface Window {
  from: number;
  next: number;
}

/** Those that were used last: reading one takes some 50 µs, finding it less than 0.1. */
const parsed = new LRUCache<string, Cron>({ max: 4096 });

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
    followsInstants: /^\*(?:\/0*1)?$/.test(fields[2] as string),
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
