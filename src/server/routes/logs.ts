/** The resource `/jobs/:id/logs`: lines that handlers of a job have written. */
import { Faults } from '../../api/faults.js';
import { logsParameters } from '../../api/logs/schemas.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { parseQuery, readNumber } from '../../api/query.js';
import { limits } from '../../domain/limits.js';
import { formatInstant } from '../../domain/time/instant.js';
import type { JobLogLine } from '../../store/queries-port.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import { type JobsContext, knownId, noSuchJob } from './jobs.js';

export function logsRoutes(context: JobsContext): Route[] {
  return [{ ...at(context.base, operations.jobLogs), run: (exchange) => list(context, exchange) }];
}

const limitRange = `from 1 to ${limits.logLinesMax} (a larger one is taken for ${limits.logLinesMax})`;

function list({ queries, cursors, rules }: JobsContext, exchange: Exchange): void {
  const id = knownId(exchange);
  const faults = new Faults();
  const values = parseQuery(exchange.query, logsParameters, faults);
  const run = readNumber(values.get('run'), 1, 'query.run', faults);
  const limit = readNumber(values.get('limit'), 1, 'query.limit', faults, limitRange) ?? limits.logLinesDefault;
  faults.throwIfAny();
  const filter = `logs/${id}/${run ?? ''}`;
  const cursor = values.get('cursor');
  const [ofRun, n] = cursor === undefined ? [] : cursors.read(cursor, filter, 2);
  const after = ofRun === undefined || n === undefined ? undefined : { run: ofRun, n };
  const page = queries.logs(id, { run, limit: Math.min(limit, limits.logLinesMax), after });
  if (page === undefined) throw noSuchJob();
  const { total, dropped, items, next } = page;
  const end = next === undefined ? '' : `,"next_cursor":"${cursors.write([next.run, next.n], filter)}"`;
  const lines = items.map((line) => renderLine(line, rules.timezone)).join();
  exchange.answer(jsonOk, `{"total":${total},"dropped":${dropped},"items":[${lines}]${end}}`);
}

function renderLine({ run, at: time, level, message, fields = '{}' }: JobLogLine, zone: string): string {
  return `{"time":"${formatInstant(time, zone)}","level":"${level}","run":${run},"message":${JSON.stringify(message)},"fields":${fields}}`;
}
