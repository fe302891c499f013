/** Answers that wait until their job has ended: `Prefer: wait` (RFC 7240, section 4.3). A repeating job ends with each of its occurrences. */
import type { EventBody, JobEvent } from '../../domain/events.js';
import { shardOf } from '../../domain/ids/job-numbers.js';
import type { Exchange } from '../http/exchange.js';

/** Answers that may wait at the same time. */
const maxWaiting = 10_000;

/** Answers. @param isCut the job has not ended, nor has the time: whoever owns its shard by now knows when it ends */
type Answer = (isCut: boolean) => void;

interface Wait {
  readonly jobSeq: number;
  readonly answer: Answer;
  readonly timer: NodeJS.Timeout;
}

export class Waits {
  readonly #maxWaiting: number;
  readonly #byJob = new Map<number, Set<Wait>>();
  #size = 0;
  #closed = false;

  /** @param most answers that may wait, where not as usual */
  constructor(most = maxWaiting) {
    this.#maxWaiting = most;
  }

  /**
   * Calls `answer` once: when the job has ended, or after `ms`, or when the server closes.
   *
   * @returns false when too many wait, or the server closes: then it is not called
   */
  add(jobSeq: number, ms: number, exchange: Exchange, answer: Answer): boolean {
    if (this.#closed || this.#size >= this.#maxWaiting) return false;
    const wait: Wait = { jobSeq, answer, timer: setTimeout(() => this.#end(wait, false), ms) };
    let waits = this.#byJob.get(jobSeq);
    if (!waits) {
      waits = new Set();
      this.#byJob.set(jobSeq, waits);
    }
    waits.add(wait);
    this.#size += 1;
    exchange.rest(() => this.#remove(wait));
    return true;
  }

  /** The server closes. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** These events are on disk. */
  publish(events: readonly JobEvent[]): void {
    if (this.#size === 0) return;
    for (const { jobSeq, body } of events) {
      if (!endsJob(body)) continue;
      for (const wait of [...(this.#byJob.get(jobSeq) ?? [])]) this.#end(wait, false);
    }
  }

  /** The shard goes to another node, which knows when its jobs end: those who wait for one are answered now, and may ask there. */
  endOfShard(shard: number, shards: number): void {
    for (const [jobSeq, waits] of [...this.#byJob])
      if (shardOf(jobSeq, shards) === shard) for (const wait of [...waits]) this.#end(wait, true);
  }

  /** The server closes: all are answered now, and no more are taken. */
  close(): void {
    this.#closed = true;
    for (const waits of [...this.#byJob.values()]) for (const wait of [...waits]) this.#end(wait, true);
  }

  #end(wait: Wait, isCut: boolean): void {
    this.#remove(wait);
    wait.answer(isCut);
  }

  #remove(wait: Wait): void {
    clearTimeout(wait.timer);
    const waits = this.#byJob.get(wait.jobSeq);
    if (!waits?.delete(wait)) return;
    this.#size -= 1;
    if (waits.size === 0) this.#byJob.delete(wait.jobSeq);
  }
}

function endsJob(body: EventBody): boolean {
  return body.type === 'job.completed' || body.type === 'job.cancelled' || (body.type === 'job.failed' && body.final);
}
