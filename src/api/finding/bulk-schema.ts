/** The body that asks for something to be done with many jobs. */
import { bulkActions } from '../../domain/control/bulk.js';
import { statuses } from '../../domain/lifecycle.js';
import { limits } from '../../domain/limits.js';
import { shapeOf } from '../../schema/shape.js';
import { Type } from '../../schema/typebox.js';
import { patchSchema } from '../schemas.js';

const oneOrMore = (maxItems: number = limits.filterIds) =>
  Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { minItems: 1, maxItems })]));
const status = Type.Enum([...statuses]);

/** As the parameters of `GET /jobs`, several values as an array. */
export const bulkFilter = Type.Object(
  {
    all: Type.Optional(Type.Literal(true, { description: 'All jobs; alone' })),
    status: Type.Optional(Type.Union([status, Type.Array(status, { minItems: 1 })])),
    name: oneOrMore(),
    id: oneOrMore(),
    tag: oneOrMore(),
    group: Type.Optional(Type.String()),
    key: Type.Optional(Type.String()),
    paused: Type.Optional(Type.Boolean()),
    is_repeat: Type.Optional(Type.Boolean()),
    last_outcome: Type.Optional(Type.Enum(['success', 'failed'])),
    error_group: Type.Optional(Type.String({ pattern: '^[0-9a-f]{12}$' })),
    created_after: Type.Optional(Type.String()),
    created_before: Type.Optional(Type.String()),
    due_after: Type.Optional(Type.String()),
    due_before: Type.Optional(Type.String()),
  },
  { additionalProperties: false, minProperties: 1 },
);

const actions = Object.keys(bulkActions);

/** The body of `POST /bulk`. */
export const bulkSchema = Type.Object(
  {
    action: Type.Enum(actions, {
      description:
        'What is done with each job. Only jobs are meant that it can be done with: retry is for failed ones, remove for finished ones, run and update for pending ones, the others for pending and running ones',
    }),
    filter: bulkFilter,
    change: Type.Optional(Type.Object(patchSchema.properties, { additionalProperties: false, minProperties: 1 })),
    dry_run: Type.Optional(
      Type.Boolean({ description: 'true: nothing is done, and the answer says how many jobs match' }),
    ),
  },
  { additionalProperties: false },
);

/** What filter and change are is looked at by themselves. */
const outer = Type.Object(
  {
    action: Type.Enum(actions),
    filter: Type.Object({}, { additionalProperties: true }),
    change: Type.Optional(Type.Unknown()),
    dry_run: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);
export const bulkShape = shapeOf(outer);
