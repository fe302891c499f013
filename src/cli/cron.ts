/** What `escapement cron` does. */

import { cronTimes } from '../domain/time/cron.js';
import { parseCron } from '../domain/time/cron-expression.js';
import { cronInWords } from '../domain/time/cron-words.js';
import { formatInstant, localTime, parseInstant } from '../domain/time/instant.js';
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
  const times = cronTimes(parsed.cron, zone, from.ms, count);
  const description = cronInWords(parsed.cron);
  if (json) {
    const items = times.map((at) => ({ at: formatInstant(at, zone), local: localTime(at, zone) }));
    return print(JSON.stringify({ cron_expr: expression, timezone: zone, description, items }));
  }
  print(`${description} (${zone})`);
  const weekday = new Intl.DateTimeFormat('en', { weekday: 'short', timeZone: zone });
  for (const at of times) {
    const wait = after === undefined ? `  in ${shortDuration(at - from.ms)}` : '';
    print(`${weekday.format(at)} ${formatInstant(at, zone)}${wait}`);
  }
}
