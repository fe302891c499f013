/**
 * The descriptions of the API, `/openapi.json` and `/asyncapi.json`. They need no token, but only callers with one are shown
 * the job types. What makes them is loaded, and they are made, when somebody first asks.
 */
import type { Described } from '../../api/description/openapi.js';
import type { Route } from '../http/app.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import type { JobTypes } from '../job-types.js';
import { version } from '../version.js';

export interface DescriptionContext {
  /** Path of the API, `/api/v1`. */
  readonly base: string;
  readonly jobTypes: JobTypes;
  /** The server has tokens. */
  readonly guarded: boolean;
}

/** Where the descriptions are. */
export const descriptionPaths = { openapi: '/openapi.json', asyncapi: '/asyncapi.json' } as const;

/** Makes a document. */
type Make = (described: Described) => object;

export function descriptionRoutes(context: DescriptionContext): Route[] {
  return [
    route(descriptionPaths.openapi, context, async () => (await import('../../api/description/openapi.js')).openApi),
    route(descriptionPaths.asyncapi, context, async () => (await import('../../api/description/asyncapi.js')).asyncApi),
  ];
}

function route(path: string, context: DescriptionContext, load: () => Promise<Make>): Route {
  const { jobTypes: types } = context;
  /** Texts, for those who may know the job types and for the others. */
  let made: Record<string, Promise<string>> = {};
  let { edition } = types;
  const describe = async (known: boolean): Promise<string> => {
    const [jobTypes, payloadSchemas] = known ? [types.names, types.payloadSchemas] : [[], {}];
    const make = await load();
    return JSON.stringify(make({ ...context, version, jobTypes, payloadSchemas }));
  };
  const run = (exchange: Exchange): void => {
    const { access } = exchange;
    if (edition !== types.edition) [made, edition] = [{}, types.edition];
    const text = (made[access] ??= describe(access !== 'none'));
    text.then(
      (document) => exchange.answer(jsonOk, document),
      (error: unknown) => exchange.fail(error),
    );
  };
  return { method: 'GET', path, open: true, run };
}
