/** The shapes of answers about many jobs. What writes them are the routes. */
import { keptErrors } from '../../domain/control/bulk.js';
import { errorCodes } from '../../domain/errors.js';
import { limits } from '../../domain/limits.js';
import { Type } from '../../schema/typebox.js';
import { instant, jobId, jobList, jobType } from '../answers.js';
import { bulkFilter, bulkSchema } from './bulk-schema.js';

const exact = { additionalProperties: false } as const;
const count = Type.Integer({ minimum: 0 });

/** A group of failures: what `error_group` of lists takes. */
const errorGroup = Type.String({ pattern: '^[0-9a-f]{12}$' });

const failureGroup = Type.Object(
  {
    name: jobType,
    error_group: errorGroup,
    message: Type.String({ description: 'Numbers and ids in it are #' }),
    count: Type.Integer({ minimum: 1, description: 'Jobs that have failed so and are there still' }),
    first_at: instant,
    last_at: instant,
    /** The job that failed last. */
    job_id: jobId,
  },
  exact,
);

/** `GET /jobs?q=` */
export const foundJobs = Type.Object(
  {
    scanned: Type.Integer({ minimum: 0, description: 'Jobs that were looked at' }),
    items: jobList.properties.items,
    next_cursor: Type.Optional(Type.String({ description: 'There is more to look at' })),
  },
  exact,
);

/** `GET /failures` */
export const failures = Type.Object(
  {
    total: count,
    items: Type.Array(failureGroup, { maxItems: limits.listMax }),
    next_cursor: Type.Optional(Type.String()),
  },
  exact,
);

const action = bulkSchema.properties.action;

/** Something that is done with many jobs. */
export const bulk = Type.Object(
  {
    id: Type.String({ pattern: '^bulk_[1-9]\\d*$' }),
    action,
    filter: bulkFilter,
    change: Type.Optional(Type.Object({}, { additionalProperties: true })),
    status: Type.Enum(['pending', 'running', 'success', 'cancelled'], {
      description: 'pending: others go first; success: all jobs have been acted on, whatever became of each',
    }),
    matched: Type.Integer({ minimum: 0, description: 'Jobs that were found when it was accepted' }),
    done: count,
    skipped: Type.Integer({ minimum: 0, description: 'Jobs that did not match any more when their turn came' }),
    failed: Type.Integer({ minimum: 0, description: 'Jobs that the action was refused for' }),
    errors: Type.Array(Type.Object({ job_id: jobId, code: Type.Enum([...errorCodes]), detail: Type.String() }, exact), {
      maxItems: keptErrors,
      description: 'The first refusals',
    }),
    created_at: instant,
    finished_at: Type.Optional(instant),
  },
  exact,
);

/** `dry_run` */
export const bulkPreview = Type.Object({ action, matched: count }, exact);

/** `GET /bulk` */
export const bulkList = Type.Object(
  { total: count, items: Type.Array(bulk, { maxItems: limits.listMax }), next_cursor: Type.Optional(Type.String()) },
  exact,
);
