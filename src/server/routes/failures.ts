/** The resource `/failures`: what jobs have failed of. */
import type { Cursors } from '../../api/cursor.js';
import { Faults } from '../../api/faults.js';
import { failuresParameters } from '../../api/finding/operations.js';
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import { parseQuery, readLimit } from '../../api/query.js';
import { mergedFailures } from '../../cluster/gathering/gathered-failures.js';
import { formatGroup } from '../../domain/finding/error-group.js';
import { formatId } from '../../domain/id.js';
import { formatInstant } from '../../domain/time/instant.js';
import type { FailureGroup, FailurePage, FailureQuery, Queries } from '../../store/queries-port.js';
import type { Turns } from '../bodies/turns.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import type { ClusterContext } from '../peers/gathering.js';
import { answerInSteps } from './in-steps.js';

export interface FailuresContext {
  readonly queries: Queries;
  readonly cursors: Cursors;
  readonly turns: Turns;
  /** IANA zone of instants. */
  readonly timezone: string;
  /** In a cluster. */
  readonly cluster?: ClusterContext | undefined;
}

export function failuresRoutes(base: string, context: FailuresContext): Route[] {
  return [{ ...at(base, operations.failures), run: (exchange) => answerFailures(base, context, exchange) }];
}

/** Of cursors. */
const textOf = (name: string | undefined): string => `failures/${name ?? ''}`;

function answerFailures(base: string, context: FailuresContext, exchange: Exchange): void {
  const { queries, cursors, turns, timezone } = context;
  const faults = new Faults();
  const values = parseQuery(exchange.query, failuresParameters, faults);
  const limit = readLimit(values, faults);
  faults.throwIfAny();
  const [name, cursor] = [values.get('name'), values.get('cursor')];
  const [group, count] = cursor === undefined ? [] : cursors.read(cursor, textOf(name), 2);
  const query: FailureQuery = {
    limit,
    ...(name !== undefined && { name }),
    ...(group !== undefined && count !== undefined && { behind: { group, count } }),
  };
  const answer = ({ total, groups, next }: FailurePage): void => {
    const nextCursor = next && cursors.write([next.group, next.count], textOf(name));
    const items = groups.map((each) => shown(each, timezone));
    exchange.answer(jsonOk, JSON.stringify({ total, items, ...(nextCursor && { next_cursor: nextCursor }) }));
  };
  if (context.cluster === undefined) return answerInSteps(turns, exchange, queries.failures(query), answer);
  const { gathering, own } = context.cluster;
  const all = { limit: Number.MAX_SAFE_INTEGER, ...(name !== undefined && { name }) };
  const path = `${base}${operations.failures.path}?${exchange.query}`;
  gathering.run(exchange, { path, part: (shards) => own(shards).failures(all) }, (parts) =>
    answer(
      mergedFailures(
        parts.map(({ part }) => part.groups),
        query,
      ),
    ),
  );
}

function shown({ name, group, message, count, firstAt, lastAt, latest }: FailureGroup, timezone: string): object {
  return {
    name,
    error_group: formatGroup(group),
    message,
    count,
    first_at: formatInstant(firstAt, timezone),
    last_at: formatInstant(lastAt, timezone),
    job_id: formatId(latest.seq, latest.idSeconds),
  };
}
