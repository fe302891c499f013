/** The header `Prefer` (RFC 7240): what a client would like, and gets where the server has it. */

/** What of it the server knows. */
export interface Preferences {
  /** Each item of a batch stands alone. */
  readonly lenient: boolean;
  /** How many seconds the answer may wait for the end of the job, up to `mostSeconds`; 0: it does not. */
  readonly waitSeconds: number;
}

const mostSeconds = 60;

/** A quoted string, or a run of anything but separators. */
const member = /(?:"(?:[^"\\]|\\.)*"|[^",])+/g;

/** @param header all lines of it, joined by commas. What cannot be read is ignored, as what is not known */
export function readPreferences(header: string): Preferences {
  let handling: string | undefined;
  let wait: string | undefined;
  for (const [preference] of header.matchAll(member)) {
    // The first of two that say different things counts (section 2); parameters behind a semicolon are none that are known.
    const [, name, value] = /^\s*([^\s=;]+)\s*=\s*"?([^";\s]*)"?\s*(?:;.*)?$/.exec(preference) ?? [];
    if (name?.toLowerCase() === 'handling') handling ??= value?.toLowerCase();
    if (name?.toLowerCase() === 'wait') wait ??= value;
  }
  const waitSeconds = /^\d+$/.test(wait ?? '') ? Math.min(Number(wait), mostSeconds) : 0;
  return { lenient: handling === 'lenient', waitSeconds };
}
