/**
 * A node: its lease, what it sees of the others, and what it owns, as one value that is asked to `tick`. It has no timers of its own. All
 * that must hold holds however late a tick comes: what may begin is for the deadline to say, and what is owned for the database.
 */
import type { Clock } from '../../clock.js';
import type { Database, NodeRow, RandomId, ShardRow } from '../../store/postgres/database.js';
import { type NodeFacts, writeFacts } from './facts.js';
import { GivenUp, isHopeless, reasonOf } from './given-up.js';
import type { ShardHost } from './host.js';
import { Lease, type MovedDeadline } from './lease.js';
import { Members, type View } from './members.js';
import { Moving } from './moving.js';
import { Taking } from './taking.js';

/** Milliseconds. */
const settledAfter = 30_000;

/** How far the own clock may be from the database's, in milliseconds. */
export const clockOff = {
  /** The node is degraded. */
  degraded: 250,
  /** It takes no shards: their jobs would start too early or too late. */
  takesNone: 2000,
} as const;

export interface NodePorts {
  readonly database: Database;
  /** Its monotonic time is on the scale of the deadline. */
  readonly clock: Clock;
  /** Compared before each attempt begins. */
  readonly deadline: MovedDeadline;
  readonly randomId: () => RandomId;
  /** What the sessions of this process in the database are found by. */
  readonly sessions: RandomId;
  readonly host: ShardHost;
  /** Where the others reach this node: a URL. */
  readonly address: string;
  /** Number of the formats that it writes. */
  readonly format: number;
  /** See `TakingPorts`. */
  readonly formerSelf?: RandomId | undefined;
  /** Whether the others reach this node at its address; absent: they do. While they do not, it takes no shards. */
  readonly isReached?: (() => boolean) | undefined;
  /** For how long it must have been there until it is given shards that others own, milliseconds; by default 30 s. */
  readonly settleMs?: number | undefined;
  /** Called with each look at shards and nodes, once that has been acted on. */
  readonly looked?: () => void;
  /** When the first job of each shard that is open is due, Unix milliseconds. */
  readonly due: () => Readonly<Record<number, number>>;
  /** What else this node says with each beat; absent: nothing. */
  readonly told?: () => Pick<NodeFacts, 'settings' | 'types'>;
  readonly events: NodeEvents;
}

export interface NodeEvents {
  /** There is a lease, and was none just before: what waited for it may begin. */
  resumed(): void;
  /** Others have declared this node dead, or the database has lost its beats. It comes anew by itself. */
  ended(): void;
  /** A shard changed hands without being given. */
  lost(row: ShardRow): void;
  /** The database has lost records of a shard that it had confirmed: what is there is loaded anew. */
  rewound(row: ShardRow): void;
  /** A shard could not be loaded; it is tried again. */
  failed(shard: number, reason: Error): void;
  /** A shard that this node had is left to the others, since it could not be loaded, or go on, here. */
  left(row: ShardRow, reason: string): void;
  /** This node has declared another one dead. */
  declared(node: NodeRow): void;
}

export class ClusterNode {
  readonly #ports: NodePorts;
  readonly #lease: Lease;
  readonly #members: Members;
  readonly #taking: Taking;
  readonly #moving: Moving;
  readonly #givenUp: GivenUp;
  /**
   * What this process was, and nothing of which runs here any more. Where the database has lost their beats they live there yet, and the
   * others would wait until they find that these do not beat.
   */
  readonly #former = new Set<RandomId>();
  #marks = 0;
  /** Of moves, and of what is given up, as the others were told last. */
  #told = '';

  constructor(ports: NodePorts) {
    this.#ports = ports;
    const { database, clock, deadline, randomId, host, address, format, formerSelf, events } = ports;
    const mark = (): number => ++this.#marks;
    const mayTake = (): boolean => this.#takes;
    const { lost, rewound, failed, left } = events;
    const givenUp = new GivenUp(() => clock.monotonic());
    this.#givenUp = givenUp;
    this.#lease = new Lease({
      ...{ database, clock, deadline, randomId, mark, address, format },
      known: () => host.ends,
      events: {
        shown: (beaten, sent) => this.#taking.confirmed(beaten, sent),
        resumed: () => events.resumed(),
        ended: (beaten, sent, former) => {
          void this.#taking.ended(beaten, sent).then(() => this.#former.add(former));
          events.ended();
        },
      },
    });
    const lease = this.#lease;
    const marked = { database, host, mark, lease, mayTake };
    this.#taking = new Taking({ ...marked, formerSelf, lost, rewound, failed, givenUp, left });
    this.#moving = new Moving({
      ...{ host, lease, taking: this.#taking, mayTake },
      failed: (shard, reason) => {
        failed(shard, reason);
        // Whoever has it goes on; others may follow it.
        if (isHopeless(reason, 1)) givenUp.add(shard, 0, reasonOf(reason));
      },
    });
    const { declared } = events;
    this.#members = new Members({
      database,
      clock,
      mark,
      lease,
      formerSelf,
      declared,
      isMoving: () => this.#moving.follows.length > 0 || (this.#lease.isLeaving && !this.#taking.isEmpty),
      seen: (view) => this.#seen(view),
    });
  }

  /** Its id; undefined while it has not joined. Another one after each end. */
  get node(): RandomId | undefined {
    return this.#lease.node;
  }

  /** Whether it has a lease at this moment. */
  get isLive(): boolean {
    return this.#lease.isLive;
  }

  /** The database's clock less the own, in milliseconds; undefined before the first beat. */
  get clockOffset(): number | undefined {
    return this.#lease.clockOffset;
  }

  /** The same, as far as it is certain. */
  get certainOffset(): number | undefined {
    return this.#lease.certainOffset;
  }

  /** For how long attempts may begin here yet, in milliseconds. */
  get leaseMs(): number {
    return this.#lease.leftMs;
  }

  /** The last look at nodes and shards. */
  get view(): View | undefined {
    return this.#members.view;
  }

  /** Shards that are open here. */
  get open(): readonly number[] {
    return this.#taking.open;
  }

  /** What becomes of each shard here, for messages. */
  get held(): string {
    return this.#taking.held;
  }

  /** By what this node may act for a shard, and read from it, at this moment; undefined when it may not. */
  rowOf(shard: number): ShardRow | undefined {
    return this.#taking.rowOf(shard);
  }

  /** When `tick` has something to do, in monotonic milliseconds. */
  get nextAt(): number {
    return Math.min(this.#lease.nextAt, this.#members.nextAt);
  }

  tick(): void {
    const { sessions, due, clock, settleMs = settledAfter, told } = this.#ports;
    const { ready, slices, follows } = this.#moving;
    const settled = clock.monotonic() - this.#lease.joinedAt >= settleMs;
    const { clockOffset } = this.#lease;
    const givenUp = this.#givenUp.all;
    const of = { takes: this.#takes, ready, slices, follows, settled, due: due(), sessions, clockOffset, givenUp };
    this.#lease.facts = writeFacts({ ...of, ...told?.() });
    const news = `${ready} ${JSON.stringify(slices)} ${follows} ${Object.keys(givenUp)}`;
    if (news !== this.#told) this.#lease.beatSoon();
    this.#told = news;
    this.#lease.tick();
    this.#members.tick();
  }

  /** What this node says has changed: it beats soon, so that the others hear of it. */
  tell(): void {
    this.#lease.beatSoon();
  }

  /** A shard that is open cannot go on: another owns it. */
  refused(shard: number): void {
    this.#taking.lose(shard);
  }

  /** A shard that is open cannot go on here: another node is to take it. @param reason as of `GivenUpShard` */
  giveUp(shard: number, reason: string): void {
    this.#taking.giveUp(shard, reason);
  }

  /** The database has refused a write of this shard, since it has lost a part of what it had confirmed. */
  rewound(shard: number): void {
    this.#taking.rewind(shard);
  }

  /** From now on it takes nothing and gives away what others are ready for. It has left once `end` was called. */
  leave(): void {
    this.#lease.leave();
  }

  /** Whether nothing is left to give away. */
  get isEmpty(): boolean {
    return this.#taking.isEmpty;
  }

  /** Leaves: what it still owns is dropped, and others may take it at once. */
  async end(): Promise<void> {
    this.#ports.deadline.end();
    this.#taking.letGoOfAll();
    await this.#lease.end();
  }

  #seen(view: View): void {
    this.#taking.seen(view);
    this.#leaveFormer();
    this.#moving.seen(view);
    this.#ports.looked?.();
  }

  /** Nobody is to take a shard of which only this node knows that it has lost something. */
  #leaveFormer(): void {
    if (this.#taking.hasLosses) return;
    for (const former of this.#former) {
      this.#former.delete(former);
      this.#ports.database.leave(former).catch(() => this.#former.add(former));
    }
  }

  get #takes(): boolean {
    const { isReached = () => true } = this.#ports;
    return isReached() && Math.abs(this.#lease.certainOffset ?? 0) <= clockOff.takesNone;
  }
}
