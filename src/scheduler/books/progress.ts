/**
 * What running attempts have said of their progress. The latest of each is in memory, for answers; it comes to the disk with a commit at
 * most every half second, and with the end of the attempt, be it by an outcome, a cancellation or its next slot. So a crash takes the last
 * second of it.
 */
import type { Decision } from '../../domain/decisions.js';
import type { Job } from '../../domain/job.js';

/** How long it may wait to be written. */
const writeAfterMs = 500;

interface Reported {
  readonly fence: number;
  /** JSON text. */
  readonly progress: string;
}

/** See the head of this file. Times are monotonic milliseconds. */
export class Progress {
  readonly #latest = new Map<number, Reported>();
  readonly #unwritten = new Set<number>();
  #since = 0;

  /** An attempt has said something. */
  report(seq: number, reported: Reported, nowMs: number): void {
    if (this.#unwritten.size === 0) this.#since = nowMs;
    this.#latest.set(seq, reported);
    this.#unwritten.add(seq);
  }

  /** What the attempt that runs has said last, JSON text; undefined when it has said nothing. */
  of(seq: number, fence: number): string | undefined {
    const latest = this.#latest.get(seq);
    return latest?.fence === fence ? latest.progress : undefined;
  }

  /** The end of the attempt is on disk, and with it what it has said last. */
  forget(seq: number, fence: number): void {
    if (this.#latest.get(seq)?.fence !== fence) return;
    this.#latest.delete(seq);
    this.#unwritten.delete(seq);
  }

  /** A job that runs, with what its attempt has said last. */
  latestOf(job: Job): Job {
    const { spec, state } = job;
    return state.status === 'running' ? withProgress(job, this.of(spec.seq, state.fence)) : job;
  }

  /** When something is to be written; Infinity when nothing is. */
  get dueAtMs(): number {
    return this.#unwritten.size === 0 ? Number.POSITIVE_INFINITY : this.#since + writeAfterMs;
  }

  /** Takes the jobs of which something is to be written. */
  take(): readonly number[] {
    const seqs = [...this.#unwritten];
    this.#unwritten.clear();
    return seqs;
  }

  /** A batch is lost: what it had may have to be written again. */
  lost(nowMs: number): void {
    for (const seq of this.#latest.keys()) this.#unwritten.add(seq);
    this.#since = nowMs;
  }
}

/** A job with its progress. */
export function withProgress(job: Job, progress: string | undefined): Job {
  if (progress === undefined || progress === job.detail.progress) return job;
  return { ...job, detail: { ...job.detail, progress } };
}

/** Nothing but the progress of a job has changed. */
export function progressed({ state, detail }: Job): Decision {
  return { state, detail, events: [] };
}
