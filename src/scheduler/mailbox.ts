/**
 * Requests that wait to be decided, and those that wait for the disk: both are bounded together. They are decided in the
 * order they came, some in each turn. A list of jobs that is longer than a turn takes is decided in several, and nothing is
 * written in between, since all of it is written or nothing.
 */
import { Refusal } from '../domain/errors.js';
import type { Answer, Created, Creation, JobDraft, Request } from './messages.js';
import type { RequestContext } from './requests/context.js';
import { withHeld } from './requests/other-shards.js';
import { checkList, createOne, decideRequest, makeChecked } from './requests/requests.js';

/** What may wait for its answer before requests are refused. */
const bounds = { requests: 20_000, bytes: 64 * 1024 * 1024 } as const;

/** Jobs that requests name in one turn: some milliseconds. */
const usualJobsPerTurn = 2048;

/**
 * Jobs that a batch gathers by requests: more wait for the next one. Without a bound sixteen requests with ten thousand jobs
 * each were one batch, which took the main thread more than a second.
 */
export const maxGathered = 8192;

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
  /** What became of the first request, a list, so far. */
  #made: Created[] = [];

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

  /** Refuses all that waits. */
  refuse(refusal: Refusal): void {
    this.#made = [];
    for (const { reply } of this.#waiting.splice(0)) reply({ ok: false, refusal });
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
      const own = contextOf(request, context);
      const unanswered = context.ledger.filling.unanswered;
      try {
        if (request.kind !== 'createMany' && request.kind !== 'createEach') {
          left -= 1;
          decideRequest(request, own, reply);
          carryTrace(own, unanswered);
          continue;
        }
        const before = this.#made.length;
        if (!this.#makeSome(request, own, left, refuse)) break;
        left -= this.#made.length - before + 1;
        this.#answer(request.kind, own, reply);
        carryTrace(own, unanswered);
      } catch (error) {
        reply({ ok: false, refusal: refuse(error) });
      }
    }
    this.#waiting.splice(0, decided);
  }

  /** Makes up to `limit` jobs more of a list. Returns whether the list is done. @throws Refusal before the first is made, or not at all */
  #makeSome(
    request: Extract<Request, { kind: 'createMany' | 'createEach' }>,
    context: RequestContext,
    limit: number,
    refuse: (error: unknown) => Refusal,
  ): boolean {
    if (request.kind === 'createMany' && this.#made.length === 0) checkList(request.drafts, context);
    const { length } = request.kind === 'createMany' ? request.drafts : request.items;
    const until = Math.min(length, this.#made.length + limit);
    while (this.#made.length < until) {
      const next = this.#made.length;
      this.#made.push(
        request.kind === 'createMany'
          ? makeChecked(request.drafts[next] as JobDraft, context)
          : createdOrRefused(request.items[next] as Creation, context, refuse),
      );
    }
    return until === length;
  }

  /** Answers a list whose jobs have all been decided. */
  #answer(kind: 'createMany' | 'createEach', context: RequestContext, reply: (answer: Answer) => void): void {
    const each = this.#made;
    this.#made = [];
    const jobs = each.flatMap((one) => (one instanceof Refusal ? [] : [one.job]));
    const answer: Answer = { ok: true, jobs: kind === 'createMany' ? jobs : [], replayed: false, each };
    context.ledger.answerMany(
      jobs.map(({ spec }) => spec.seq),
      reply,
      answer,
    );
  }
}

/** What a request brings along to be decided with. */
function contextOf(request: Request, context: RequestContext): RequestContext {
  const { trace } = request;
  const own = trace === undefined ? context : { ...context, trace };
  if (!('held' in request) || request.held === undefined) return own;
  return { ...own, others: withHeld(context.others, request.held) };
}

/** The commit that is gathered is linked to a request whose answer waits for it. */
function carryTrace({ ledger, trace }: RequestContext, unansweredBefore: number): void {
  if (trace !== undefined && ledger.filling.unanswered > unansweredBefore) ledger.carryTrace(trace);
}

function createdOrRefused(item: Creation, context: RequestContext, refuse: (error: unknown) => Refusal): Created {
  try {
    return createOne(item, context);
  } catch (error) {
    return refuse(error);
  }
}
