/**
 * Ends of attempts that have enqueued jobs. What they make is in the commit of their success; a batch of the scheduler takes only so much,
 * so that they wait here, in order, until there is room. Meanwhile each of them keeps its attempt's place: fewer start.
 */
import { Refusal } from '../../domain/errors.js';
import { isRepeating, type Job } from '../../domain/job.js';
import type { Logger } from '../../log.js';
import type { Outcome } from '../../pool/port.js';
import { UnreadableRecord } from '../../store/port.js';
import type { JobDraft } from '../messages.js';
import type { RequestContext } from '../requests/context.js';
import { HeldElsewhere } from '../requests/other-shards.js';
import { makeChecked } from '../requests/requests.js';

/** The success of an attempt that has enqueued jobs. */
export type MakingOutcome = Extract<Outcome, { kind: 'succeeded' }> & { readonly enqueued: readonly string[] };

/** Reads an enqueued job. @param now what counts as the present time, Unix milliseconds @throws Refusal */
export type ReadEnqueued = (text: string, now: number) => JobDraft;

/** Jobs that are made in one turn: some milliseconds. */
const jobsPerTurn = 2048;

/** True for the success of an attempt that has enqueued jobs. */
export function makesJobs(outcome: Outcome): outcome is MakingOutcome {
  return outcome.kind === 'succeeded' && outcome.enqueued !== undefined && outcome.enqueued.length > 0;
}

/** See the head of this file. */
export class MakingEnds {
  #waiting: MakingOutcome[] = [];

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Takes away those that wait. */
  takeAll(): readonly MakingOutcome[] {
    return this.#waiting.splice(0);
  }

  add(outcome: MakingOutcome): void {
    this.#waiting.push(outcome);
  }

  /**
   * Has as many of them decided as a turn takes.
   *
   * @param hasRoom whether the batch takes more
   */
  decide(hasRoom: () => boolean, end: (outcome: MakingOutcome) => void): void {
    let decided = 0;
    for (let left = jobsPerTurn; decided < this.#waiting.length && left > 0 && hasRoom(); decided++) {
      const outcome = this.#waiting[decided] as MakingOutcome;
      left -= outcome.enqueued.length;
      end(outcome);
    }
    this.#waiting.splice(0, decided);
  }
}

/**
 * Makes the jobs that an attempt of `parent` has enqueued. They are in the trace of the attempt; where that has none, in that of its job.
 *
 * @param context of the instant of its success
 */
export function makeEnqueued(
  drafts: readonly JobDraft[],
  { spec }: Job,
  context: RequestContext,
  log: Pick<Logger, 'error'>,
): void {
  const { seq, idSeconds } = spec;
  const parentId = { seq: context.ledger.numbers.of(seq), idSeconds };
  const trace = context.trace ?? (isRepeating(spec) ? undefined : spec.trace);
  for (const draft of drafts) {
    try {
      const { existed } = makeChecked(draft, { ...context, trace, parentId });
      if (!existed) context.ledger.counted.enqueued(draft.name);
    } catch (error) {
      // A job of another node has the key: there is what was asked for.
      if (error instanceof HeldElsewhere) continue;
      if (!(error instanceof Refusal || error instanceof UnreadableRecord)) throw error;
      // The attempt has succeeded, with all else that it has made.
      const { message } = error;
      const jobId = context.ledger.numbers.format(seq, idSeconds);
      log.error({ jobId, type: draft.name, reason: message }, 'an enqueued job was not made');
    }
  }
}

/** What an attempt that has enqueued jobs comes to: it fails if one of them cannot be made. */
export interface ReadEnd {
  readonly outcome: Outcome;
  readonly drafts: readonly JobDraft[];
}

/** @param startedAt of the attempt: a schedule that has ended since is taken as it was when the job was enqueued; Unix milliseconds */
export function readEnd(outcome: MakingOutcome, startedAt: number, read: ReadEnqueued): ReadEnd {
  try {
    return { outcome, drafts: outcome.enqueued.map((text) => read(text, startedAt)) };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const { jobSeq, fence, durationMs } = outcome;
    const message = `a job that it has enqueued cannot be made: ${error.detail}`;
    const failed = { kind: 'failed', name: 'EnqueueError', message, code: 'handler_error', retryable: true } as const;
    return { outcome: { jobSeq, fence, durationMs, ...failed }, drafts: [] };
  }
}
