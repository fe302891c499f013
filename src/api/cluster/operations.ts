/** What `GET /cluster` answers, declared. It is among all others in `operations`. */
import { Type } from '../../schema/typebox.js';
import type { Operation } from '../operation.js';

const exact = { additionalProperties: false };
const whole = Type.Integer({ minimum: 0 });
const milliseconds = Type.Number({ minimum: 0 });

/** States of a node, as the one that answers sees it. */
export const nodeStates = ['live', 'leaving', 'dead'] as const;

const node = Type.Object(
  {
    node: Type.String({ description: 'Id of this start of the process' }),
    address: Type.String({ description: 'Where its peers reach it' }),
    state: Type.Enum([...nodeStates]),
    beat_age_ms: Type.Optional(
      Type.Number({ minimum: 0, description: 'How long ago a new beat of it was seen; absent where none was yet' }),
    ),
    clock_offset_ms: Type.Optional(
      Type.Number({ description: "How far its clock is ahead of the database's; absent where it has not said so" }),
    ),
    shards: Type.Integer({ minimum: 0, description: 'How many it owns' }),
  },
  exact,
);

const shard = Type.Object(
  {
    shard: whole,
    owner: Type.Union([Type.String(), Type.Null()], { description: 'Id of the node; null: nobody' }),
    epoch: Type.Integer({ minimum: 0, description: 'Grows by one each time that it is taken' }),
    appended: Type.Optional(Type.Integer({ minimum: 0, description: 'Position of the last record in the database' })),
    applied: Type.Optional(Type.Integer({ minimum: 0, description: 'Of the last that its owner has in its index' })),
    merged: Type.Integer({ minimum: 0, description: 'Of the last that the pages in the database have' }),
    load_ms: Type.Optional({ ...milliseconds, description: 'How long another node would need to load it' }),
    given_up: Type.Optional(
      Type.Array(Type.Object({ node: Type.String(), reason: Type.String() }, exact), {
        minItems: 1,
        description: 'Nodes that could not run it, and leave it to others for a while; absent where none has',
      }),
    ),
  },
  exact,
);

const clusterAnswer = Type.Object(
  {
    node: Type.String({ description: 'Id of the node that answers' }),
    nodes: Type.Array(node),
    shards: Type.Array(shard),
  },
  exact,
);

export const clusterOperations = {
  cluster: {
    method: 'GET',
    path: '/cluster',
    tag: 'Server',
    summary: 'The nodes and shards of a cluster, and who owns what',
    description:
      'As the node that answers sees it. `appended` and `applied` are absent where no owner has told them. A server that keeps its jobs in a directory is no cluster: 404.',
    answers: { 200: clusterAnswer },
    refusals: ['not_found'],
  },
} as const satisfies Record<string, Operation>;
