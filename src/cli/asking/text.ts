/** Answers of the server as text for people. */
import { formatDuration } from '../../domain/time/duration.js';

interface TableOptions {
  /** Columns from this one on have numbers, which end in line. */
  readonly numbersFrom?: number;
  /** Lines are cut there. */
  readonly width?: number;
}

/** Columns in line, below their titles. */
export function table(
  titles: readonly string[],
  rows: readonly (readonly string[])[],
  { numbersFrom = titles.length, width = terminalWidth() }: TableOptions = {},
): string {
  const cells = rows.map((row) => row.map(printable));
  const widths = titles.map((title, at) => Math.max(title.length, ...cells.map((row) => row[at]?.length ?? 0)));
  const padded = (cell: string, at: number): string =>
    at < numbersFrom ? cell.padEnd(widths[at] as number) : cell.padStart(widths[at] as number);
  return [titles, ...cells].map((row) => row.map(padded).join('  ').trimEnd().slice(0, width)).join('\n');
}

/** One line a field, the values in line. Objects and arrays are printed as JSON, longer ones below their name. */
export function fieldLines(fields: object): string {
  const present = Object.entries(fields).filter(([, value]) => value !== undefined);
  const width = Math.max(...present.map(([name]) => name.length)) + 2;
  return present.map(([name, value]) => `${`${name}:`.padEnd(width)}${valueText(value)}`).join('\n');
}

/** What is within an object has a name with a dot: `threads.busy`. */
export function flat(fields: object): Record<string, unknown> {
  const each = Object.entries(fields).map(([name, value]): Record<string, unknown> => {
    if (value === null || typeof value !== 'object' || Array.isArray(value)) return { [name]: value };
    return Object.fromEntries(Object.entries(value).map(([inner, its]) => [`${name}.${inner}`, its]));
  });
  return Object.assign({}, ...each);
}

function valueText(value: unknown): string {
  if (typeof value === 'string') return printable(value);
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : JSON.stringify(value, null, 2).replaceAll('\n', '\n  ');
}

/** Texts come from handlers and clients: what would steer the terminal is left out. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
  return text.replace(/\s+/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f]/g, '');
}

function terminalWidth(): number {
  return (process.stdout.isTTY && process.stdout.columns) || Number.POSITIVE_INFINITY;
}

/** A time that has gone by since an instant: `3m`, `2h`; one unit, since the eye looks for the size. */
export function ago(instant: string, now = Date.now()): string {
  return shortDuration(now - Date.parse(instant));
}

/** A duration in its two largest units, `1h30m`, `3d4h`. */
export function shortDuration(ms: number): string {
  const days = Math.floor(ms / 86_400_000);
  if (days > 0) return `${days}d${Math.floor((ms % 86_400_000) / 3_600_000)}h`;
  const [, hours, minutes] = /^(?:(\d+)h)?(?:(\d+)m)?/.exec(formatDuration(ms, 'down')) ?? [];
  if (hours) return `${hours}h${minutes}m`;
  return formatDuration(ms, 'down');
}

/** `1234567` as `1,234,567`. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}
