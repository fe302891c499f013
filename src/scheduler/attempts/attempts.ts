/**
 * What becomes of attempts once they run: their progress, and their ends, which are facts. Part of the scheduler: it runs only in its
 * turns and when the pool calls.
 */
import type { Clock } from '../../clock.js';
import type { TransientEvent } from '../../domain/events.js';
import type { Job } from '../../domain/job.js';
import type { Logger } from '../../log.js';
import type { Outcome, ProgressReport } from '../../pool/port.js';
import type { Telemetry } from '../../telemetry/port.js';
import type { Traces } from '../../telemetry/traces/port.js';
import type { Fact } from '../batch.js';
import { progressed, withProgress } from '../books/progress.js';
import type { ClockSetBack } from '../clock-set-back.js';
import type { Dispatch } from '../dispatch.js';
import type { Ledger } from '../ledger.js';
import { logFailure, outcomeDecision } from '../outcomes.js';
import type { RequestContext } from '../requests/context.js';
import { MakingEnds, makeEnqueued, makesJobs, type ReadEnqueued, readEnd } from './making-ends.js';

/** What this needs of others. */
export interface AttemptsPorts {
  readonly clock: Clock;
  readonly readEnqueued: ReadEnqueued;
  readonly telemetry: Telemetry;
  /** Absent: nothing is traced. */
  readonly traces?: Traces | undefined;
  readonly log: Logger;
  /** Tells subscribers of an event that is not kept. */
  readonly publishTransient: (event: TransientEvent) => void;
}

type EndFact = Extract<Fact, { kind: 'ended' }>;

/** See the head of this file. */
export class Attempts {
  readonly #ports: AttemptsPorts;
  readonly #ledger: Ledger;
  readonly #dispatch: Dispatch;
  readonly #clockSetBack: ClockSetBack;
  readonly #contextAt: (now: number) => RequestContext;
  readonly #makingEnds = new MakingEnds();

  /** @param contextAt what jobs are made with, at an instant in Unix milliseconds */
  constructor(
    ports: AttemptsPorts,
    parts: { readonly ledger: Ledger; readonly dispatch: Dispatch; readonly clockSetBack: ClockSetBack },
    contextAt: (now: number) => RequestContext,
  ) {
    this.#ports = ports;
    this.#ledger = parts.ledger;
    this.#dispatch = parts.dispatch;
    this.#clockSetBack = parts.clockSetBack;
    this.#contextAt = contextAt;
  }

  /** Every end that was reported has been decided. */
  get settled(): boolean {
    return this.#makingEnds.isEmpty;
  }

  /** Ends that were reported and are not decided: they are not decided here any more. */
  takeUndecided(): readonly Outcome[] {
    return this.#makingEnds.takeAll();
  }

  /** When progress is to be written, in Unix milliseconds; Infinity when none is. */
  get nextAt(): number {
    const { clock } = this.#ports;
    return clock.now() + Math.max(1, Math.ceil(this.#ledger.progress.dueAtMs - clock.monotonic()));
  }

  /** What the attempt of a job that runs has said last of its progress, JSON text; else what its last attempt left. */
  progressOf(job: Job): string | undefined {
    return this.#ledger.progress.latestOf(job).detail.progress;
  }

  /** As the pool reports it. A cancelled attempt is heard too: a refused write may take the cancellation back. */
  progress(reports: readonly ProgressReport[]): void {
    const { clock, publishTransient } = this.#ports;
    for (const { jobSeq, fence, progress } of reports) {
      const job = this.#ledger.active.get(jobSeq);
      if (job?.state.fence !== fence) continue;
      const { idSeconds, name: jobName } = job.spec;
      this.#ledger.progress.report(jobSeq, { fence, progress }, clock.monotonic());
      if (job.state.status !== 'running') continue;
      publishTransient({ jobSeq, idSeconds, jobName, at: clock.now(), body: { type: 'job.progress', progress } });
    }
  }

  /** Ends of attempts, as the pool reports them; those that make jobs are decided by `decide`. */
  outcomes(outcomes: readonly Outcome[], now: number): void {
    for (const outcome of outcomes) {
      if (makesJobs(outcome)) this.#makingEnds.add(outcome);
      else this.#ended(outcome, now);
    }
  }

  /** Decides what waits, as much as a turn and the batch take. @param hasRoom whether the batch takes more */
  decide(hasRoom: () => boolean): void {
    const { clock } = this.#ports;
    this.#makingEnds.decide(hasRoom, (outcome) => this.#ended(outcome, clock.now()));
    if (clock.monotonic() >= this.#ledger.progress.dueAtMs && hasRoom()) this.#enterProgress();
  }

  /** The batches under way are lost. */
  lost(): void {
    this.#ledger.progress.lost(this.#ports.clock.monotonic());
  }

  /** Decides a fact again that was lost with its batch, as of the instant it happened. */
  decideAgain(fact: Fact): void {
    this.#ledger.addFact(fact);
    if (fact.kind === 'ended') return this.#decideEnd(fact);
    const job = this.#ledger.lookup(fact.seq);
    if (job?.state.status === 'pending') this.#ledger.startAgain(job, fact.at);
  }

  #enterProgress(): void {
    const now = this.#ports.clock.now();
    for (const seq of this.#ledger.progress.take()) {
      const job = this.#ledger.active.get(seq);
      if (job?.state.status !== 'running') continue;
      const after = this.#ledger.progress.latestOf(job);
      if (after !== job) this.#ledger.record(job, progressed(after), now);
    }
  }

  #ended(reported: Outcome, now: number): void {
    const job = this.#ledger.active.get(reported.jobSeq);
    const isCurrent = job?.state.fence === reported.fence;
    const { outcome, drafts } =
      isCurrent && makesJobs(reported)
        ? readEnd(reported, job.state.startedAt, this.#ports.readEnqueued)
        : { outcome: reported, drafts: [] };
    const trace = this.#ports.traces?.attemptEnded(outcome);
    if (!isCurrent) return;
    this.#ports.telemetry.attemptEnded(job.spec.name, outcome.kind, outcome.durationMs);
    const progress = this.#ledger.progress.of(outcome.jobSeq, outcome.fence);
    const fact = { kind: 'ended', outcome, at: now, drafts, trace, progress } as const;
    this.#ledger.addFact(fact);
    this.#decideEnd(fact);
    this.#dispatch.ended(outcome, job.spec);
  }

  /** After a cancellation the outcome is dropped; else it decides what becomes of the job. */
  #decideEnd({ outcome, at: now, drafts, trace, progress }: EndFact): void {
    if (progress !== undefined)
      this.#ledger.onEnd({ written: () => this.#ledger.progress.forget(outcome.jobSeq, outcome.fence) });
    this.#clockSetBack.lookAtFirst(outcome.jobSeq, now);
    const before = this.#ledger.lookup(outcome.jobSeq);
    if (before?.state.status !== 'running' || before.state.fence !== outcome.fence) return;
    const job = withProgress(before, progress);
    const decision = outcomeDecision(job, outcome, now);
    this.#ledger.record(before, job === before ? decision : { detail: job.detail, ...decision }, now);
    if (drafts.length > 0) makeEnqueued(drafts, job, { ...this.#contextAt(now), trace }, this.#ports.log);
    if (outcome.kind === 'failed')
      logFailure(this.#ports.log, job, this.#ledger.numbers, outcome.code, decision, trace);
  }
}
