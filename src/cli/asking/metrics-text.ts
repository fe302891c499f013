/** The text of `GET /metrics`, read back: what `top` needs of it. */

/** Values of one metric by the labels of its series. */
type Series = ReadonlyMap<string, number>;

export type Metrics = ReadonlyMap<string, Series>;

const line = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)/;

/** @param text in the text format of Prometheus, as this server writes it */
export function parseMetrics(text: string): Metrics {
  const metrics = new Map<string, Map<string, number>>();
  for (const each of text.split('\n')) {
    const [, name, labels = '', value] = line.exec(each) ?? [];
    if (name === undefined) continue;
    let series = metrics.get(name);
    if (!series) metrics.set(name, (series = new Map()));
    series.set(labels, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value));
  }
  return metrics;
}

/** The value of a label in the text of a series' labels. */
export function label(labels: string, name: string): string | undefined {
  return new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];
}

/** Which series count: all of them, or those with these labels. */
export type Labels = Readonly<Record<string, string>>;

function* matching(metrics: Metrics, name: string, wanted: Labels): Generator<[labels: string, value: number]> {
  for (const one of metrics.get(name) ?? []) {
    if (Object.entries(wanted).every(([key, value]) => label(one[0], key) === value)) yield one;
  }
}

/** The sum over the series that match. */
export function sum(metrics: Metrics, name: string, wanted: Labels = {}): number {
  let total = 0;
  for (const [, value] of matching(metrics, name, wanted)) total += value;
  return total;
}

/** The largest of the series that match; 0 where there are none. */
export function largest(metrics: Metrics, name: string, wanted: Labels = {}): number {
  let most = 0;
  for (const [, value] of matching(metrics, name, wanted)) most = Math.max(most, value);
  return most;
}

/**
 * A quantile of what a histogram took up between two scrapes, interpolated within its bucket as Prometheus does
 * (https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile).
 *
 * @returns in the unit of the histogram; undefined when it took up nothing
 */
export function quantile(
  before: Metrics,
  now: Metrics,
  name: string,
  q: number,
  wanted: Labels = {},
): number | undefined {
  const counts = new Map<number, number>();
  for (const [metrics, sign] of [
    [now, 1],
    [before, -1],
  ] as const) {
    for (const [labels, value] of matching(metrics, `${name}_bucket`, wanted)) {
      const bound = label(labels, 'le') === '+Inf' ? Number.POSITIVE_INFINITY : Number(label(labels, 'le'));
      counts.set(bound, (counts.get(bound) ?? 0) + sign * value);
    }
  }
  const bounds = [...counts].sort(([a], [b]) => a - b);
  const total = bounds.at(-1)?.[1] ?? 0;
  if (!(total > 0)) return undefined;
  let lower = 0;
  let below = 0;
  for (const [bound, count] of bounds) {
    if (count >= q * total) {
      if (bound === Number.POSITIVE_INFINITY) return lower;
      return lower + ((bound - lower) * (q * total - below)) / Math.max(count - below, 1e-9);
    }
    lower = bound;
    below = count;
  }
  return lower;
}
