/**
 * Metrics as the text that Prometheus reads, by `prom-client`, with its figures of the process beside ours. It is loaded when
 * somebody asks first: until then it costs nothing, and its figures of the event loop and of garbage collection begin then.
 */
import type { Metric as PromMetric } from 'prom-client';
import type { Metric } from './metrics.js';

/** Gauges that are called as if they were counters; those beside them have the same by kind. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export interface Exposition {
  /** Media type of the text. */
  readonly contentType: string;
  /** All metrics as of now. */
  text(): Promise<string>;
}

/** Loads what is needed. */
export async function expose(metrics: readonly Metric[]): Promise<Exposition> {
  const { Registry, collectDefaultMetrics } = (await import('prom-client')).default;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of misnamed) registry.removeSingleMetric(name);
  // A registry asks each metric for its values when it writes them; the library's own classes would have to be told them before.
  for (const { name, help, type, values } of metrics) {
    const get = async () => ({ name, help, type, values: [...values()], aggregator: 'sum' });
    registry.registerMetric({ name, get } as unknown as PromMetric);
  }
  return { contentType: registry.contentType, text: () => registry.metrics() };
}
