/** The resource `/stats`. The same document answers `get_stats` on a WebSocket. */

import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import type { Clock } from '../../clock.js';
import { formatDuration } from '../../domain/time/duration.js';
import type { Queries } from '../../store/queries-port.js';
import type { Route } from '../http/app.js';
import { jsonOk } from '../http/response-head.js';

export interface StatsContext {
  readonly queries: Queries;
  readonly clock: Clock;
  /** Monotonic milliseconds at which the server began. */
  readonly startedAt: number;
  /** Further figures, after those of the contract. */
  readonly extras: () => Readonly<Record<string, number | string>>;
}

/** The statistics as JSON text. */
export function renderStats({ queries, clock, startedAt, extras }: StatsContext): string {
  const { pending, running, completed, failed, cancelled } = queries.totals();
  const uptime = formatDuration(clock.monotonic() - startedAt, 'down');
  // Everything that the scheduler has to do, as in the original's example: 12 + 3 = 15.
  const heapSize = pending + running;
  return JSON.stringify({ pending, running, completed, failed, cancelled, heap_size: heapSize, uptime, ...extras() });
}

export function statsRoutes(base: string, context: StatsContext): Route[] {
  return [{ ...at(base, operations.stats), run: (exchange) => exchange.answer(jsonOk, renderStats(context)) }];
}
