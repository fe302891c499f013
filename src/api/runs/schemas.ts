/** The runs of a job, as JSON Schema: what is asked, and what is answered. */

import { failureCodes } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import { attemptOutcomes, passOutcomes } from '../../domain/runs/run.js';
import { Type } from '../../schema/typebox.js';
import { instant } from '../answers.js';

const exact = { additionalProperties: false } as const;
const count = Type.Integer({ minimum: 0 });

export const runsQuery = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: limits.listDefault,
        description: `Rows of a page; more than ${limits.listMax} are taken for ${limits.listMax}`,
      }),
    ),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, of the same job' })),
  },
  exact,
);

/** The parameters of `GET /jobs/:id/runs`. */
export const runsParameters: readonly string[] = Object.keys(runsQuery.properties);

export const run = Type.Object(
  {
    run: Type.Optional(Type.Integer({ minimum: 1 })),
    scheduled_for: instant,
    attempt: Type.Optional(Type.Integer({ minimum: 1 })),
    manual: Type.Boolean(),
    outcome: Type.Enum([...attemptOutcomes, ...passOutcomes]),
    started_at: Type.Optional(instant),
    finished_at: Type.Optional(instant),
    lateness_ms: Type.Optional(count),
    duration_ms: Type.Optional(count),
    error: Type.Optional(
      Type.Object({ name: Type.String(), message: Type.String(), code: Type.Enum([...failureCodes]) }, exact),
    ),
    count: Type.Optional(Type.Integer({ minimum: 1 })),
    last_scheduled_for: Type.Optional(instant),
  },
  exact,
);

export const runList = Type.Object(
  { total: count, items: Type.Array(run), next_cursor: Type.Optional(Type.String()) },
  exact,
);
