/**
 * The lease of a node: beats in the database, and until when it may begin attempts.
 *
 *     out ──joined──► in ──beats──► in          its first confirmed beat gives it a lease, each later one extends it
 *      ▲               │
 *      └──── dead ─────┘          others have declared it dead, or the database has lost its beats: it comes anew under another id
 *
 * What is known to hold, and why:
 * - A lease ends 3 s after its last confirmed beat was *sent*. Others declare a node dead when they have seen no other beat of it for
 *   5 s; that beat was sent before they saw it first. So a lease has ended before anything can be taken from its node, though no clock
 *   is compared with another's, as long as no clock runs faster than another by two thirds.
 * - The deadline is in shared memory and compared by whoever begins something. No timer ends it.
 * - Whatever the order in which answers come, a lease never ends earlier by one, and never later than the beat it confirms allows.
 */
import type { Clock } from '../../clock.js';
import type { Beaten, Database, LogEnd, RandomId } from '../../store/postgres/database.js';

/** See the head of this file; milliseconds. */
export const leaseTimes = {
  beatEvery: 1000,
  lease: 3000,
  /** After a beat that failed. */
  retryAfter: 250,
  /** A beat without an answer is not waited for any longer: another is sent beside it. */
  answerWithin: 1200,
} as const;

/** So many beats may wait for their answers. The database's connection is to fail long before. */
const mostUnanswered = 4;

/** The deadline as its owner moves it. */
export interface MovedDeadline {
  set(monotonicEnd: number, wallEnd: number): void;
  end(): void;
  hasPassed(monotonicNow: number, wallNow: number): boolean;
}

export interface LeasePorts {
  readonly database: Pick<Database, 'join' | 'beat' | 'leave'>;
  /** Its monotonic time is on the scale of the deadline: that of the machine. */
  readonly clock: Clock;
  readonly deadline: MovedDeadline;
  readonly randomId: () => RandomId;
  /** Numbers what happens, to tell what an answer cannot know of yet. */
  readonly mark: () => number;
  /** What the database is known to have of the logs of this node's shards. */
  readonly known: () => readonly LogEnd[];
  /** Where the others reach this node: a URL. */
  readonly address: string;
  /** Number of the formats that it writes. */
  readonly format: number;
  readonly events: LeaseEvents;
}

export interface LeaseEvents {
  /** What a confirmed beat shows, before it extends anything. `sent`: what was known when it was sent. */
  shown(beaten: Beaten, sent: Sent): void;
  /** It has a lease, and had none just before. */
  resumed(): void;
  /**
   * All that the node had is lost. Nothing of it may begin when this returns. The beat that was refused shows what there is.
   *
   * @param former what the node was until now
   */
  ended(beaten: Beaten, sent: Sent, former: RandomId): void;
}

/** What was so when a beat was sent. */
export interface Sent {
  readonly monotonic: number;
  readonly wall: number;
  readonly mark: number;
  readonly known: readonly LogEnd[];
}

type State = 'out' | 'joining' | 'in' | 'left';

export class Lease {
  readonly #ports: LeasePorts;
  #state: State = 'out';
  #node: RandomId | undefined;
  /** The last beat that was confirmed. */
  #seen = 0;
  #unanswered = 0;
  #calledAt = Number.NEGATIVE_INFINITY;
  #nextAt = Number.NEGATIVE_INFINITY;
  /** When the beat was sent that the deadline is of, in monotonic milliseconds. */
  #confirmedSent = Number.NEGATIVE_INFINITY;
  #liveSince = Number.POSITIVE_INFINITY;
  #offset: number | undefined;
  /** By how much that may be wrong: the answer took some of the time, and the question the rest. */
  #offsetError = 0;
  #joinedAt = Number.POSITIVE_INFINITY;
  #facts = '{}';
  #isLeaving = false;

  constructor(ports: LeasePorts) {
    this.#ports = ports;
  }

  /** Its id, once it has joined. Another one after each end. */
  get node(): RandomId | undefined {
    return this.#state === 'in' ? this.#node : undefined;
  }

  /** Whether it has a lease at this moment: what it owns it may begin, and read from. */
  get isLive(): boolean {
    const { clock, deadline } = this.#ports;
    return this.#state === 'in' && !deadline.hasPassed(clock.monotonic(), clock.now());
  }

  /** For how long something may begin here yet, in milliseconds; 0: nothing may. By the monotonic clock. */
  get leftMs(): number {
    if (!this.isLive) return 0;
    return Math.max(0, this.#confirmedSent + leaseTimes.lease - this.#ports.clock.monotonic());
  }

  /** Since when it has had a lease without a gap, in monotonic milliseconds; Infinity while it has none. */
  get liveSince(): number {
    return this.isLive ? this.#liveSince : Number.POSITIVE_INFINITY;
  }

  /** The database's clock less the own, in milliseconds, as of the last beat; undefined before the first. */
  get clockOffset(): number | undefined {
    return this.#offset;
  }

  /** The same, as far as it is certain: less what a slow way to the database may account for. */
  get certainOffset(): number | undefined {
    if (this.#offset === undefined) return undefined;
    return Math.sign(this.#offset) * Math.max(0, Math.abs(this.#offset) - this.#offsetError);
  }

  /** When its first beat was confirmed, in monotonic milliseconds; Infinity before that. */
  get joinedAt(): number {
    return this.node === undefined ? Number.POSITIVE_INFINITY : this.#joinedAt;
  }

  get isLeaving(): boolean {
    return this.#isLeaving;
  }

  /** When `tick` has something to do, in monotonic milliseconds. */
  get nextAt(): number {
    return this.#state === 'left' ? Number.POSITIVE_INFINITY : this.#nextAt;
  }

  /** What the others are told from the next beat on, JSON text. */
  set facts(facts: string) {
    this.#facts = facts;
  }

  /** The next tick has something to tell. */
  beatSoon(): void {
    if (this.#state === 'in') this.#nextAt = Math.min(this.#nextAt, this.#ports.clock.monotonic());
  }

  /** From the next beat on the others know that it is leaving. */
  leave(): void {
    this.#isLeaving = true;
    this.beatSoon();
  }

  /** Sends what it is time for. */
  tick(): void {
    const now = this.#ports.clock.monotonic();
    if (now < this.nextAt) return;
    if (this.#state === 'out') this.#join(now);
    else if (this.#state === 'in') this.#beat(now);
  }

  /** Gives the lease up, and with it all that the node still owns: others may take that at once. Nothing may begin any more. */
  async end(): Promise<void> {
    const node = this.#node;
    this.#state = 'left';
    this.#ports.deadline.end();
    if (node !== undefined) await this.#ports.database.leave(node);
  }

  #join(now: number): void {
    const { database, randomId, address, format } = this.#ports;
    const node = randomId();
    this.#node = node;
    this.#state = 'joining';
    const leaving = this.#isLeaving;
    database.join({ node, address, format, leaving, facts: this.#facts }).then(
      () => {
        if (this.#state !== 'joining') return;
        this.#state = 'in';
        this.#seen = 0;
        this.#joinedAt = Number.POSITIVE_INFINITY;
        this.#nextAt = now;
        this.tick();
      },
      () => {
        if (this.#state !== 'joining') return;
        // It may be there, or may be yet: the others find that it does not beat.
        this.#state = 'out';
        this.#node = undefined;
        this.#nextAt = this.#ports.clock.monotonic() + leaseTimes.beatEvery;
      },
    );
  }

  #beat(now: number): void {
    this.#nextAt = now + leaseTimes.answerWithin;
    if (this.#unanswered >= mostUnanswered) return;
    const { database, clock, mark, known } = this.#ports;
    const node = this.#node as RandomId;
    let sent: Sent = { monotonic: now, wall: clock.now(), mark: mark(), known: known() };
    this.#calledAt = now;
    this.#unanswered++;
    const changed = { facts: this.#facts, leaving: this.#isLeaving };
    // Where a connection has to be made first, over a slow way, those that wait for it would all come too late.
    const leaves = (): void => {
      sent = { ...sent, monotonic: clock.monotonic(), wall: clock.now() };
    };
    database.beat(node, this.#seen, changed, leaves).then(
      (beaten) => {
        this.#unanswered--;
        if (node === this.node) this.#answered(beaten, sent, now);
      },
      () => {
        this.#unanswered--;
        if (node === this.node && now === this.#calledAt) this.#nextAt = clock.monotonic() + leaseTimes.retryAfter;
      },
    );
  }

  /** @param calledAt when it was time for that beat; it may have been sent later */
  #answered(beaten: Beaten, sent: Sent, calledAt: number): void {
    if (beaten.end === 'dead') return this.#died(beaten, sent);
    const { clock, deadline, events } = this.#ports;
    this.#seen = Math.max(this.#seen, beaten.beat);
    const received = clock.now();
    this.#offset = beaten.now - (sent.wall + received) / 2;
    this.#offsetError = Math.max(0, clock.monotonic() - sent.monotonic) / 2;
    if (calledAt === this.#calledAt) this.#nextAt = calledAt + leaseTimes.beatEvery;
    // An answer that was overtaken by a later one confirms nothing more.
    if (sent.monotonic <= this.#confirmedSent) return;
    const wasLive = this.isLive;
    this.#joinedAt = Math.min(this.#joinedAt, clock.monotonic());
    this.#confirmedSent = sent.monotonic;
    events.shown(beaten, sent);
    deadline.set(sent.monotonic + leaseTimes.lease, sent.wall + leaseTimes.lease);
    if (wasLive || !this.isLive) return;
    this.#liveSince = clock.monotonic();
    events.resumed();
  }

  #died(beaten: Beaten, sent: Sent): void {
    const { clock, deadline, events } = this.#ports;
    const former = this.#node as RandomId;
    deadline.end();
    this.#state = 'out';
    this.#node = undefined;
    this.#confirmedSent = Number.NEGATIVE_INFINITY;
    this.#nextAt = clock.monotonic() + leaseTimes.beatEvery;
    events.ended(beaten, sent, former);
  }
}
