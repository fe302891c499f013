/**
 * What a bench is and what it finds. A bench asks one question at a small and at a full size; each answer is a `Finding`:
 * figures, and beside them the ceiling that was measured in the same run. What is slow is a finding; what is wrong is an
 * error, and only that fails the run.
 */

/** Numbers by name. The name ends in the unit (`perSecond`, `p99Ms`, `rssMiB`): tables are made from that. */
export type Figures = Readonly<Record<string, number>>;

export interface Finding {
  /** The setting that this is about, `256 connections`. */
  readonly what: string;
  readonly figures: Figures;
  readonly ceiling?: { readonly what: string; readonly figures: Figures };
  /** The figure over the ceiling's. */
  readonly ratio?: number;
  /** The same for each round alone, or for each of several runs: whether it holds. */
  readonly ratios?: readonly number[];
  /** What is aimed at. */
  readonly must?: readonly Must[];
}

export interface Must {
  /** `at least 0.6 of the ceiling` */
  readonly what: string;
  /** What was measured, in the unit of the bound. */
  readonly got: number;
  readonly reached: boolean;
}

export type Size = 'small' | 'full';

export interface Bench<Plan> {
  readonly name: string;
  readonly question: string;
  readonly plans: Readonly<Record<Size, Plan>>;
  run(plan: Plan, run: Run): Promise<void>;
}

/** A bench whose plan is its own business. */
// biome-ignore lint/suspicious/noExplicitAny: a plan goes nowhere but back to its bench
export type AnyBench = Bench<any>;

/** One run of one bench: takes its findings, and ends what it leaves behind. */
export class Run {
  readonly findings: Finding[] = [];
  readonly errors: string[] = [];
  /** Why the bench, or a part of it, could not be run. */
  readonly skipped: string[] = [];
  readonly #print: (line: string) => void;
  readonly #cleanups: (() => unknown)[] = [];

  constructor(print: (line: string) => void = () => {}) {
    this.#print = print;
  }

  say(line: string): void {
    this.#print(`  ${line}`);
  }

  find(finding: Finding): void {
    this.findings.push(finding);
  }

  skip(why: string): void {
    this.skipped.push(why);
    this.say(`skipped: ${why}`);
  }

  /** Notes an error unless `right`. */
  check(right: boolean, otherwise: string): void {
    if (right) return;
    this.errors.push(otherwise);
    this.say(`WRONG: ${otherwise}`);
  }

  equal(found: number, expected: number, what: string): void {
    this.check(found === expected, `${what}: ${found} instead of ${expected}`);
  }

  /** Done when the bench ends, whatever way; the last one first. */
  finally(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async end(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}

export function atLeast(what: string, got: number, bound: number): Must {
  return { what, got, reached: got >= bound };
}

export function atMost(what: string, got: number, bound: number): Must {
  return { what, got, reached: got <= bound };
}

/** What each round came to, over what its ceiling did. */
export function ratiosOf(ours: readonly number[], ceilings: readonly number[]): number[] {
  return ours.map((value, round) => value / ceilings[round]!);
}

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Of each figure the median over the rounds; `max…` keeps the largest and `min…` the smallest, or they would lie. */
export function medians(rounds: readonly Figures[]): Figures {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    names.map((name) => {
      const values = rounds.map((round) => round[name]!);
      if (name.startsWith('max')) return [name, Math.max(...values)];
      if (name.startsWith('min')) return [name, Math.min(...values)];
      return [name, median(values)];
    }),
  );
}

export function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}
