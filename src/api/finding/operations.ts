/** The methods that find and change many jobs, declared. They are among all others in `operations`. */
import { limits } from '../../domain/limits.js';
import { Type } from '../../schema/typebox.js';
import type { Operation } from '../operation.js';
import { failures } from './answers.js';

const paging = {
  limit: Type.Optional(
    Type.Integer({
      minimum: 1,
      default: limits.listDefault,
      description: `Items of a page; more than ${limits.listMax} are taken for ${limits.listMax}`,
    }),
  ),
  cursor: Type.Optional(Type.String({ description: 'next_cursor of the page before, with the same other parameters' })),
};

/** What `GET /failures` is asked. */
const failuresQuery = Type.Object(
  { name: Type.Optional(Type.String({ description: 'Of jobs of this type only' })), ...paging },
  { additionalProperties: false },
);

/** The parameters of `GET /failures`. */
export const failuresParameters: readonly string[] = Object.keys(failuresQuery.properties);

export const findingOperations = {
  failures: {
    method: 'GET',
    path: '/failures',
    tag: 'Jobs',
    summary: 'What jobs have failed of, the most frequent first',
    description:
      'Failed jobs that are there still, by type and message. Messages that differ in numbers and ids only are one group; `error_group` of `GET /jobs` finds its jobs.',
    query: failuresQuery,
    answers: { 200: failures },
  },
} as const satisfies Record<string, Operation>;
