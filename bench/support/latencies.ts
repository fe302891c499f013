/** Latencies, counted in an HdrHistogram of microseconds with three digits, and what is reported of them. */
import { build, type Histogram } from 'hdr-histogram-js';
import type { Figures } from './bench.js';

const highestUs = 3_600_000_000;

export class Latencies {
  readonly #histogram: Histogram = build({
    lowestDiscernibleValue: 1,
    highestTrackableValue: highestUs,
    numberOfSignificantValueDigits: 3,
  });
  #min = Number.POSITIVE_INFINITY;

  /** @param ms may be negative; it then counts as 0 in all but `min` */
  add(ms: number): void {
    if (ms < this.#min) this.#min = ms;
    this.#histogram.recordValue(Math.min(highestUs, Math.max(0, Math.round(ms * 1000))));
  }

  get count(): number {
    return this.#histogram.totalCount;
  }

  /** The smallest, unrounded. */
  get min(): number {
    return this.#min;
  }

  figures(): Figures {
    const at = (percentile: number): number => this.#histogram.getValueAtPercentile(percentile) / 1000;
    return { p50Ms: at(50), p99Ms: at(99), p999Ms: at(99.9), maxMs: this.#histogram.maxValue / 1000 };
  }
}
