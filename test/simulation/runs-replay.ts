/** The runs of jobs, as events and the pool tell of them: what a job shows of its runs must be just that. */
import type { JobEvent } from '../../src/domain/events.js';
import { formatId } from '../../src/domain/id.js';
import { isRepeating, type Job } from '../../src/domain/job.js';
import {
  type AttemptOutcome,
  type AttemptRun,
  isPassedOver,
  type PassOutcome,
  type Run,
  runsKept,
} from '../../src/domain/runs/run.js';
import type { World } from '../support/world.js';
import { must } from './event-replay.js';
import type { Promised } from './promised.js';

interface ToldAttempt {
  readonly at: number;
  outcome: AttemptOutcome;
}

/** Of one world: it has read all events that there are. */
export class RunsReplay {
  readonly #promised: Promised;
  /** By job, in the order of their fences. */
  readonly #attempts = new Map<number, ToldAttempt[]>();
  #looked = false;
  /** Jobs of which there is news since the last check. */
  readonly #news = new Set<number>();

  constructor(promised: Promised) {
    this.#promised = promised;
  }

  apply({ jobSeq, at, body }: JobEvent): void {
    this.#news.add(jobSeq);
    const attempts = this.#attempts.get(jobSeq) ?? [];
    this.#attempts.set(jobSeq, attempts);
    if (body.type === 'job.started') return void attempts.push({ at, outcome: 'running' });
    const last = attempts.at(-1);
    if (last?.outcome !== 'running') return;
    if (body.type === 'job.completed') last.outcome = 'success';
    else if (body.type === 'job.cancelled') last.outcome = 'cancelled';
    else if (body.type === 'job.failed') last.outcome = body.final ? 'failed' : 'retried';
    else if (body.type === 'job.retrying') last.outcome = body.cause === 'interruption' ? 'interrupted' : 'snoozed';
    // One that is snoozed and gives way to the next slot has no event of its own.
    else if (body.type === 'job.scheduled') last.outcome = 'snoozed';
  }

  /** After a crash: what the pool was given and no record has did not happen, and its fence may be given again. */
  #forgetUnrecorded(): void {
    for (const key of this.#promised.given.keys()) {
      const [seq, fence] = key.split('/').map(Number) as [number, number];
      if (fence > (this.#attempts.get(seq)?.length ?? 0)) this.#promised.given.delete(key);
    }
  }

  /** Looks at the jobs of which there is news. */
  check({ queries, store }: World, jobs: ReadonlyMap<number, Job>): void {
    if (!this.#looked) this.#forgetUnrecorded();
    this.#looked = true;
    for (const seq of this.#news) {
      const job = jobs.get(seq);
      if (!job) continue;
      const page = queries.runs(formatId(seq, job.spec.idSeconds), { limit: Number.POSITIVE_INFINITY });
      const runs = page?.runs.map(({ run }) => run) ?? [];
      const isWhole = runs.length < runsKept(isRepeating(job.spec));
      this.#checkAttempts(job, runs, isWhole);
      if (isRepeating(job.spec) && isWhole && !store.isAhead) checkPassed(job, runs);
    }
    this.#news.clear();
  }

  /** Each attempt has one row, and says what was told of it; the oldest may have gone. */
  #checkAttempts({ spec, state }: Job, runs: readonly Run[], isWhole: boolean): void {
    const { seq } = spec;
    const attempts = runs.filter((run): run is AttemptRun => !isPassedOver(run));
    const told = this.#attempts.get(seq) ?? [];
    const [count, all] = [attempts.length, told.length];
    must(!isWhole || count === all, () => `job ${seq} shows ${count} attempts, ${all} were told of`);
    for (const [at, { run, outcome, startedAt, scheduledFor, attempt, error }] of attempts.entries()) {
      must(run === state.fence - at, () => `job ${seq} shows attempt ${run} in the place of ${state.fence - at}`);
      const known = told[run - 1];
      // One that its next slot has ended is told of as a failure.
      const ended = outcome === 'timeout' || error?.code === 'cancelled' ? 'failed' : outcome;
      must(
        known?.outcome === ended,
        () => `attempt ${run} of job ${seq} was told to be ${known?.outcome}, not ${outcome}`,
      );
      must(known.at === startedAt, () => `attempt ${run} of job ${seq} began at ${known.at}, not at ${startedAt}`);
      must(
        (error !== undefined) === (outcome === 'retried' || ended === 'failed'),
        () => `attempt ${run} of job ${seq}: error`,
      );
      const given = this.#promised.given.get(`${seq}/${run}`);
      const isSame = !given || (given.scheduledFor === scheduledFor && given.attempt === attempt);
      must(
        isSame,
        () => `the pool was given attempt ${run} of job ${seq} for ${given?.scheduledFor}, not ${scheduledFor}`,
      );
      if (outcome !== 'success') continue;
      const came = this.#promised.outcome(seq, run)?.kind;
      must(came === 'succeeded', () => `attempt ${run} of job ${seq} shows a success, the pool said ${came}`);
    }
  }
}

/** Rows of slots that were passed over agree with the job's counts, as far as these tell: what was missed and still waited may be passed over once more. */
function checkPassed({ spec, state }: Job, runs: readonly Run[]): void {
  const sum = (...outcomes: PassOutcome[]): number =>
    runs.reduce((all, run) => all + (isPassedOver(run) && outcomes.includes(run.outcome) ? run.count : 0), 0);
  const gaveWay = runs.filter(({ outcome }) => outcome === 'snoozed').length;
  const { skipped, missed } = state;
  const passed = sum('skipped_overlap', 'skipped_paused', 'expired');
  must(passed + gaveWay >= skipped, () => `job ${spec.seq} shows ${passed} slots skipped, and counts ${skipped}`);
  const shown = sum('missed');
  must(shown <= missed, () => `job ${spec.seq} shows ${shown} slots missed, and counts ${missed}`);
}
