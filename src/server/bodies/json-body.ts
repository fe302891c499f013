/**
 * JSON bodies from bytes. What `JSON.parse` takes but the server does not (numbers that overflow or lose digits, own
 * `__proto__`, deep nesting) is looked for in the parsed value only when the text gives reason to: that walk costs as much as the parsing.
 */
import { isUtf8 } from 'node:buffer';
import { type Faults, pointer } from '../../api/faults.js';
import { Refusal } from '../../domain/errors.js';
import { limits } from '../../domain/limits.js';
import type { ItemPlaces } from './batch-items.js';

/**
 * The value of a JSON body. Faults that JSON allows are added to `faults`.
 *
 * @param at JSON pointer of the value in what was sent
 * @throws Refusal `malformed_json`; or `validation_failed` at once when it is nested too deep, since walking such a value
 *   exhausts the stack
 */
export function parseJson(bytes: Buffer, faults: Faults, at = ''): unknown {
  if (bytes.length === 0) throw new Refusal('malformed_json', 'The body is empty.');
  if (!isUtf8(bytes)) throw new Refusal('malformed_json', notUtf8);
  const crowd = bytes.length > scannedBytes ? crowdIn(bytes) : undefined;
  if (crowd !== undefined) {
    faults.add(at, crowd);
    throw faults.refusal();
  }
  const text = bytes.toString('utf8');
  const value = parseText(text);
  // A list of jobs is a level more than a job.
  const depth = Array.isArray(value) ? -1 : 0;
  const lossy = lossyIntegers(text);
  if (lossy.size > 0 || isSuspicious(text) || nestsDeeper(bytes, limits.payloadDepth - depth)) {
    inspect(value, { at, depth, lossy }, faults);
  }
  return value;
}

/** As `parseJson`, of a body that need not be there: then it is an object without fields. */
export function parseOptional(bytes: Buffer, faults: Faults): unknown {
  return bytes.length === 0 ? {} : parseJson(bytes, faults);
}

/** Bodies up to this size are parsed in a millisecond, whatever is in them. */
const scannedBytes = 64 * 1024;
/** A value has a byte at least, and so has what stands between two. */
const maxValues = limits.payloadBytes / 2;
/** Of the outermost object; more than there can be by far. */
const maxFields = 1000;

/** Why a body is refused before it is parsed: it has so many values that parsing would hold up all other work. Undefined when it has fewer. */
function crowdIn(bytes: Buffer): string | undefined {
  let depth = 0;
  let commas = 0;
  let outerCommas = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) {
      for (at++; at < bytes.length && bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
    } else if (byte === openBrace || byte === openBracket) depth += 1;
    else if (byte === closeBrace || byte === closeBracket) depth -= 1;
    else if (byte === comma) {
      if (depth === 1 && ++outerCommas > maxFields) return `has more than ${maxFields} fields`;
      if (++commas > maxValues) return `has more values than a payload of ${limits.payloadBytes} bytes can have`;
    }
  }
  return undefined;
}

const [newline, zero, nine] = Buffer.from('\n09') as unknown as [number, number, number];
const notUtf8 = 'The body is not valid UTF-8.';
/** What JSON calls whitespace, without the end of the line. */
const blank = /^[ \t\r]*$/;

/**
 * The values of a body of JSON lines (https://jsonlines.org); blank lines are ignored. The body is decoded and looked
 * over as a whole: done line by line, all this took a tenth longer.
 *
 * @param before what came before, where this is a part of a body; whole lines
 * @throws Refusal as `parseJson`, with the number of the line
 */
export function parseLines(bytes: Buffer, places: ItemPlaces, before = { lines: 0, values: 0 }): unknown[] {
  if (!isUtf8(bytes)) throw new Refusal('malformed_json', `Line ${before.lines + lineNotUtf8(bytes)}: ${notUtf8}`);
  const text = bytes.toString('utf8');
  const values: unknown[] = [];
  for (let from = 0, end = 0, line = before.lines + 1; from < text.length; from = end + 1, line++) {
    end = text.indexOf('\n', from);
    if (end < 0) end = text.length;
    const one = text.slice(from, end);
    if (blank.test(one)) continue;
    try {
      values.push(parseText(one));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      throw new Refusal('malformed_json', `Line ${line}: ${error.detail}`);
    }
  }
  const lossy = lossyIntegers(text);
  if (lossy.size > 0 || isSuspicious(text) || nestsDeeper(bytes, limits.payloadDepth)) {
    values.forEach((value, index) => inspectItem(value, before.values + index, lossy, places));
  }
  return values;
}

/**
 * The values of a part of an array: whole items, with the commas between them.
 *
 * @param items where each begins and ends in `bytes`
 * @param before how many items came before
 * @param depth how deep it is nested, 1 for an item without anything in it
 * @throws Refusal as `parseJson`, with the place of the item
 */
export function parseItems(
  bytes: Buffer,
  items: readonly (readonly [from: number, to: number])[],
  before: number,
  depth: number,
  places: ItemPlaces,
): unknown[] {
  const text = bytes.toString('utf8', items[0]?.[0], items.at(-1)?.[1]);
  let values: unknown[] | undefined;
  try {
    values = JSON.parse(`[${text}]`) as unknown[];
  } catch {
    values = undefined;
  }
  // A comma too many at the edge of a part would pass for an empty part.
  if (values?.length !== items.length) throw malformedItem(bytes, items, before);
  const lossy = lossyIntegers(text);
  if (lossy.size > 0 || isSuspicious(text) || depth > limits.payloadDepth) {
    values.forEach((value, index) => inspectItem(value, before + index, lossy, places));
  }
  return values;
}

function malformedItem(bytes: Buffer, items: readonly (readonly [number, number])[], before: number): Refusal {
  for (const [index, [from, to]] of items.entries()) {
    try {
      parseText(bytes.toString('utf8', from, to));
    } catch (error) {
      if (!(error instanceof Refusal)) throw error;
      return new Refusal('malformed_json', `Job ${before + index}: ${error.detail}`);
    }
  }
  return new Refusal('malformed_json', 'The body is not JSON: there is something between its jobs.');
}

/** The first line that is not. No byte of a longer character is a line's end. */
function lineNotUtf8(bytes: Buffer): number {
  for (let from = 0, line = 1; ; line++) {
    const end = bytes.indexOf(newline, from);
    if (end < 0 || !isUtf8(bytes.subarray(from, end))) return line;
    from = end + 1;
  }
}

/** @throws Refusal `malformed_json` */
function parseText(text: string): unknown {
  if (text.charCodeAt(0) === 0xfeff)
    throw new Refusal('malformed_json', 'The body begins with a byte order mark; leave it out.');
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Refusal('malformed_json', `The body is not JSON: ${(error as Error).message}.`);
  }
}

/** Cheap tests without false negatives. */
function isSuspicious(text: string): boolean {
  return (
    // The key itself, or one that is written with escapes.
    text.includes('__proto__') ||
    text.includes('\\u') ||
    // Numbers that overflow with an exponent; without one they are among those of too many digits.
    /\d[eE]\+?\d/.test(text)
  );
}

/** So few digits are exact in a 64-bit float, whichever they are. */
const exactDigits = 15;
const nothingLossy: ReadonlySet<number> = new Set();

/**
 * Whole numbers written out with more digits than a 64-bit float keeps, as what becomes of them, without sign. Every longer run of
 * digits has one at a multiple of its length, so only those places are looked at: a pattern over the whole text took 2% of what
 * a batch costs.
 */
function lossyIntegers(text: string): ReadonlySet<number> {
  let lossy: Set<number> | undefined;
  for (let at = exactDigits; at < text.length; at += exactDigits + 1) {
    if (!isDigit(text, at)) continue;
    let from = at;
    let to = at;
    while (isDigit(text, from - 1)) from--;
    while (isDigit(text, to)) to++;
    at = to;
    if (to - from <= exactDigits || !isWholeNumber(text, from, to)) continue;
    const digits = text.slice(from, to);
    const value = Number(digits);
    if (String(value) === digits) continue;
    lossy ??= new Set();
    lossy.add(value);
  }
  return lossy ?? nothingLossy;
}

/** Whether digits may stand for a number by themselves: neither a fraction nor, most likely, in a string. */
function isWholeNumber(text: string, from: number, to: number): boolean {
  const first = text[from - 1] === '-' ? from - 1 : from;
  return (first === 0 || ':,[ \t\r\n'.includes(text[first - 1] as string)) && !'.eE'.includes(text[to] ?? ' ');
}

/** False outside the text. */
function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= zero && code <= nine;
}

const [quote, backslash, openBrace, closeBrace, openBracket, closeBracket, comma] = Buffer.from(
  '"\\{}[],',
) as unknown as number[];

/**
 * True when valid JSON is nested deeper than that. Over the bytes, since a batch has so many brackets that counting them
 * would send every batch through `inspect`, at three times the cost.
 */
function nestsDeeper(bytes: Buffer, max: number): boolean {
  if (bytes.length < 2 * max) return false;
  let depth = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at];
    if (byte === quote) {
      for (at++; bytes[at] !== quote; at++) if (bytes[at] === backslash) at++;
    } else if (byte === openBrace || byte === openBracket) {
      if (++depth > max) return true;
    } else if (byte === closeBrace || byte === closeBracket) depth--;
  }
  return false;
}

/** `depth` is 0 for a job, so that a payload's own levels count from 1. */
interface Place {
  readonly at: string;
  readonly depth: number;
  readonly lossy: ReadonlySet<number>;
}

function inspectItem(value: unknown, index: number, lossy: ReadonlySet<number>, places: ItemPlaces): void {
  const { at, faults } = places.place(index);
  try {
    inspect(value, { at, depth: 0, lossy }, faults);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    places.refuse(index, error);
  }
}

function inspect(value: unknown, { at, depth, lossy }: Place, faults: Faults): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) faults.add(at, 'must be a number that a 64-bit float can hold');
    else if (lossy.has(Math.abs(value))) {
      faults.add(
        at,
        'has more digits than a 64-bit float keeps (whole numbers up to 9007199254740991); send it as a string',
      );
    }
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (depth > limits.payloadDepth) {
    faults.add(at, `must not be nested deeper than ${limits.payloadDepth} levels`);
    throw faults.refusal();
  }
  if (Array.isArray(value)) {
    value.forEach((item, index) => inspect(item, { at: at + pointer(index), depth: depth + 1, lossy }, faults));
    return;
  }
  for (const [key, item] of Object.entries(value)) {
    const under = at + pointer(key);
    if (key === '__proto__') faults.add(under, 'must not be used as a name');
    else inspect(item, { at: under, depth: depth + 1, lossy }, faults);
  }
}
