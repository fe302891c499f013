/** The resource `/health`: whether the server can do its work, whether requests can be sent here, and whether it answers at all. */

import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import type { Clock } from '../../clock.js';
import { formatInstant } from '../../domain/time/instant.js';
import type { Route } from '../http/app.js';
import { jsonOk, jsonUnavailable } from '../http/response-head.js';
import type { Access } from '../http/tokens.js';
import type { Health } from '../ports.js';
import { version } from '../version.js';

export interface HealthContext {
  /** As far as it is for whoever has this access: all may ask. */
  readonly health: (access: Access) => Health;
  readonly ready: () => boolean;
  readonly clock: Clock;
  /** IANA name. */
  readonly timezone: string;
}

export function healthRoutes(base: string, { health, ready, clock, timezone }: HealthContext): Route[] {
  const document = ({ status, ...why }: Health): string =>
    JSON.stringify({ status, time: formatInstant(clock.now(), timezone), version: `v${version}`, ...why });
  return [
    {
      ...at(base, operations.health),
      run: (exchange) => {
        const said = health(exchange.access);
        exchange.answer(said.status === 'healthy' ? jsonOk : jsonUnavailable, document(said));
      },
    },
    {
      ...at(base, operations.ready),
      run: (exchange) => {
        if (ready()) exchange.answer(jsonOk, '{"status":"ready"}');
        else exchange.answer(jsonUnavailable, document(health(exchange.access)));
      },
    },
    {
      ...at(base, operations.live),
      run: (exchange) => exchange.answer(jsonOk, '{"status":"live"}'),
    },
  ];
}
