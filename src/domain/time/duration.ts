/**
 * Durations as users write them (`1h30s`) and as answers show them (Go's `time.Duration.String`, `1h0m30s`).
 *
 * Reading is exact: a duration is never shorter than what was written, and never a millisecond longer because of
 * binary fractions, so `1.1s` is 1100 ms and `1.0001s` is 1001 ms.
 */
import ms from 'ms';

/** The longest duration in a request, in milliseconds: 10 years of 365 days. */
export const maxDurationMs = 3650 * 86_400_000;

const example = 'write a number with a unit, such as 300ms, 10m or 1h30s';
const units = 'w, d, h, m, s, ms, us and ns';

/** Longer texts name no duration that a shorter one cannot; the bound keeps the exact arithmetic small. */
const maxChars = 100;

const whole = /^(?:\d+(?:\.\d+)?(?:ms|us|\u00b5s|\u03bcs|ns|[smhdw]))+$/;
/** The tokens before the first faulty one; a unit ends where no letter follows. */
const leading = /^(?:\d+(?:\.\d+)?(?:ms|us|\u00b5s|\u03bcs|ns|[smhdw])(?![a-z\u00b5\u03bc]))+/;
const token = /(\d+)(?:\.(\d+))?(ms|us|\u00b5s|\u03bcs|ns|[smhdw])/g;

/**
 * Reads a duration of one or more number+unit tokens.
 *
 * @returns milliseconds, rounded up to a whole one, 0 to `maxDurationMs`; or what is wrong with the text, as the
 *   predicate of a sentence about it
 */
export function parseDuration(text: string): { readonly ms: number } | { readonly error: string } {
  if (text.length > maxChars) return { error: `must be at most ${maxChars} characters long; ${example}` };
  if (!whole.test(text)) return { error: explain(text) };
  const total = addExactly(text);
  if (total > maxDurationMs) return { error: 'must be at most 10 years (3650d)' };
  return { ms: total };
}

/** The sum of all tokens in milliseconds, rounded up; any number past `maxDurationMs` stands for "too long". */
function addExactly(text: string): number {
  let total = 0;
  let fractions: { readonly digits: bigint; readonly places: number; readonly nanos: bigint }[] | undefined;
  for (const [, integer, fraction, unit] of text.matchAll(token) as Iterable<[string, string, string?, string?]>) {
    const nanos = nanosOf(unit as string);
    if (fraction === undefined && nanos >= 1_000_000n) {
      total += ms(`${integer}${unit}` as ms.StringValue);
    } else {
      const part = fraction ?? '';
      (fractions ??= []).push({ digits: BigInt(integer + part), places: part.length, nanos });
    }
  }
  if (!fractions) return total;
  // On one common scale the sum is an integer, and only its last division rounds.
  const places = fractions.reduce((most, each) => Math.max(most, each.places), 0);
  let sum = 0n;
  for (const each of fractions) sum += each.digits * each.nanos * 10n ** BigInt(places - each.places);
  const perMs = 1_000_000n * 10n ** BigInt(places);
  return total + Number((sum + perMs - 1n) / perMs);
}

function nanosOf(unit: string): bigint {
  switch (unit) {
    case 'ns':
      return 1n;
    case 'us':
    case '\u00b5s':
    case '\u03bcs':
      return 1000n;
    default:
      return BigInt(ms(`1${unit}` as ms.StringValue)) * 1_000_000n;
  }
}

/** Says why `text`, which is no duration, is none. */
function explain(text: string): string {
  if (text === '') return `must not be empty; ${example}`;
  if (/\s/.test(text)) return 'must not contain spaces; write 1h30s, not 1h 30s';
  if (/[-+\u2212]/.test(text)) return `must not have a sign; ${example}`;
  if (/^\d+(?:\.\d+)?$/.test(text)) return `has no unit; ${example}`;
  const rest = text.replace(leading, '');
  if (/^\d+(?:\.\d+)?$/.test(rest)) return `has no unit after ${rest}; ${example}`;
  const unit = /^\d+(?:\.\d+)?([a-z\u00b5\u03bc]+)/i.exec(rest)?.[1];
  if (unit !== undefined) return `has an unknown unit "${unit}"; units are ${units}`;
  return `is not a duration; ${example}`;
}

/**
 * Writes a duration in Go's form: `0s`, `250ms`, `2s`, `10m0s`, `72h15m30s`; whole seconds from one second up.
 *
 * @param durationMs milliseconds, whole or not; below 0 it counts as 0
 * @param rounding `up` for a time still to wait, `down` for a time gone by
 */
export function formatDuration(durationMs: number, rounding: 'up' | 'down'): string {
  const round = rounding === 'up' ? Math.ceil : Math.floor;
  const wholeMs = round(durationMs);
  if (!(wholeMs > 0)) return '0s';
  if (wholeMs < 1000) return `${wholeMs}ms`;
  // From the rounded milliseconds, so that 999.5 going up is 1 s and 1000.2 is 2 s.
  const seconds = rounding === 'up' ? Math.ceil(durationMs / 1000) : Math.floor(durationMs / 1000);
  if (seconds < 60) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes}m${seconds % 60}s`;
  return `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds % 60}s`;
}
