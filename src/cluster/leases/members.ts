/**
 * The other nodes, as this one sees them. It looks twice a second: at the shards first and at the nodes after them, so that an owner who
 * is not among the nodes has left, and not come in between.
 *
 * A node whose beat has not changed for 5 s is declared dead. The 5 s are of the observer's monotonic time, from the answer that showed the
 * beat first to the question that showed it last. They begin anew with whatever says that it was the observer who saw nothing: a connection
 * that broke, a pause between two looks, a lease of its own that had ended.
 */
import type { Clock } from '../../clock.js';
import {
  type Database,
  type NodeRow,
  type RandomId,
  type ShardRow,
  UnknownEnd,
} from '../../store/postgres/database.js';

/** Milliseconds. */
export const memberTimes = {
  lookEvery: 500,
  /** While shards are on their way from one living node to another. */
  lookEveryInMove: 100,
  deadAfter: 5000,
  /** Looks further apart are no watch. */
  pause: 2000,
} as const;

/** What one look has shown. */
export interface View {
  readonly shards: readonly ShardRow[];
  readonly nodes: readonly NodeRow[];
  /** From when it began: what is numbered later it may not know. */
  readonly mark: number;
}

export interface MembersPorts {
  readonly database: Pick<Database, 'shards' | 'nodes' | 'declareDead'>;
  readonly clock: Clock;
  readonly mark: () => number;
  readonly lease: {
    readonly node: RandomId | undefined;
    /** Since when there has been a lease without a gap, in monotonic milliseconds; Infinity while there is none. */
    readonly liveSince: number;
  };
  /** The node that this process was before it started anew with the same data directory on the same boot: it is certainly gone. */
  readonly formerSelf?: RandomId | undefined;
  /** Whether shards are on their way; absent: they are not. */
  readonly isMoving?: () => boolean;
  /** Called with each look that succeeds. */
  readonly seen: (view: View) => void;
  /** Called when a node was declared dead by this one. */
  readonly declared: (node: NodeRow) => void;
}

interface Watched {
  readonly beat: number;
  /** When it was seen first, in monotonic milliseconds. */
  readonly since: number;
}

export class Members {
  readonly #ports: MembersPorts;
  readonly #watched = new Map<RandomId, Watched>();
  #nextAt = Number.NEGATIVE_INFINITY;
  #isLooking = false;
  #answeredAt = Number.NEGATIVE_INFINITY;
  #view: View | undefined;

  constructor(ports: MembersPorts) {
    this.#ports = ports;
  }

  /** When `tick` has something to do, in monotonic milliseconds. */
  get nextAt(): number {
    return this.#isLooking ? Number.POSITIVE_INFINITY : this.#nextAt;
  }

  /** The last look; undefined before the first. */
  get view(): View | undefined {
    return this.#view;
  }

  /** Looks if it is time to. */
  tick(): void {
    const { clock, mark, isMoving } = this.#ports;
    const now = clock.monotonic();
    if (now < this.nextAt) return;
    this.#isLooking = true;
    this.#nextAt = now + (isMoving?.() ? memberTimes.lookEveryInMove : memberTimes.lookEvery);
    this.#look(mark()).then(
      () => {
        this.#isLooking = false;
      },
      (error: unknown) => {
        this.#isLooking = false;
        // After a refusal the connection is the one it was.
        if (error instanceof UnknownEnd) this.#watched.clear();
      },
    );
  }

  async #look(mark: number): Promise<void> {
    const { database, clock, seen } = this.#ports;
    const shards = await database.shards();
    const sentAt = clock.monotonic();
    const nodes = await database.nodes();
    this.#watch(nodes, sentAt, clock.monotonic());
    this.#view = { shards, nodes, mark };
    seen(this.#view);
  }

  #watch(nodes: readonly NodeRow[], sentAt: number, answeredAt: number): void {
    const { lease, formerSelf } = this.#ports;
    const { liveSince } = lease;
    if (sentAt - this.#answeredAt > memberTimes.pause || answeredAt - sentAt > memberTimes.pause) this.#watched.clear();
    this.#answeredAt = answeredAt;
    const living = nodes.filter(({ node, dead }) => !dead && node !== lease.node);
    for (const id of this.#watched.keys()) if (!living.some(({ node }) => node === id)) this.#watched.delete(id);
    for (const row of living) {
      const watched = this.#watched.get(row.node);
      if (row.node === formerSelf) this.#declareDead(row);
      else if (watched?.beat !== row.beat) this.#watched.set(row.node, { beat: row.beat, since: answeredAt });
      else if (sentAt - Math.max(watched.since, liveSince) >= memberTimes.deadAfter) this.#declareDead(row);
    }
  }

  #declareDead(row: NodeRow): void {
    const { database, declared } = this.#ports;
    database.declareDead(row.node, row.beat).then(
      (isDead) => {
        if (isDead) declared(row);
      },
      // It shows in the next look whether it is.
      () => {},
    );
  }
}
