/**
 * The time zone of this machine. Node takes many forms of `TZ` that the C library knows for UTC, without a word, and has
 * names for some that mean another zone (`BST` is Dhaka's): so `TZ` is read here, as the C library does
 * (https://man7.org/linux/man-pages/man3/tzset.3.html), and what has no equal in the IANA database is refused.
 */
import { existsSync, realpathSync } from 'node:fs';
import { zoneNamed } from '../domain/time/zone.js';

const remedy = 'set --timezone or ESCAPEMENT_TIMEZONE to a name such as Europe/Berlin';
/** Where the database's files are, on Linux and macOS. Those in `posix` and `right` are the same zones. */
const database = /\/zoneinfo(?:\.default)?\//;
const localtime = '/etc/localtime';

/** `JST-9`, `<+03>-3:00`: an abbreviation and whole hours, positive to the west, without summer time. */
const fixedForm = /^(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)([+-]?)(\d{1,2})(?::00){0,2}$/;

/**
 * @param tz the variable `TZ`
 * @returns a name as `zoneNamed` writes it
 * @throws Error whose message is for the user, when the zone has no name in the IANA database
 */
export function systemZone(tz: string | undefined): string {
  const known = tz === undefined ? zoneWithoutTz() : zoneOfTz(tz.replace(/^:/, ''));
  if (known !== undefined) return known;
  const what = tz === undefined ? `the time zone of this machine (${localtime})` : `the time zone in TZ, "${tz}",`;
  throw new Error(`${what} is not in the IANA database: ${remedy}`);
}

function zoneOfTz(text: string): string | undefined {
  if (text === '') return 'UTC';
  if (text.startsWith('/')) return zoneOfFile(text);
  return inDatabase(text) ?? fixedZone(text);
}

/** The name must be written as in the database: the C library looks for a file of that name. */
function inDatabase(text: string): string | undefined {
  const name = text.replace(/^(?:posix|right)\//, '');
  return zoneNamed(name) === name ? name : undefined;
}

/** A file of the database, or a link to one. */
function zoneOfFile(path: string): string | undefined {
  for (const file of [path, followed(path)]) {
    const name = file?.split(database)[1];
    if (name !== undefined) return inDatabase(name);
  }
  return undefined;
}

function followed(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function fixedZone(text: string): string | undefined {
  const [, sign, digits] = fixedForm.exec(text) ?? [];
  if (digits === undefined) return undefined;
  const hours = Number(digits);
  // The sign of these names is that of TZ.
  return hours === 0 ? 'UTC' : zoneNamed(`Etc/GMT${sign === '-' ? '-' : '+'}${hours}`);
}

/** Node looks at /etc/localtime, and at the contents of the database where that is a copy. Without one it is UTC. */
function zoneWithoutTz(): string | undefined {
  const name = Intl.DateTimeFormat().resolvedOptions().timeZone as string | undefined;
  const known = name === undefined ? undefined : zoneNamed(name);
  return known ?? (existsSync(localtime) || process.platform === 'win32' ? undefined : 'UTC');
}
