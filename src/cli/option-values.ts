/** Values of options, read from the command line or the environment. Each reader throws a sentence for the user. */
import { InvalidArgumentError } from 'commander';
import { parseDuration } from '../domain/time/duration.js';
import { zoneNamed } from '../domain/time/zone.js';

export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
}

/** The number of an event, or a cursor that a server of several shards has told. */
export function eventPlace(text: string): number | string {
  return /^\d{1,15}-\d{1,16}(\.\d{1,15}-\d{1,16})*$/.test(text) ? text : wholeNumber(0, Number.MAX_SAFE_INTEGER)(text);
}

export function powerOfTwo(max: number): (text: string) => number {
  return (text) => {
    const number = wholeNumber(1, max)(text);
    if (Number.isInteger(Math.log2(number))) return number;
    throw new InvalidArgumentError(`It must be a power of two up to ${max}.`);
  };
}

export function duration(text: string): number {
  const parsed = parseDuration(text);
  if ('error' in parsed) throw new InvalidArgumentError(`It ${parsed.error}.`);
  return parsed.ms;
}

const units: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
};

/** @param plain unit of a number without one */
function size(text: string, plain = ''): number {
  const [, number = '', unit = ''] = /^(\d{1,15})([a-z]*)$/i.exec(text) ?? [];
  const bytes = Number(number) * (units[unit.toLowerCase() || plain] ?? Number.NaN);
  if (bytes >= 1 && bytes <= Number.MAX_SAFE_INTEGER) return bytes;
  throw new InvalidArgumentError('It must be a size such as 512KiB or 1MiB.');
}

export function bodySize(text: string): number {
  const bytes = size(text);
  if (bytes <= 256 * units.mib!) return bytes;
  throw new InvalidArgumentError('It must be at most 256MiB: bodies are kept in memory.');
}

export function jobLogsSize(text: string): number {
  const bytes = text === '0' ? 0 : size(text);
  if (bytes === 0 || (bytes >= units.mib! && bytes <= 1024 * units.gib!)) return bytes;
  throw new InvalidArgumentError('It must be from 1MiB to 1024GiB, or 0.');
}

export function threadMemory(text: string): number {
  const mib = Math.floor(size(text, 'mib') / units.mib!);
  if (mib >= 8 && mib <= 64 * 1024) return mib;
  throw new InvalidArgumentError('It must be from 8MiB to 64GiB.');
}

export function zone(text: string): string {
  const name = zoneNamed(text);
  if (name !== undefined) return name;
  throw new InvalidArgumentError('It must be the name of an IANA time zone such as Europe/Berlin.');
}

/** May be given again and again. */
export function repeated(text: string, earlier: readonly string[]): string[] {
  return [...earlier, text];
}

/** May be given again and again, and several at once with commas. */
export function many(read: (text: string) => string): (text: string, earlier: readonly string[]) => string[] {
  return (text, earlier) => [...earlier, ...text.split(',').map((item) => read(item.trim()))];
}

export function hostName(text: string): string {
  const name = text.replace(/:\d{1,5}$/, '').toLowerCase();
  if (/^[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?$/.test(name)) return name;
  throw new InvalidArgumentError('It must be a host name such as jobs.example.com.');
}

export function origin(text: string): string {
  if (text === 'null') return text;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.host === '' || !/^[a-z][a-z0-9+.-]*:\/\/[^/?#@]+\/?$/i.test(text)) {
    throw new InvalidArgumentError('It must be an origin such as https://jobs.example.com, or null.');
  }
  // Browsers leave out default ports and write names in lower case, and so does this.
  return `${url.protocol}//${url.host}`;
}

export function serverUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && ['http:', 'https:'].includes(url.protocol)) return url.origin;
  throw new InvalidArgumentError('It must be an address such as http://127.0.0.1:8080.');
}

/** What an option has that is to take a value away: of a null that is read, commander makes an empty text. */
export const absent = Symbol('absent');

/** What takes a value away on a command line. */
const none = 'none';

/** Reads `none` as `absent`, and all else as `read` does. */
export function orNone<Value>(read: (text: string) => Value): (text: string) => Value | typeof absent {
  return (text) => (text === none ? absent : read(text));
}

/** As JSON has it. */
export function orNull<Value>(value: Value | typeof absent): Value | null {
  return value === absent ? null : value;
}
