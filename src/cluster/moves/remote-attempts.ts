/**
 * Attempts of jobs of this node's shards that run elsewhere, since the shards have moved. To a scheduler each is as one in its own pool: it has
 * one end, which its node tells, or which this makes up when that node is gone, or does not know the attempt any more.
 */
import type { AbortReason, Outcome } from '../../pool/port.js';
import type { Whereabouts } from '../../scheduler/attempts/handing-over.js';
import type { Scheduler } from '../../scheduler/scheduler.js';
import type { RemoteAttempt } from '../../store/port.js';
import type { RandomId, ShardRow } from '../../store/postgres/database.js';
import type { OwnedShard, Shards } from '../shards.js';
import type { AbortsMessage, EndsMessage, NamedAttempt, Outgoing } from './outgoing.js';
import { Roll } from './roll.js';

/** What is known of a node: `left`: it has ended in order, or so long ago that nobody knows. */
export type NodeState = 'live' | 'dead' | 'left';

export interface RemoteAttemptsPorts {
  readonly shards: Shards;
  /** This node's id. */
  readonly self: () => RandomId | undefined;
  readonly stateOf: (node: RandomId) => NodeState;
  readonly outgoing: Pick<Outgoing, 'has' | 'abort'>;
  /** Tells another node. Rejects where it may not have heard it. */
  readonly tell: (node: RandomId, message: AbortsMessage) => Promise<void>;
  /** Which of these another node has, in their order. Rejects where that is not known. */
  readonly ask: (node: RandomId, attempts: readonly NamedAttempt[]) => Promise<readonly boolean[]>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
  /** Whether this node may act for a shard at this moment. */
  readonly mayAct: (shard: number) => boolean;
}

const retryMs = 250;

type OfShard = Map<string, RemoteAttempt>;

/** See the head of this file. */
export class RemoteAttempts {
  readonly #ports: RemoteAttemptsPorts;
  readonly #shards = new Map<number, OfShard>();
  readonly #roll: Roll<RemoteAttempt>;

  constructor(ports: RemoteAttemptsPorts) {
    this.#ports = ports;
    this.#roll = new Roll({
      now: ports.now,
      ask: (node, asked) =>
        ports.ask(
          node,
          asked.map(({ shard, attempt }) => this.#named(shard, attempt)),
        ),
      gone: (asked) => {
        for (const { shard, attempt } of asked)
          this.#interrupt(shard, (each) => (each === attempt ? 'left' : undefined));
      },
    });
  }

  /** Of all shards. */
  get size(): number {
    return [...this.#shards.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** A shard is opened: where its attempts run is known from now on. */
  add({ shard, epoch }: ShardRow): Whereabouts {
    const known: OfShard = new Map();
    this.#shards.set(shard, known);
    return {
      of: (seq, fence) => {
        const { node, epoch: begun } = known.get(nameOf(seq, fence)) ?? { node: this.#ports.self() ?? '', epoch };
        return { node, epoch: begun };
      },
      resume: (attempt) => {
        const state = this.#stateOf(shard, attempt);
        if (state !== 'live') return state;
        known.set(nameOf(attempt.seq, attempt.fence), attempt);
        return 'runs';
      },
    };
  }

  /** The shard is not open here any more. */
  drop(shard: number): void {
    this.#shards.delete(shard);
  }

  /** The scheduler of a shard wants an attempt to end. Returns false when it is none of these. */
  abort(shard: number, seq: number, fence: number, reason: AbortReason): boolean {
    const attempt = this.#shards.get(shard)?.get(nameOf(seq, fence));
    if (attempt === undefined) return false;
    void this.#abort(shard, attempt, reason);
    return true;
  }

  /** A node tells how attempts ended. Resolves true once that is on record, or is of no use; false: it is to be told again. */
  ended({ shard, from, ends }: EndsMessage): Promise<boolean> {
    const owned = this.#openShard(shard);
    const known = this.#shards.get(shard);
    if (!owned || !known) return Promise.resolve(false);
    const own: Outcome[] = [];
    for (const { epoch, ...outcome } of ends) {
      const seq = owned.numbers.slotOf(outcome.jobSeq);
      const name = nameOf(seq, outcome.fence);
      const attempt = known.get(name);
      if (attempt?.node !== from || attempt.epoch !== epoch) continue;
      known.delete(name);
      own.push({ ...outcome, jobSeq: seq });
    }
    return record(owned.scheduler, own);
  }

  /** The nodes have been looked at: attempts of those that are gone have ended, and the others are asked for theirs, now and then. */
  seen(): void {
    const elsewhere = new Map<RandomId, { shard: number; attempt: RemoteAttempt }[]>();
    for (const [shard, known] of this.#shards) {
      this.#interrupt(shard, (attempt) => {
        const state = this.#stateOf(shard, attempt);
        return state === 'live' ? undefined : state;
      });
      for (const attempt of known.values()) {
        const { node } = attempt;
        if (node === this.#ports.self()) continue;
        const there = elsewhere.get(node);
        if (there) there.push({ shard, attempt });
        else elsewhere.set(node, [{ shard, attempt }]);
      }
    }
    this.#roll.call(elsewhere);
  }

  /** Ends attempts of a shard, where it can be decided here. @param goneTo what became of an attempt's node; undefined: it goes on */
  #interrupt(shard: number, goneTo: (attempt: RemoteAttempt) => 'dead' | 'left' | undefined): void {
    const known = this.#shards.get(shard);
    const owned = this.#openShard(shard);
    if (known === undefined || owned === undefined) return;
    const gone: Outcome[] = [];
    for (const [name, attempt] of known) {
      const to = goneTo(attempt);
      if (to === undefined) continue;
      known.delete(name);
      const { seq: jobSeq, fence } = attempt;
      gone.push({ kind: 'interrupted', jobSeq, fence, durationMs: 0, begun: true, planned: to === 'left' });
    }
    if (gone.length > 0) owned.scheduler.outcomes(gone);
  }

  /** A shard of which ends can be decided here. While it is given away the next owner is to hear them. */
  #openShard(shard: number): OwnedShard | undefined {
    const owned = this.#ports.shards.get(shard);
    const isOpen = owned?.scheduler.recovered && owned.scheduler.mode.name !== 'giving' && this.#ports.mayAct(shard);
    return isOpen ? owned : undefined;
  }

  #stateOf(shard: number, attempt: RemoteAttempt): NodeState {
    const { self, stateOf, outgoing } = this.#ports;
    if (attempt.node !== self()) return stateOf(attempt.node);
    return outgoing.has(this.#named(shard, attempt)) ? 'live' : 'left';
  }

  async #abort(shard: number, attempt: RemoteAttempt, reason: AbortReason): Promise<void> {
    const { self, outgoing, tell, pause } = this.#ports;
    const { node, seq, fence } = attempt;
    const named = this.#named(shard, attempt);
    if (node === self()) return outgoing.abort(named, reason);
    while (this.#shards.get(shard)?.get(nameOf(seq, fence)) === attempt) {
      try {
        return await tell(node, { attempts: [named], reason });
      } catch {
        await pause(retryMs);
      }
    }
  }

  #named(shard: number, { seq, fence, epoch }: RemoteAttempt): NamedAttempt {
    return { jobSeq: seq * this.#ports.shards.count + shard, fence, epoch };
  }
}

function record(scheduler: Scheduler, outcomes: readonly Outcome[]): Promise<boolean> {
  if (outcomes.length > 0) scheduler.outcomes(outcomes);
  return new Promise((resolve) => scheduler.handingOver.whenWritten(resolve));
}

const nameOf = (seq: number, fence: number): string => `${seq} ${fence}`;
