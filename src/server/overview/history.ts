/** The resource `/history`: what happened over the last hours or days, step by step. */
import { Faults } from '../../api/faults.js';
import { at } from '../../api/operation.js';
import { historyParameters, operations } from '../../api/operations.js';
import { parseQuery } from '../../api/query.js';
import type { Clock } from '../../clock.js';
import { formatInstant, parseInstant } from '../../domain/time/instant.js';
import { latenessBounds } from '../../telemetry/counts.js';
import { mergedPoints, type Point, quantile, type Step, steps } from '../../telemetry/history/point.js';
import type { Route } from '../http/app.js';
import { jsonOk } from '../http/response-head.js';
import { atOnce, type ClusterContext } from '../peers/gathering.js';

export interface HistoryContext {
  readonly points: (step: Step, from: number, to: number) => readonly Point[];
  readonly clock: Clock;
  /** IANA name. */
  readonly timezone: string;
  /** In a cluster. */
  readonly cluster?: ClusterContext | undefined;
}

export function historyRoutes(base: string, context: HistoryContext): Route[] {
  const { points, timezone, cluster } = context;
  return [
    {
      ...at(base, operations.history),
      run: (exchange) => {
        const { step, from, to } = readQuestion(exchange.query, context);
        const answer = (found: readonly Point[]): void => {
          const items = found.map((point) => shown(point, timezone));
          exchange.answer(jsonOk, JSON.stringify({ step, items }));
        };
        if (cluster === undefined) return answer(points(step, from, to));
        const question = {
          path: `${base}${operations.history.path}?${exchange.query}`,
          of: 'nodes' as const,
          part: () => atOnce(() => points(step, from, to)),
        };
        cluster.gathering.run(exchange, question, (parts) => answer(mergedPoints(parts.map(({ part }) => part))));
      },
    },
  ];
}

/** @throws Refusal `validation_failed` */
function readQuestion(
  raw: string,
  { clock, timezone }: HistoryContext,
): { readonly step: Step; readonly from: number; readonly to: number } {
  const faults = new Faults();
  const values = parseQuery(raw, historyParameters, faults);
  const stepText = values.get('step') ?? '10s';
  if (!(stepText in steps)) faults.add('query.step', `must be one of ${Object.keys(steps).join(', ')}`);
  const instantOf = (name: 'from' | 'to'): number | undefined => {
    const text = values.get(name);
    if (text === undefined) return undefined;
    const read = parseInstant(text, timezone);
    if ('ms' in read) return read.ms;
    faults.add(`query.${name}`, read.error);
    return undefined;
  };
  const to = instantOf('to') ?? clock.now();
  const from = instantOf('from') ?? Number.NEGATIVE_INFINITY;
  faults.throwIfAny();
  return { step: stepText as Step, from, to };
}

function shown({ at, lateness, ...counts }: Point, timezone: string): object {
  const late = (share: number): number | null => {
    const seconds = quantile(latenessBounds, lateness, share);
    return seconds === undefined ? null : Math.round(seconds * 1e6) / 1e3;
  };
  return { at: formatInstant(at, timezone), ...counts, lateness_p50_ms: late(0.5), lateness_p99_ms: late(0.99) };
}
