/** The methods that find and change many jobs, declared. They are among all others in `operations`. */
import { limits } from '../../domain/limits.js';
import { Type } from '../../schema/typebox.js';
import type { Operation } from '../operation.js';
import { bulk, bulkList, bulkPreview, failures } from './answers.js';
import { bulkSchema } from './bulk-schema.js';

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

/** What `GET /bulk` is asked. */
const bulkListQuery = Type.Object(paging, { additionalProperties: false });

/** The parameters of `GET /bulk`. */
export const bulkListParameters: readonly string[] = Object.keys(bulkListQuery.properties);

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
  createBulk: {
    method: 'POST',
    path: '/bulk',
    tag: 'Jobs',
    summary: 'Do something with many jobs',
    description:
      'The jobs are those that match when it is accepted; each is acted on once, if it still matches then. It goes on after a restart. With `dry_run` nothing is done, and the answer is 200.',
    request: bulkSchema,
    answers: { 200: bulkPreview, 202: bulk },
    answerHeaders: { Location: Type.Optional(Type.String({ description: 'The path of the bulk action' })) },
  },
  listBulks: {
    method: 'GET',
    path: '/bulk',
    tag: 'Jobs',
    summary: 'What is done with many jobs, the latest first',
    description: 'Of those that have ended the last 100 are kept.',
    query: bulkListQuery,
    answers: { 200: bulkList },
  },
  showBulk: {
    method: 'GET',
    path: '/bulk/:id',
    tag: 'Jobs',
    summary: 'Show a bulk action',
    answers: { 200: bulk },
  },
  cancelBulk: {
    method: 'DELETE',
    path: '/bulk/:id',
    tag: 'Jobs',
    summary: 'Stop a bulk action',
    description: 'What has been done stays done. One that has ended stays as it is.',
    answers: { 200: bulk },
  },
} as const satisfies Record<string, Operation>;
