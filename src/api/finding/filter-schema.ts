/** What jobs can be looked for by, as JSON Schema: the parameters of `GET /jobs`. */
import { statuses } from '../../domain/lifecycle.js';
import { limits } from '../../domain/limits.js';
import { Type } from '../../schema/typebox.js';

const instant = (description: string) => Type.Optional(Type.String({ maxLength: 128, description }));
const yesOrNo = (description: string) => Type.Optional(Type.Enum(['true', 'false'], { description }));

/** Each is a parameter of lists. Values with commas between them are texts here: any of them will do. */
const filterParameters = {
  status: Type.Optional(
    Type.String({ description: `Jobs in one of these statuses, with commas between: ${statuses.join(', ')}` }),
  ),
  name: Type.Optional(
    Type.String({
      description: 'Jobs of one of these types, with commas between; one that nobody has registered has none',
    }),
  ),
  id: Type.Optional(
    Type.String({ description: `Jobs with one of these ids, with commas between, at most ${limits.filterIds}` }),
  ),
  tag: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String())], {
      description: 'Jobs that have all of these tags, with commas between, or given several times',
    }),
  ),
  group: Type.Optional(Type.String({ description: 'Jobs of this group' })),
  key: Type.Optional(Type.String({ description: 'Jobs that were made with this key, finished ones too' })),
  paused: yesOrNo('Jobs that are paused themselves, or that are not'),
  is_repeat: yesOrNo('Jobs that repeat, or that do not'),
  last_outcome: Type.Optional(
    Type.Enum(['success', 'failed'], { description: 'Repeating jobs whose latest occurrence ended so' }),
  ),
  error_group: Type.Optional(
    Type.String({ pattern: '^[0-9a-f]{12}$', description: 'Failed jobs of this group of failures: see GET /failures' }),
  ),
  created_after: instant('Jobs that were made at this instant or later'),
  created_before: instant('Jobs that were made before this instant'),
  due_after: instant('Jobs whose trigger_at is at this instant or later'),
  due_before: instant('Jobs whose trigger_at is before this instant'),
} as const;

/** Names of the filters. */
export type FilterName = keyof typeof filterParameters;
export const filterNames = Object.keys(filterParameters) as readonly FilterName[];

/** What is looked for in jobs, each of which is read for it. */
const searchParameters = {
  q: Type.Optional(
    Type.String({
      maxLength: limits.searchChars,
      description:
        'Jobs that have this text in payload, result or last error, case ignored. A request looks for 100 ms and answers `{items, scanned, next_cursor}`, perhaps without items',
    }),
  ),
} as const;

/** How lists are ordered and cut into pages. Numbers may be written as `1e2`. */
const pageParameters = {
  sort: Type.Optional(
    Type.Enum(['created', 'due'], { default: 'created', description: 'In order of created_at, or of trigger_at' }),
  ),
  order: Type.Optional(
    Type.Enum(['asc', 'desc'], { description: 'Default: the newest first, or the one that is due first' }),
  ),
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: limits.listDefault,
      description: `Jobs of a page; more than ${limits.listMax} are taken for ${limits.listMax}`,
    }),
  ),
  offset: Type.Optional(Type.Integer({ minimum: 0, default: 0, description: 'Jobs to skip; not with cursor' })),
  cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same other parameters' })),
} as const;

/** What lists of jobs can be asked for. */
export const listQuery = Type.Object(
  { ...filterParameters, ...searchParameters, ...pageParameters },
  { additionalProperties: false },
);

/** The parameters of lists. */
export const listParameters: readonly string[] = Object.keys(listQuery.properties);
