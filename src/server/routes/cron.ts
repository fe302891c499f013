/** The resource `/cron`: what a cron expression means, and when it fires next. */
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { cronParameters, operations } from '../../api/operations.js';
import { parseQuery, readNumber } from '../../api/query.js';
import type { Clock } from '../../clock.js';
import { cronTimes } from '../../domain/time/cron.js';
import { type Cron, parseCron } from '../../domain/time/cron-expression.js';
import { formatInstant, localTime, parseInstant } from '../../domain/time/instant.js';
import { zoneNamed } from '../../domain/time/zone.js';
import type { Route } from '../http/app.js';
import { jsonOk } from '../http/response-head.js';

export interface CronContext {
  readonly clock: Clock;
  /** IANA name. */
  readonly timezone: string;
}

const mostTimes = 100;
const usualTimes = 5;

interface Question {
  readonly cron: Cron;
  readonly zone: string;
  readonly count: number;
  /** Unix milliseconds. */
  readonly after: number;
}

export function cronRoutes(base: string, context: CronContext): Route[] {
  return [
    {
      ...at(base, operations.cron),
      run: (exchange) => {
        const { cron, zone, count, after } = readQuestion(exchange.query, context);
        // The words come from a library that is loaded when somebody asks.
        import('../../domain/time/cron-words.js')
          .then(({ cronInWords }) => {
            const items = cronTimes(cron, zone, after, count).map((time) => ({
              at: formatInstant(time, context.timezone),
              local: localTime(time, zone),
            }));
            const answer = { cron_expr: cron.expression, timezone: zone, description: cronInWords(cron), items };
            exchange.answer(jsonOk, JSON.stringify(answer));
          })
          .catch((error: unknown) => exchange.fail(error));
      },
    },
  ];
}

/** @throws Refusal `validation_failed` */
function readQuestion(raw: string, { clock, timezone }: CronContext): Question {
  const faults = new Faults();
  const values = parseQuery(raw, cronParameters, faults);
  const expression = values.get('expr');
  const parsed = expression === undefined ? { error: 'must be there: a cron expression' } : parseCron(expression);
  if ('error' in parsed) faults.add('query.expr', parsed.error);
  const zoneText = values.get('timezone');
  const zone = zoneText === undefined ? timezone : zoneNamed(zoneText);
  if (zone === undefined) faults.add('query.timezone', 'must be the name of an IANA time zone such as Europe/Berlin');
  const count = readNumber(values.get('count'), 1, 'query.count', faults, `from 1 to ${mostTimes}`) ?? usualTimes;
  if (count > mostTimes) faults.add('query.count', `must be a whole number from 1 to ${mostTimes}`);
  const afterText = values.get('after');
  const after = afterText === undefined ? { ms: clock.now() } : parseInstant(afterText, zone ?? timezone);
  if ('error' in after) faults.add('query.after', after.error);
  if (faults.any || 'error' in parsed || 'error' in after || zone === undefined) throw faults.refusal();
  return { cron: parsed.cron, zone, count, after: after.ms };
}
