/** The resource `/jobs/:id/runs`: what the attempts of a job came to, and which slots it passed over. */
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { parseQuery, readNumber } from '../../api/query.js';
import { renderRun } from '../../api/runs/render-run.js';
import { runsParameters } from '../../api/runs/schemas.js';
import { limits } from '../../domain/limits.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import { type JobsContext, knownId, noSuchJob } from './jobs.js';

export function runsRoutes(context: JobsContext): Route[] {
  return [{ ...at(context.base, operations.jobRuns), run: (exchange) => list(context, exchange) }];
}

const limitRange = `from 1 to ${limits.listMax} (a larger one is taken for ${limits.listMax})`;

function list({ queries, cursors, rules }: JobsContext, exchange: Exchange): void {
  const id = knownId(exchange);
  const faults = new Faults();
  const values = parseQuery(exchange.query, runsParameters, faults);
  const limit = readNumber(values.get('limit'), 1, 'query.limit', faults, limitRange) ?? limits.listDefault;
  faults.throwIfAny();
  const filter = `runs/${id}`;
  const cursor = values.get('cursor');
  const [before] = cursor === undefined ? [] : cursors.read(cursor, filter);
  const page = queries.runs(id, { limit: Math.min(limit, limits.listMax), before });
  if (page === undefined) throw noSuchJob();
  const { total, runs, nextBefore } = page;
  const items = runs.map(({ run }) => renderRun(run, rules.timezone));
  const next = nextBefore === undefined ? undefined : cursors.write([nextBefore], filter);
  exchange.answer(jsonOk, JSON.stringify({ total, items, next_cursor: next }));
}
