/** The resource `/groups`: the groups of a job type that have jobs to run. */

import type { Cursors } from '../../../api/cursor.js';
import { Faults } from '../../../api/faults.js';
import { at } from '../../../api/operation.js';
import { groupsParameters, operations } from '../../../api/operations.js';
import { parseQuery, readNumber } from '../../../api/query.js';
import { mergedGroups } from '../../../cluster/gathering/sums.js';
import { limits } from '../../../domain/limits.js';
import { isJobType } from '../../../domain/names.js';
import type { GroupCounts } from '../../../store/queries-port.js';
import type { Route } from '../../http/app.js';
import { jsonOk } from '../../http/response-head.js';
import { answerInSteps } from '../in-steps.js';
import type { JobsContext } from '../jobs.js';

export function groupsRoutes(context: JobsContext): Route[] {
  const { base, queries, clock, cursors } = context;
  return [
    {
      ...at(base, operations.groups),
      run: (exchange) => {
        const { name, limit, behind } = readGroupsQuery(exchange.query, cursors);
        const answer = (groups: readonly GroupCounts[]): void => {
          const items = groups.slice(behind, behind + limit);
          const next = behind + items.length;
          const more = next < groups.length ? { next_cursor: cursors.write([next], `groups/${name}`) } : {};
          exchange.answer(jsonOk, JSON.stringify({ total: groups.length, items, ...more }));
        };
        const { cluster, turns } = context;
        if (cluster === undefined)
          return answerInSteps(turns, exchange, queries.groupsInSteps(name, clock.now()), answer);
        const question = {
          path: `${base}${operations.groups.path}?${exchange.query}`,
          part: (shards: readonly number[]) => cluster.own(shards).groupsInSteps(name, clock.now()),
        };
        cluster.gathering.run(exchange, question, (parts) => answer(mergedGroups(parts.map(({ part }) => part))));
      },
    },
  ];
}

interface GroupsQuery {
  readonly name: string;
  readonly limit: number;
  /** How many groups were shown before. */
  readonly behind: number;
}

/** @throws Refusal `validation_failed` */
function readGroupsQuery(raw: string, cursors: Cursors): GroupsQuery {
  const faults = new Faults();
  const values = parseQuery(raw, groupsParameters, faults);
  const name = values.get('name');
  if (name === undefined) faults.add('query.name', 'must be there: the name of a job type');
  else if (!isJobType(name)) faults.add('query.name', 'is not the name of a job type');
  const limit = readNumber(values.get('limit'), 1, 'query.limit', faults) ?? limits.listDefault;
  if (faults.any || name === undefined) throw faults.refusal();
  const cursor = values.get('cursor');
  const [behind = 0] = cursor === undefined ? [] : cursors.read(cursor, `groups/${name}`);
  return { name, limit: Math.min(limit, limits.listMax), behind };
}
