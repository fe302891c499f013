/**
 * What one commit will write, as it is gathered: the newest state of each job touched, the events, the answers that wait
 * for the disk, and the facts, which must be decided again should the disk refuse it.
 */

import type { Decision } from '../domain/decisions.js';
import type { JobEvent } from '../domain/events.js';
import { type Job, noDetail } from '../domain/job.js';
import type { Outcome } from '../pool/messages.js';
import type { Counters, FinishedPlace, JobChange, KeyUse } from '../store/port.js';
import type { Answer } from './messages.js';

/** Something that has happened whether or not it can be written. Instants are Unix milliseconds. */
export type Fact =
  | { readonly kind: 'started'; readonly seq: number; readonly at: number }
  | { readonly kind: 'ended'; readonly outcome: Outcome; readonly at: number };

/** A job touched by the batch, as touched so far. */
type Touched = { -readonly [K in keyof JobChange]: JobChange[K] };

export class Batch {
  readonly touched = new Map<number, Touched>();
  readonly events: JobEvent[] = [];
  readonly answers: { readonly reply: (answer: Answer) => void; readonly answer: Answer }[] = [];
  readonly facts: Fact[] = [];
  /** Run when the batch is on disk. */
  readonly effects: (() => void)[] = [];
  /** Run when it is lost: takes back what was done on the strength of an effect to come. */
  readonly undo: (() => void)[] = [];
  readonly keys = new Map<string, KeyUse>();
  /** Stretches of the list of finished jobs that retention is through with. */
  readonly passed: FinishedPlace[] = [];
  /** Due time of the earliest job that was pending before the batch: the window may have given it out for nothing. */
  earliestDue = Number.POSITIVE_INFINITY;
  /** As they stand after the batch; set when it is handed to the store. */
  counters: Counters | undefined;

  get isEmpty(): boolean {
    return this.touched.size === 0 && this.passed.length === 0;
  }

  job(seq: number): Job | undefined {
    return this.touched.get(seq)?.job;
  }

  /** Takes what was decided about a job and returns the job as it is now. */
  apply(job: Job | undefined, decision: Decision): Job {
    const spec = decision.spec ?? job?.spec;
    if (!spec) throw new Error('a decision about no job');
    const after: Job = { spec, state: decision.state, detail: decision.detail ?? job?.detail ?? noDetail };
    const known = this.touched.get(spec.seq);
    const detailChanged = decision.detail !== undefined && decision.detail !== noDetail;
    if (known) {
      known.job = after;
      known.specChanged ||= decision.spec !== undefined;
      known.detailChanged ||= detailChanged;
    } else {
      this.touched.set(spec.seq, {
        job: after,
        specChanged: decision.spec !== undefined,
        detailChanged,
        removed: false,
      });
    }
    return after;
  }

  remove(job: Job): void {
    this.touched.set(job.spec.seq, { job, specChanged: false, detailChanged: false, removed: true });
  }
}
