/** The header `Retry-After` (RFC 9110, 10.2.3). */

/** Longer than a job may be told to wait: its `max_retry_delay` cuts it. */
const longestMs = 365 * 86_400_000;

/** @returns how long to wait, in milliseconds; undefined where the header says nothing that can be read */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, longestMs);
  // A date begins with its day of the week, in all three of its forms. What else `Date` reads is none.
  const at = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.min(Math.max(0, at - now), longestMs);
}
