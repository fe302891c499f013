/**
 * Requests that wait to be decided, and those that wait for the disk: both are bounded together. They are decided in the
 * order they came, some in each turn. A list of jobs that is longer than a turn takes is decided in several, and nothing is
 * written in between, since all of it is written or nothing.
 */
import type { Refusal } from '../domain/errors.js';
import type { Job } from '../domain/job.js';
import type { Answer, JobDraft, Request } from './messages.js';
import { decideRequest, make, type RequestContext } from './requests.js';

/** What may wait for its answer before requests are refused. */
const bounds = { requests: 20_000, bytes: 64 * 1024 * 1024 } as const;

/** Jobs that requests name in one turn: some milliseconds. */
const usualJobsPerTurn = 2048;

interface Waiting {
  readonly request: Request;
  readonly reply: (answer: Answer) => void;
}

/** See the head of this file. */
export class Mailbox {
  readonly #jobsPerTurn: number;
  #waiting: Waiting[] = [];
  #unanswered = 0;
  #unansweredBytes = 0;
  /** The jobs that were made of the first request, a list, so far. */
  #made: Job[] = [];

  constructor(jobsPerTurn = usualJobsPerTurn) {
    this.#jobsPerTurn = jobsPerTurn;
  }

  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** No more requests are taken in. */
  get isFull(): boolean {
    return this.#unanswered >= bounds.requests || this.#unansweredBytes >= bounds.bytes;
  }

  /** A list of jobs is decided in part: what is gathered must not be written yet. */
  get isHalfway(): boolean {
    return this.#made.length > 0;
  }

  /** Takes a request in; `reply` is called once. `bytes`: its size. */
  push(request: Request, bytes: number, reply: (answer: Answer) => void): void {
    this.#unanswered += 1;
    this.#unansweredBytes += bytes;
    const answered = (answer: Answer): void => {
      this.#unanswered -= 1;
      this.#unansweredBytes -= bytes;
      reply(answer);
    };
    this.#waiting.push({ request, reply: answered });
  }

  /** What was gathered is lost: a list that was decided in part is decided from its beginning. */
  startOver(): void {
    this.#made = [];
  }

  /**
   * Decides what waits, as much as a turn takes.
   *
   * @param isEnough no further request is to be decided before the commit
   * @param refuse what was thrown, as the client is to see it
   */
  decide(context: RequestContext, isEnough: () => boolean, refuse: (error: unknown) => Refusal): void {
    let decided = 0;
    for (let left = this.#jobsPerTurn; decided < this.#waiting.length && left > 0; decided++) {
      if (!this.isHalfway && isEnough()) break;
      const { request, reply } = this.#waiting[decided] as Waiting;
      try {
        if (request.kind !== 'createMany') {
          left -= 1;
          decideRequest(request, context, reply);
          continue;
        }
        const before = this.#made.length;
        if (!this.#makeSome(request.drafts, context, left, reply)) break;
        left -= request.drafts.length - before + 1;
      } catch (error) {
        reply({ ok: false, refusal: refuse(error) });
      }
    }
    this.#waiting.splice(0, decided);
  }

  /** Makes up to `limit` jobs more of a list. Returns whether it is through. */
  #makeSome(
    drafts: readonly JobDraft[],
    context: RequestContext,
    limit: number,
    reply: (answer: Answer) => void,
  ): boolean {
    const until = Math.min(drafts.length, this.#made.length + limit);
    while (this.#made.length < until) this.#made.push(make(drafts[this.#made.length] as JobDraft, context, undefined));
    if (until < drafts.length) return false;
    const jobs = this.#made;
    this.#made = [];
    const answer: Answer = { ok: true, jobs, replayed: false };
    const [first] = jobs;
    if (first) context.ledger.answer(first.spec.seq, reply, answer);
    else reply(answer);
    return true;
  }
}
