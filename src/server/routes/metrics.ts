/** The resource `/metrics`: everything that is counted, as Prometheus reads it. */

import { operations } from '../../api/operations.js';
import type { Route } from '../http/app.js';
import { responseHead } from '../http/response-head.js';

/** The metrics as text, with the media type of that. */
export interface Exposition {
  readonly contentType: string;
  text(): Promise<string>;
}

/** @param load called when somebody asks first */
export function metricsRoute(load: () => Promise<Exposition>): Route {
  let loaded: Promise<Exposition> | undefined;
  return {
    ...operations.metrics,
    run: (exchange) => {
      loaded ??= load();
      loaded
        .then(async (exposition) => {
          const text = await exposition.text();
          exchange.answer(responseHead('200 OK', exposition.contentType), text);
        })
        .catch((error: unknown) => {
          loaded = undefined;
          exchange.fail(error);
        });
    },
  };
}
