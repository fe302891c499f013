/** The shapes of answers about many jobs. What writes them are the routes. */
import { limits } from '../../domain/limits.js';
import { Type } from '../../schema/typebox.js';
import { instant, jobId, jobType } from '../answers.js';

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

/** `GET /failures` */
export const failures = Type.Object(
  {
    total: count,
    items: Type.Array(failureGroup, { maxItems: limits.listMax }),
    next_cursor: Type.Optional(Type.String()),
  },
  exact,
);
