/**
 * What became of attempts in the last minute, by type: what is counted now less what was counted then. The counts are copied every few
 * seconds, so nothing is added to what an attempt costs.
 */
import type { Counts, TypeCounts } from './counts.js';
import type { Histogram } from './histogram.js';

const spanMs = 60_000;
const everyMs = 5000;

/** Of a type, in the last minute: how many, and in which bucket of the histograms of the metrics. */
interface RecentRuns {
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly lateness: readonly number[];
  readonly duration: readonly number[];
}

interface Copy {
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly lateness: readonly number[];
  readonly duration: readonly number[];
}

const nothing: Copy = { started: 0, succeeded: 0, failed: 0, lateness: [], duration: [] };

/** See the head of this file. */
export class Recent {
  readonly #counts: Counts;
  /** The oldest first: the first is of a minute ago. */
  #copies: ReadonlyMap<string, Copy>[] = [];

  constructor(counts: Counts) {
    this.#counts = counts;
    setInterval(() => this.copy(), everyMs).unref();
  }

  /** Notes how things stand; called every five seconds. */
  copy(): void {
    const copy = new Map([...this.#counts.types].map(([type, counts]) => [type, copyOf(counts)]));
    this.#copies = [...this.#copies, copy].slice(-spanMs / everyMs);
  }

  /** Types that are counted by themselves. */
  names(): Iterable<string> {
    return this.#counts.types.keys();
  }

  /** Undefined where a type is not counted by itself, or has had no attempt. */
  of(type: string): RecentRuns | undefined {
    const counts = this.#counts.types.get(type);
    if (counts === undefined) return undefined;
    const isFull = this.#copies.length === spanMs / everyMs;
    const before = (isFull ? this.#copies[0]?.get(type) : undefined) ?? nothing;
    return {
      started: counts.started - before.started,
      succeeded: counts.outcomes.succeeded - before.succeeded,
      failed: counts.outcomes.failed - before.failed,
      lateness: since(counts.lateness, before.lateness),
      duration: since(counts.duration, before.duration),
    };
  }
}

function copyOf({ started, outcomes, lateness, duration }: TypeCounts): Copy {
  const { succeeded, failed } = outcomes;
  return { started, succeeded, failed, lateness: [...lateness.counts], duration: [...duration.counts] };
}

const since = ({ counts }: Histogram, before: readonly number[]): number[] =>
  counts.map((count, at) => count - (before[at] ?? 0));

/**
 * Where a part of all values lies, evenly spread within its bucket as Prometheus has it; null when there are none.
 *
 * @param bounds upper ones in seconds; what lies beyond all counts as the last
 * @returns milliseconds, with one decimal
 */
export function quantile(bounds: readonly number[], counts: readonly number[], part: number): number | null {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return null;
  const rank = part * total;
  let below = 0;
  for (const [at, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = at === 0 ? 0 : (bounds[at - 1] as number);
      const until = bounds[at] ?? from;
      return Math.round((from + ((until - from) * (rank - below)) / count) * 10_000) / 10;
    }
    below += count;
  }
  return Math.round((bounds.at(-1) as number) * 10_000) / 10;
}
