/** How many starts there may be in a stretch of time: `100/1m`. */
import { limits } from '../limits.js';
import { parseDuration } from '../time/duration.js';

/** At most `starts` in any stretch of `spanMs`. */
export interface Rate {
  /** As it was written. */
  readonly text: string;
  readonly starts: number;
  /** Milliseconds. */
  readonly spanMs: number;
}

/** What is said of a rate that is none. */
export const rateForm = `must be a number of starts from 1 to ${limits.maxRateStarts} and a duration from 100ms to 24h, such as "100/1m"`;

const form = /^(\d{1,7})\/(.+)$/;

/** Reads a rate: a number of starts, a slash, a duration. */
export function parseRate(text: string): Rate | { readonly error: string } {
  const [, count, span] = form.exec(text) ?? [];
  if (count === undefined || span === undefined) return { error: rateForm };
  const starts = Number(count);
  const read = parseDuration(span);
  if ('error' in read) return { error: `has a duration that ${read.error}; a rate ${rateForm}` };
  const inBounds =
    starts >= 1 && starts <= limits.maxRateStarts && read.ms >= limits.minRateSpanMs && read.ms <= limits.maxRateSpanMs;
  return inBounds ? { text, starts, spanMs: read.ms } : { error: rateForm };
}

/** How starts are spread so that a rate holds in any stretch of its span. Milliseconds. */
export interface Pace {
  /** From one start to the next. */
  readonly gapMs: number;
  /** A start may come so much before its place when those before it were late. It makes up for timers where many starts share a millisecond. */
  readonly toleranceMs: number;
}

/** A start that takes its place may be seen so much earlier or later, where it is measured. */
const slackMs = 5;
/** The slack takes no more than this part of a span. */
const slackPart = 1 / 40;
/** Starts that are further apart keep their distance exactly. */
const shortGapMs = 5;

/**
 * The pace of a rate. In a stretch of length `s` start at most `(s + toleranceMs) / gapMs` attempts, rounded up: the gap is so long
 * that this is no more than the rate, with some slack (the generic cell rate algorithm: ITU-T I.371).
 */
export function paceOf({ starts, spanMs }: Rate): Pace {
  const slack = Math.min(slackMs, spanMs * slackPart);
  const toleranceMs = spanMs / starts < shortGapMs ? slack : 0;
  return { gapMs: (spanMs + slack + toleranceMs) / starts, toleranceMs };
}
