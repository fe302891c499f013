/** Numbers, times and durations for people. */

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

/** With its thousands set apart. */
export const count = (value: number): string => whole.format(value);
/** `1.2M`, where there is no room. */
export const compact = (value: number): string => (value < 10_000 ? tenths.format(value) : short.format(value));

export function perSecond(value: number): string {
  if (value === 0) return '0';
  if (value < 0.1) return '<0.1';
  return value < 10 ? value.toFixed(1) : compact(value);
}

/** `840 ms`, `1.2 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h` */
export function duration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 1) return ms <= 0 ? '0 ms' : '<1 ms';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor((seconds % 86_400) / 3600), 'h'],
    [Math.floor((seconds % 3600) / 60), 'min'],
    [seconds % 60, 's'],
  ];
  const from = parts.findIndex(([value]) => value > 0);
  return parts
    .slice(from, from + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${value} ${unit}`)
    .join(' ');
}

/** Of a duration as the server writes it: `1h5m0s`, `250ms`. */
function milliseconds(text: string): number {
  let ms = 0;
  for (const [, value, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d|w)/g))
    ms += Number(value) * { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }[unit as 's'];
  return ms;
}

export const durationText = (text: string): string => duration(milliseconds(text));

/** `in 3 min`, `5 s ago`, `now` */
export function relative(at: number, now: number): string {
  const away = Math.abs(at - now);
  if (away < 1000) return 'now';
  const text = duration(away < 60_000 ? Math.floor(away / 1000) * 1000 : roughly(away));
  return at > now ? `in ${text}` : `${text} ago`;
}

/** Beyond a minute, one unit is enough. */
function roughly(ms: number): number {
  const unit = ms < 3_600_000 ? 60_000 : ms < 86_400_000 ? 3_600_000 : 86_400_000;
  return Math.floor(ms / unit) * unit;
}

const exactForm = new Intl.DateTimeFormat(undefined, {
  year: 'numeric',
  month: 'short',
  day: '2-digit',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});
const todayForm = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** In the zone of the browser. */
export const instant = (at: number): string => exactForm.format(at);
export const clockTime = (at: number): string => todayForm.format(at);

export function bytes(value: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let at = 0;
  let left = value;
  while (left >= 1024 && at < units.length - 1) {
    left /= 1024;
    at += 1;
  }
  return `${at === 0 || left >= 100 ? Math.round(left) : left.toFixed(1)} ${units[at]}`;
}

/** `1 job`, `2 jobs` */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

export const localZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
