/** The resource `/system`: what the server is made of, what it was told, and how its parts are. */
import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import type { Route } from '../http/app.js';
import { jsonOk } from '../http/response-head.js';

export interface SystemContext {
  /** @param trusted paths of the machine may be shown */
  readonly system: (trusted: boolean) => Readonly<Record<string, unknown>>;
  /** Others than this machine's users can get here without a token. */
  readonly exposed: boolean;
}

export function systemRoutes(base: string, { system, exposed }: SystemContext): Route[] {
  return [
    {
      ...at(base, operations.system),
      run: (exchange) => exchange.answer(jsonOk, JSON.stringify(system(exchange.access === 'full' && !exposed))),
    },
  ];
}
