/** Runs of jobs that are committed and not yet found through the store, and the last row of jobs that had one lately. */
import type { NumberedRun } from '../../domain/runs/run.js';
import type { Changes } from '../port.js';

interface RecentRun {
  readonly position: number;
  readonly row: NumberedRun;
}

/** Jobs whose last row is kept at hand: it is asked for at the end of each of their attempts. */
const maxLast = 4096;

export class RecentRuns {
  readonly #rows = new Map<number, RecentRun[]>();
  readonly #last = new Map<number, NumberedRun>();

  add(position: number, { runs, jobs }: Pick<Changes, 'runs' | 'jobs'>): void {
    for (const [seq, rows] of runs ?? []) {
      const known = this.#rows.get(seq) ?? [];
      this.#rows.set(seq, known);
      for (const row of rows) known.push({ position, row });
      if (this.#last.size >= maxLast) this.#last.clear();
      const last = rows.at(-1);
      if (last) this.#last.set(seq, last);
    }
    if (this.#last.size === 0) return;
    for (const [seq, { removed }] of jobs) if (removed) this.#last.delete(seq);
  }

  /** Readers of the store find all up to this position. */
  forget(position: number, { runs }: Pick<Changes, 'runs'>): void {
    for (const seq of runs?.keys() ?? []) {
      const left = (this.#rows.get(seq) ?? []).filter((each) => each.position > position);
      if (left.length === 0) this.#rows.delete(seq);
      else this.#rows.set(seq, left);
    }
  }

  /** In the order in which they were written: of one number the last holds. */
  of(seq: number): readonly NumberedRun[] {
    return (this.#rows.get(seq) ?? []).map(({ row }) => row);
  }

  /** The last row of a job, where that is at hand. */
  last(seq: number): NumberedRun | undefined {
    return this.#rows.get(seq)?.at(-1)?.row ?? this.#last.get(seq);
  }
}
