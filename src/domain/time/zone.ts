/**
 * Time zones, from the tables that Node carries (Intl), made fast enough to ask for every instant that is shown.
 *
 * A zone is a sequence of spans of one offset each. They are found by probing Intl, a good year (a block) at a time,
 * and remembered; the bounds of the cache are in blocks and zones. A zone is one whatever the case its name is written in. "Local" times are wall clocks, encoded as the
 * milliseconds that the same reading would be in UTC.
 */
import { LRUCache } from 'lru-cache';
import { spelled } from './zone-names.js';

/** A stretch of time with one offset. */
export interface Span {
  /** First instant, Unix milliseconds. A change of offset, or else days before the instant that was asked for. */
  readonly from: number;
  /** First instant after it: a change of offset, or else days after the instant that was asked for. */
  readonly until: number;
  /** Milliseconds east of UTC: local time = instant + offset. Whole seconds. */
  readonly offsetMs: number;
}

/** What a wall clock reading stands for. All instants are Unix milliseconds. */
export type LocalInstants =
  | { readonly kind: 'unique'; readonly at: number }
  /** It does not exist: clocks were put forward past it, to `firstAfter`. */
  | { readonly kind: 'gap'; readonly firstAfter: number }
  /** It exists twice: clocks were put back. */
  | { readonly kind: 'fold'; readonly earlier: number; readonly later: number };

interface Zone {
  /** As `zoneNamed` writes it. */
  readonly name: string;
  /** The span that was asked for last: nearly always the one that is asked for next. */
  current: Span;
  /**
   * The instants that `current` answers for: those of its block, without the margins, where it may begin or end close
   * to the instant asked for although no offset changes there.
   */
  currentFrom: number;
  currentUntil: number;
  /** By number. A plain map: there is one a zone, and an LRU takes 3 kB and 30 µs to make. */
  readonly blocks: Map<number, readonly Span[]>;
}

/**
 * The distance of probes, 3.1 days. It must be below the shortest span that lies between two changes: 7 days in the
 * tz database (Recife in October 2000, Gaza from 2040 on).
 */
const probeMs = 2 ** 28;
/** 398 days. */
const blockMs = 2 ** 35;
/** A block knows this much beyond its edges, so that its spans end close to an instant within it by a change only. */
const marginMs = 4 * probeMs;
/** No zone was ever further from UTC (Manila, before 1845: 15 h 56 min west). */
const maxOffsetMs = 16 * 3_600_000;

const maxBlocks = 64;
const maxZones = 1024;
/** Longer than every name there is. */
const maxNameChars = 64;

const zones = new LRUCache<string, Zone>({ max: maxZones });
let lastZone = newZone('');

/** Letters, digits and separators from a letter on: neither an offset such as `+08:00` nor a blank. */
const nameForm = /^[A-Za-z][A-Za-z0-9_+\-/]*$/;
/**
 * Names that ICU adds to the IANA's, some with another meaning than anyone expects (`BST` is Dhaka's time there). From
 * ICU's table of legacy zone names, https://github.com/unicode-org/icu, tools/tzcode/icuzones.
 */
const foreignNames = new Set(
  'ACT AET AGT ART AST BET BST CAT CNT CST CTT EAT ECT IET IST JST MIT NET NST PLT PNT PRT PST SST VST'.split(' '),
);
const foreignForm = /^(?:SystemV\/.*|Etc\/Unknown)$/i;

/**
 * The zone of the IANA time zone database that `text` names in any case, in the database's spelling; links such as
 * `US/Pacific` keep their own name. Undefined when there is no such zone, or none that Intl knows.
 */
export function zoneNamed(text: string): string | undefined {
  if (text.length > maxNameChars || !nameForm.test(text)) return undefined;
  if (foreignNames.has(text.toUpperCase()) || foreignForm.test(text)) return undefined;
  const listed = spelled(text);
  if (listed !== undefined && zones.get(listed)) return listed;
  try {
    const known = keep(listed ?? text).name;
    return listed ?? (known.toLowerCase() === text.toLowerCase() ? known : text);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The offset of `zone` at an instant.
 *
 * @param at Unix milliseconds
 * @returns milliseconds east of UTC
 * @throws RangeError for a name that Intl does not know
 */
export function offsetAt(zone: string, at: number): number {
  return spanAt(zone, at).offsetMs;
}

/**
 * The span of constant offset that holds an instant.
 *
 * @param at Unix milliseconds
 * @throws RangeError for a name that Intl does not know
 */
export function spanAt(zone: string, at: number): Span {
  const known = zone === lastZone.name ? lastZone : zoneOf(zone);
  return at >= known.currentFrom && at < known.currentUntil ? known.current : findSpan(known, at);
}

/**
 * What a wall clock reading in `zone` stands for.
 *
 * @param localMs the reading, as the Unix milliseconds of the same reading in UTC
 * @throws RangeError for a name that Intl does not know
 */
export function localToInstants(zone: string, localMs: number): LocalInstants {
  let span = spanAt(zone, localMs - maxOffsetMs);
  const lastCandidate = localMs + maxOffsetMs;
  if (lastCandidate < span.until) return { kind: 'unique', at: localMs - span.offsetMs };
  let earlier: number | undefined;
  let later = 0;
  let firstAfter: number | undefined;
  for (;;) {
    const at = localMs - span.offsetMs;
    if (at >= span.from && at < span.until) {
      earlier ??= at;
      later = at;
    }
    if (span.until > lastCandidate) break;
    const next = spanAt(zone, span.until);
    if (at >= span.until && localMs - next.offsetMs < span.until) firstAfter ??= span.until;
    span = next;
  }
  if (earlier !== undefined) {
    return earlier === later ? { kind: 'unique', at: earlier } : { kind: 'fold', earlier, later };
  }
  if (firstAfter === undefined) throw new Error(`no instant for local time ${localMs} in ${zone}`);
  return { kind: 'gap', firstAfter };
}

/**
 * The one instant that a wall clock reading in `zone` means where only one can be used: the first instant after the
 * gap where it does not exist, the earlier where it exists twice. Never falls as `localMs` rises.
 *
 * @param localMs as for `localToInstants`
 * @returns Unix milliseconds
 * @throws RangeError for a name that Intl does not know
 */
export function firstInstant(zone: string, localMs: number): number {
  const instants = localToInstants(zone, localMs);
  switch (instants.kind) {
    case 'unique':
      return instants.at;
    case 'gap':
      return instants.firstAfter;
    case 'fold':
      return instants.earlier;
    default:
      return instants satisfies never;
  }
}

/** Also under a spelling that is not the database's, which jobs may have that were made before names were put in order. */
function zoneOf(name: string): Zone {
  const zone = zones.get(name) ?? zones.get(spelled(name) ?? '') ?? keep(name);
  lastZone = zone;
  return zone;
}

/**
 * Remembers a zone that is not. Names that are not in our list stand for the zone that Intl makes of them: ten thousand
 * spellings of one take one place. @throws RangeError for a name that Intl does not know
 */
function keep(text: string): Zone {
  const listed = spelled(text);
  // Whether the name is good is known once there is a formatter for it.
  const format = offsetFormat(listed ?? text);
  const name = listed ?? format.resolvedOptions().timeZone;
  let zone = zones.get(name);
  if (!zone) {
    zone = newZone(name);
    zones.set(name, zone);
  }
  return zone;
}

function newZone(name: string): Zone {
  const nowhere = { from: Number.NaN, until: Number.NaN, offsetMs: 0 };
  return { name, current: nowhere, currentFrom: Number.NaN, currentUntil: Number.NaN, blocks: new Map() };
}

function findSpan(zone: Zone, at: number): Span {
  const index = Math.floor(at / blockMs);
  let block = zone.blocks.get(index);
  if (!block) {
    block = readBlock(offsetFormat(zone.name), index);
    if (zone.blocks.size >= maxBlocks) zone.blocks.delete(zone.blocks.keys().next().value as number);
    zone.blocks.set(index, block);
  }
  const span = block.find((each) => at < each.until) as Span;
  zone.current = span;
  zone.currentFrom = Math.max(span.from, index * blockMs);
  zone.currentUntil = Math.min(span.until, (index + 1) * blockMs);
  return span;
}

/** The spans that overlap a block and its margins, in order and without holes. */
function readBlock(format: Intl.DateTimeFormat, index: number): readonly Span[] {
  const start = index * blockMs;
  const end = start + blockMs + marginMs;
  const spans: Span[] = [];
  let from = start - marginMs;
  let offsetMs = readOffset(format, from);
  for (let probe = from + probeMs; probe <= end; probe += probeMs) {
    const found = readOffset(format, probe);
    if (found === offsetMs) continue;
    const until = findChange(format, probe - probeMs, offsetMs, probe);
    spans.push({ from, until, offsetMs });
    from = until;
    offsetMs = found;
  }
  spans.push({ from, until: end, offsetMs });
  return spans;
}

/** The first instant after `before` that has not its offset any more; `after` is known to be one such. */
function findChange(format: Intl.DateTimeFormat, before: number, offsetMs: number, after: number): number {
  let low = before;
  let high = after;
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (readOffset(format, middle) === offsetMs) low = middle;
    else high = middle;
  }
  return high;
}

/** The formatters that were used last: making one takes as long as half a block, and each takes tens of kilobytes. */
const formats = new LRUCache<string, Intl.DateTimeFormat>({ max: 8 });

/** @throws RangeError for a name that Intl does not know */
function offsetFormat(name: string): Intl.DateTimeFormat {
  let format = formats.get(name);
  if (!format) {
    format = new Intl.DateTimeFormat('en-US', { timeZone: name, year: 'numeric', timeZoneName: 'longOffset' });
    formats.set(name, format);
  }
  return format;
}

const offsetForm = /GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/;

/** Reads `GMT`, `GMT-05:00` or, before zones had whole minutes, `GMT+08:05:43`. */
function readOffset(format: Intl.DateTimeFormat, at: number): number {
  const text = format.format(at);
  const match = offsetForm.exec(text);
  if (!match) throw new Error(`unexpected form of an offset: ${text}`);
  const [, sign, hours = '0', minutes = '0', seconds = '0'] = match;
  const ms = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  return sign === '-' ? -ms : ms;
}
