/** What `escapement cron` does. */

import { limits } from '../domain/limits.js';
import { nextCron } from '../domain/time/cron.js';
import { parseCron } from '../domain/time/cron-expression.js';
import { cronInWords } from '../domain/time/cron-words.js';
import { formatInstant, parseInstant } from '../domain/time/instant.js';
import { shortDuration } from './asking/text.js';
import { fail, print } from './output.js';
import { systemZone } from './system-zone.js';

interface CronOptions {
  readonly timezone?: string;
  readonly count: number;
  readonly after?: string;
  readonly json?: true;
}

/** @throws CommanderError for an expression or instant that cannot be read; Error when the system's zone has no name */
export function cron(expression: string, { timezone, count, after, json }: CronOptions): void {
  const zone = timezone ?? systemZone(process.env.TZ);
  const parsed = parseCron(expression);
  if ('error' in parsed) fail(`the cron expression ${parsed.error}`);
  const from = after === undefined ? { ms: Date.now() } : parseInstant(after, zone);
  if ('error' in from) fail(`the instant of --after ${from.error}`);
  const items: { readonly at: string; readonly local: string; readonly ms: number }[] = [];
  for (let at = nextCron(parsed.cron, zone, from.ms); items.length < count && at <= limits.maxInstantMs; ) {
    const text = formatInstant(at, zone);
    items.push({ at: text, local: text.slice(0, 19), ms: at });
    at = nextCron(parsed.cron, zone, at);
  }
  const description = cronInWords(parsed.cron);
  if (json) {
    const shown = items.map(({ at, local }) => ({ at, local }));
    return print(JSON.stringify({ cron_expr: expression, timezone: zone, description, items: shown }));
  }
  print(`${description} (${zone})`);
  const weekday = new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: zone });
  for (const { at, ms } of items) {
    const wait = after === undefined ? `  in ${shortDuration(ms - from.ms)}` : '';
    print(`${weekday.format(ms)} ${at}${wait}`);
  }
}
