/** Worker side: what a handler throws to be run again later as the same attempt. */
import { limits } from '../../domain/limits.js';
import { formatDuration, maxDurationMs, parseDuration } from '../../domain/time/duration.js';

/** Thrown, it snoozes the attempt. Only `ctx.snooze` makes one. */
export class Snooze extends Error {
  readonly #waitMs: number;

  constructor(waitMs: number) {
    super(`snoozed for ${formatDuration(waitMs, 'up')}`);
    this.name = 'Snooze';
    this.#waitMs = waitMs;
  }

  /** How long an attempt that threw this is to wait, in milliseconds; undefined where it is something else. */
  static waitOf(thrown: unknown): number | undefined {
    // Looks at nothing that a handler could have put in the way.
    return typeof thrown === 'object' && thrown !== null && #waitMs in thrown ? thrown.#waitMs : undefined;
  }
}

/**
 * @param wait a duration (`'10m'`), or milliseconds
 * @throws RangeError when it is none, or too short or too long
 */
export function snooze(wait: unknown): Snooze {
  const shown = typeof wait === 'string' ? `"${wait.slice(0, 64)}"` : String(wait);
  const parsed = waitMsOf(wait);
  if ('error' in parsed) throw new RangeError(`ctx.snooze: ${shown} ${parsed.error}`);
  if (parsed.ms < limits.minSnoozeMs) {
    throw new RangeError(`ctx.snooze: ${shown} is too short; the shortest is ${limits.minSnoozeMs}ms`);
  }
  return new Snooze(parsed.ms);
}

function waitMsOf(wait: unknown): { readonly ms: number } | { readonly error: string } {
  if (typeof wait === 'string') return parseDuration(wait);
  if (typeof wait !== 'number' || Number.isNaN(wait)) {
    return { error: 'is not a duration; write a text such as "10m", or a number of milliseconds' };
  }
  return wait > maxDurationMs ? { error: 'is too long; the longest is 10 years (3650d)' } : { ms: Math.ceil(wait) };
}
