/**
 * Attempts that run here although their shards have moved. They end here. This node then sends their outcomes to the owner of the shard, and
 * repeats that until the owner has them on record. Jobs have their numbers.
 */
import type { AbortReason, Outcome, Pool } from '../../pool/port.js';
import type { RandomId } from '../../store/postgres/database.js';

/** The end of an attempt, and under which epoch of its shard that had begun. */
export type OutgoingEnd = Outcome & { readonly epoch: number };

export interface OutgoingPorts {
  /** Of the process. */
  readonly pool: Pick<Pool, 'abort'>;
  /**
   * Tells the owner of a shard. Resolves true once it has them on record, or has no use for them; false: nobody has them, or that is not
   * known, and they are to be told again.
   */
  readonly deliver: (shard: number, ends: readonly OutgoingEnd[]) => Promise<boolean>;
  readonly pause: (ms: number) => Promise<void>;
}

/** An attempt, by what names it for ever. */
export interface NamedAttempt {
  readonly jobSeq: number;
  readonly fence: number;
  readonly epoch: number;
}

/** One that runs on although its shard is given away. */
export interface MovedAttempt extends NamedAttempt {
  /** How many lines it has written, those that were dropped included. */
  readonly lines: number;
}

interface Running extends NamedAttempt {
  readonly shard: number;
  lines: number;
}

const retryMs = 100;
/** Ends that are told at once: what they have enqueued, and their results, may be large. */
const mostEnds = 200;
const mostBytes = 1024 * 1024;

/** See the head of this file. */
export class Outgoing {
  readonly #ports: OutgoingPorts;
  readonly #running = new Map<string, Running>();
  /** Ends that nobody has on record yet, in order, by shard. */
  readonly #ends = new Map<number, OutgoingEnd[]>();
  readonly #delivering = new Set<number>();
  /** Attempts of which nobody is to hear how they end. */
  readonly #unwanted = new Set<string>();
  #changed: (() => void)[] = [];
  #isOver = false;

  constructor(ports: OutgoingPorts) {
    this.#ports = ports;
  }

  /** Attempts that have not ended. */
  get running(): number {
    return this.#running.size;
  }

  /** None runs, and all ends are known elsewhere. */
  get isEmpty(): boolean {
    return this.#running.size === 0 && this.#ends.size === 0;
  }

  /** The shard of these attempts was given away. @param ends that were reported, and that nobody has decided */
  add(shard: number, attempts: readonly MovedAttempt[], ends: readonly OutgoingEnd[]): void {
    for (const attempt of attempts) this.#running.set(nameOf(attempt), { ...attempt, shard });
    for (const end of ends) this.#end(shard, end);
  }

  /** Whether it runs here, or its end is not known elsewhere. */
  has(attempt: NamedAttempt): boolean {
    if (this.#running.get(nameOf(attempt))?.epoch === attempt.epoch) return true;
    return [...this.#ends.values()].some((ends) => ends.some((end) => isSame(end, attempt)));
  }

  /** Whether it runs here. */
  runs(attempt: Pick<NamedAttempt, 'jobSeq' | 'fence'>): boolean {
    return this.#running.has(nameOf(attempt));
  }

  /** Counts lines of an attempt. Returns the number of the first; undefined where it is none of these. */
  countLines(attempt: Pick<NamedAttempt, 'jobSeq' | 'fence'>, count: number): number | undefined {
    const running = this.#running.get(nameOf(attempt));
    if (running === undefined) return undefined;
    const first = running.lines;
    running.lines += count;
    return first;
  }

  /** An attempt has ended. Returns false when it is none of these. */
  ended(outcome: Outcome): boolean {
    const name = nameOf(outcome);
    const running = this.#running.get(name);
    if (running === undefined) return false;
    this.#running.delete(name);
    if (!this.#unwanted.delete(name)) this.#end(running.shard, { ...outcome, epoch: running.epoch });
    this.#tell();
    return true;
  }

  /** The owner of its job wants it to end. It may have ended. */
  abort(attempt: NamedAttempt, reason: AbortReason): void {
    const { jobSeq, fence, epoch } = attempt;
    if (this.#running.get(nameOf(attempt))?.epoch === epoch) this.#ports.pool.abort(jobSeq, fence, reason);
  }

  /** This node is dead to the others: they repeat all of these. */
  abandon(): void {
    this.#ends.clear();
    for (const attempt of this.#running.values()) this.#drop(attempt);
  }

  /**
   * A shard is opened here whose log knows only these of them: all others are of a time that the database has forgotten. Resolves when
   * those have ended; a later attempt may have the name of one of them.
   */
  async keepOnly(shard: number, known: readonly NamedAttempt[]): Promise<void> {
    const isKnown = (attempt: NamedAttempt): boolean => known.some((each) => isSame(each, attempt));
    const ends = (this.#ends.get(shard) ?? []).filter(isKnown);
    if (ends.length > 0) this.#ends.set(shard, ends);
    else this.#ends.delete(shard);
    const strange = [...this.#running].filter(([, attempt]) => attempt.shard === shard && !isKnown(attempt));
    for (const [, attempt] of strange) this.#drop(attempt);
    while (strange.some(([name]) => this.#running.has(name)))
      await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  /** Nothing is told any more. */
  close(): void {
    this.#isOver = true;
  }

  #drop(attempt: Running): void {
    this.#unwanted.add(nameOf(attempt));
    this.#ports.pool.abort(attempt.jobSeq, attempt.fence, 'lease_lost');
  }

  #tell(): void {
    for (const resolve of this.#changed.splice(0)) resolve();
  }

  #end(shard: number, end: OutgoingEnd): void {
    const ends = this.#ends.get(shard);
    if (ends) ends.push(end);
    else this.#ends.set(shard, [end]);
    void this.#deliver(shard);
  }

  async #deliver(shard: number): Promise<void> {
    if (this.#delivering.has(shard)) return;
    this.#delivering.add(shard);
    // What ends in the same turn goes together.
    await Promise.resolve();
    for (let ends = this.#ends.get(shard); ends !== undefined && !this.#isOver; ends = this.#ends.get(shard)) {
      const some = firstOf(ends);
      const isThere = await this.#ports.deliver(shard, some).catch(() => false);
      if (isThere) this.#forget(shard, new Set(some));
      else await this.#ports.pause(retryMs);
    }
    this.#delivering.delete(shard);
  }

  #forget(shard: number, told: ReadonlySet<OutgoingEnd>): void {
    const left = (this.#ends.get(shard) ?? []).filter((end) => !told.has(end));
    if (left.length > 0) this.#ends.set(shard, left);
    else this.#ends.delete(shard);
  }
}

const nameOf = ({ jobSeq, fence }: Pick<NamedAttempt, 'jobSeq' | 'fence'>): string => `${jobSeq} ${fence}`;

const isSame = (a: NamedAttempt, b: NamedAttempt): boolean =>
  a.jobSeq === b.jobSeq && a.fence === b.fence && a.epoch === b.epoch;

/** At least one. */
function firstOf(ends: readonly OutgoingEnd[]): readonly OutgoingEnd[] {
  const some: OutgoingEnd[] = [];
  let bytes = 0;
  for (const end of ends) {
    if (end.kind === 'succeeded') bytes += (end.result?.length ?? 0) + sizeOf(end.enqueued);
    if (some.length > 0 && (bytes > mostBytes || some.length >= mostEnds)) break;
    some.push(end);
  }
  return some;
}

function sizeOf(texts: readonly string[] | undefined): number {
  return (texts ?? []).reduce((sum, { length }) => sum + length, 0);
}

/** What the owner of jobs asks a node that is said to have attempts of theirs. */
export interface RollMessage {
  readonly attempts: readonly NamedAttempt[];
}

/** What that answers: which of them it has, in their order. */
export interface RollAnswer {
  readonly has: readonly boolean[];
}

/** What one node tells another of attempts of the other's shard that run with it. */
export interface EndsMessage {
  readonly shard: number;
  /** The id of the node that tells it. */
  readonly from: RandomId;
  readonly ends: readonly OutgoingEnd[];
}

/** What the owner of jobs tells a node that has attempts of theirs. */
export interface AbortsMessage {
  readonly attempts: readonly NamedAttempt[];
  readonly reason: AbortReason;
}
