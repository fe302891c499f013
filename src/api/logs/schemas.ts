/** The lines that handlers of a job have written, as JSON Schema: what is asked, and what is answered. */
import { limits } from '../../domain/limits.js';
import { Type } from '../../schema/typebox.js';
import { instant } from '../answers.js';

const exact = { additionalProperties: false } as const;
const count = Type.Integer({ minimum: 0 });

const logsQuery = Type.Object(
  {
    run: Type.Optional(Type.Integer({ minimum: 1, description: 'Only of this attempt: `run` of GET /jobs/:id/runs' })),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        default: limits.logLinesDefault,
        description: `Lines of a page; more than ${limits.logLinesMax} are taken for ${limits.logLinesMax}`,
      }),
    ),
    cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same run' })),
  },
  exact,
);

/** The parameters of `GET /jobs/:id/logs`. */
export const logsParameters: readonly string[] = Object.keys(logsQuery.properties);

export const logLine = Type.Object(
  {
    time: instant,
    level: Type.Enum(['debug', 'info', 'warn', 'error']),
    run: Type.Integer({ minimum: 1 }),
    message: Type.String(),
    fields: Type.Object({}, { additionalProperties: true }),
  },
  exact,
);

export const logLines = Type.Object(
  { total: count, dropped: count, items: Type.Array(logLine), next_cursor: Type.Optional(Type.String()) },
  exact,
);

/** `GET /jobs/:id/logs`, one of `operations`. */
export const jobLogs = {
  method: 'GET',
  path: '/jobs/:id/logs',
  tag: 'Jobs',
  summary: 'List the lines that handlers of a job have written, the oldest first',
  description:
    'What they wrote by ctx.log, from --job-log-level on: of an attempt the last 1,000 lines or 64 KiB, of all together --job-logs; the oldest go. `dropped` is how many are not there any more, of attempts that have some left.',
  query: logsQuery,
  answers: { 200: logLines },
} as const;
