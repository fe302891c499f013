/** Jobs that have failed: by the group of their error, and in the order in which they failed. */
import { type Postings, PostingsTable } from './seq-set.js';

/** A job and when it failed, in Unix milliseconds. */
export interface FailedJob {
  readonly seq: number;
  readonly at: number;
}

/** Entries of jobs that have moved on are kept until they are so many, and most of all. */
const fewEntries = 1024;

/**
 * Jobs in the order in which they failed. An entry whose job has been retried or removed since stays until it is dropped: whoever
 * reads looks at the job. Each entry has a number for good, so that a reader can go on where it was.
 */
class FailureOrder {
  #seqs: number[] = [];
  #ats: number[] = [];
  /** Number of the first entry in the lists. */
  #first = 0;
  /** Of the lists, how many at the beginning have been dropped. */
  #dropped = 0;

  /** Number of the first entry there is. */
  get first(): number {
    return this.#first + this.#dropped;
  }

  /** Number of the entry that comes next. */
  get end(): number {
    return this.#first + this.#seqs.length;
  }

  push({ seq, at }: FailedJob): void {
    this.#seqs.push(seq);
    this.#ats.push(at);
  }

  /** The entry of a number; undefined where there is none, or none any more. */
  entry(number: number): FailedJob | undefined {
    const index = number - this.#first;
    const seq = this.#seqs[index];
    return index < this.#dropped || seq === undefined ? undefined : { seq, at: this.#ats[index] as number };
  }

  /** Drops all entries before the one of a number. */
  dropBefore(number: number): void {
    this.#dropped = Math.max(this.#dropped, Math.min(number, this.end) - this.#first);
    if (this.#dropped < fewEntries || this.#dropped * 2 < this.#seqs.length) return;
    this.#seqs = this.#seqs.slice(this.#dropped);
    this.#ats = this.#ats.slice(this.#dropped);
    this.#first += this.#dropped;
    this.#dropped = 0;
  }

  /**
   * Keeps the latest entry of each job that counts, should there be many more than the `alive` that do. Numbers begin anew behind all
   * that there were.
   */
  sweep(alive: number, counts: (seq: number) => boolean): void {
    if (this.#seqs.length < fewEntries || this.#seqs.length < alive * 3) return;
    const kept: FailedJob[] = [];
    const seen = new Set<number>();
    for (let number = this.end - 1; number >= this.first; number--) {
      const job = this.entry(number) as FailedJob;
      if (seen.has(job.seq) || !counts(job.seq)) continue;
      seen.add(job.seq);
      kept.push(job);
    }
    kept.reverse();
    this.#first = this.end;
    this.#dropped = 0;
    this.#seqs = kept.map(({ seq }) => seq);
    this.#ats = kept.map(({ at }) => at);
  }
}

/** See the head of this file. */
export class FailedJobs {
  readonly #groups = new PostingsTable<number>();
  readonly order = new FailureOrder();

  add(group: number, job: FailedJob): void {
    this.#groups.add(group, job.seq);
    this.order.push(job);
  }

  /** The job is failed no more. Its entry in the order stays. */
  delete(group: number, seq: number): void {
    this.#groups.delete(group, seq);
  }

  group(group: number): Postings | undefined {
    return this.#groups.get(group);
  }

  groups(): Iterable<readonly [group: number, jobs: Postings]> {
    return this.#groups.entries();
  }

  dispose(): void {
    this.#groups.dispose();
  }
}
