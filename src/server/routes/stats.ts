/** The resource `/stats`. The same document answers `get_stats` on a WebSocket. In a cluster it is that of all its nodes. */

import { at } from '../../api/operation.js';
import { operations } from '../../api/operations.js';
import type { Clock } from '../../clock.js';
import { mergedTotals } from '../../cluster/gathering/sums.js';
import { Refusal } from '../../domain/errors.js';
import { formatDuration } from '../../domain/time/duration.js';
import type { Queries, Totals } from '../../store/queries-port.js';
import type { Route } from '../http/app.js';
import { internalError } from '../http/problem-head.js';
import { jsonOk } from '../http/response-head.js';
import { atOnce, type ClusterContext, type Gathered } from '../peers/gathering.js';

type Figures = Readonly<Record<string, number | string>>;

export interface StatsContext {
  readonly queries: Queries;
  readonly clock: Clock;
  /** Monotonic milliseconds at which the server began. */
  readonly startedAt: number;
  /** Further figures, after those of the contract. */
  readonly extras: () => Figures;
  /** In a cluster. */
  readonly cluster?: ClusterContext | undefined;
}

/** What a node sends. */
interface StatsPart {
  readonly totals: Totals;
  readonly lastEvent: number;
  /** Of the node. */
  readonly figures: Figures;
}

/** The statistics of this server by itself, as JSON text. */
function renderStats({ queries, clock, startedAt, extras }: StatsContext): string {
  return write(queries.totals(), clock.monotonic() - startedAt, extras());
}

/** For whoever asks by a WebSocket. @param base path of the API */
export function statsCalls(context: StatsContext, base: string) {
  const { cluster } = context;
  return (answer: (text: string) => void, refuse: (refusal: Refusal) => void): void => {
    if (cluster === undefined) return answer(renderStats(context));
    cluster.gathering.all(questionOf(context, cluster, base)).then(
      (parts) => answer(merged(context, parts)),
      (error: unknown) => refuse(error instanceof Refusal ? error : internalError()),
    );
  };
}

export function statsRoutes(base: string, context: StatsContext): Route[] {
  const { cluster } = context;
  return [
    {
      ...at(base, operations.stats),
      run: (exchange) => {
        if (cluster === undefined) return exchange.answer(jsonOk, renderStats(context));
        cluster.gathering.run(exchange, questionOf(context, cluster, base), (parts) =>
          exchange.answer(jsonOk, merged(context, parts)),
        );
      },
    },
  ];
}

function questionOf({ extras }: StatsContext, { own }: ClusterContext, base: string) {
  return {
    path: base + operations.stats.path,
    of: 'shards and nodes' as const,
    part: (shards: readonly number[]) =>
      atOnce((): StatsPart => {
        const queries = own(shards);
        return { totals: queries.totals(), lastEvent: queries.lastEvent(), figures: extras() };
      }),
  };
}

function merged({ clock, startedAt }: StatsContext, parts: readonly Gathered<StatsPart>[]): string {
  const totals = mergedTotals(parts.map(({ part }) => part.totals));
  const byNode = new Map(parts.map(({ node, part }) => [node, part.figures]));
  const figures: Record<string, number | string> = {};
  for (const each of byNode.values()) for (const [name, value] of Object.entries(each)) add(figures, name, value);
  if ('last_event' in figures) figures.last_event = parts.reduce((sum, { part }) => sum + part.lastEvent, 0);
  return write(totals, clock.monotonic() - startedAt, figures);
}

/** What a figure of one node is to that of all: ages are as of the oldest, and the rest is counted. */
function add(figures: Record<string, number | string>, name: string, value: number | string): void {
  const before = figures[name];
  if (typeof before !== 'number' || typeof value !== 'number') figures[name] = before ?? value;
  else figures[name] = name.startsWith('oldest_') ? Math.max(before, value) : before + value;
}

function write({ pending, running, completed, failed, cancelled }: Totals, uptimeMs: number, extras: Figures): string {
  const uptime = formatDuration(uptimeMs, 'down');
  // Everything that the scheduler has to do, as in the original's example: 12 + 3 = 15.
  const heapSize = pending + running;
  return JSON.stringify({ pending, running, completed, failed, cancelled, heap_size: heapSize, uptime, ...extras });
}
