/**
 * The shards that this node owns, and how it comes by them and loses them. The life of one, here:
 *
 *                   ┌───────────── the row says that it is ours: given to us, or taken by a statement whose answer was lost
 *                   ▼
 *     none ─take─► opening ──► open ──give──► giving ──given──► none
 *      ▲             │          │               │
 *      └──dropping◄──┴──────────┴───────────────┘   the row says that it is not ours any more, the node's lease has ended, or it is given up
 *
 * - A shard is taken only where it has no live owner: its row was read first, then the nodes, and its owner was not among the living. The
 *   taking names the token that the row had, so it is refused when anything has changed since.
 * - It is opened in later statements. One that waited for the old owner's last append does not see it (PostgreSQL's READ COMMITTED).
 * - The dead owner's connections are ended beside the taking: what they hold locks on would keep it waiting, and no timeout sees them.
 * - A shard that cannot be loaded, or cannot go on, is given up: this node drops it, and then says in its row that it leaves it. While the
 *   row says so, this node does not take the shard. Later it does, if nobody else has.
 * - Rows that were read before the last change made here say nothing about that shard: marks tell.
 * - A shard is opened once under a token. Where its index has failed, it is taken anew: nothing that was begun, heard or sent under the token
 *   before passes for what is so now.
 * - Where the database has lost a part of it, whoever notices gives it a new timeline first, and with it a new token. Nobody takes or opens it
 *   here before that is done. Each node notices it that has seen a later row of the shard, whoever owned it: what was lost may be that it
 *   changed hands, and the records of an owner whom nobody remembers.
 */
import type { Beaten, Database, RandomId, ShardRow } from '../../store/postgres/database.js';
import { dueTimes, readFacts } from './facts.js';
import { type GivenUp, isHopeless, reasonOf } from './given-up.js';
import type { ShardHost } from './host.js';
import type { Sent } from './lease.js';
import { Losses } from './losses.js';
import type { View } from './members.js';
import { NewestRows } from './newest-rows.js';
import { assign, isLive, LeftShards } from './ownership.js';

/** So many shards are taken and loaded at the same time. */
const mostLoads = 2;

/** A shard that could not be loaded is tried again after so many looks at the rows. */
const looksUntilRetry = 10;

export interface TakingPorts {
  readonly database: Pick<Database, 'take' | 'beginTimeline' | 'endBackends'>;
  readonly host: Pick<ShardHost, 'open' | 'drop' | 'give'>;
  readonly mark: () => number;
  readonly lease: { readonly node: RandomId | undefined; readonly isLive: boolean; readonly isLeaving: boolean };
  /** Whether shards may be taken: not with a clock that is too far off. */
  readonly mayTake: () => boolean;
  /** The node that this process was before it started anew with the same data directory on the same boot: it is certainly gone. */
  readonly formerSelf?: RandomId | undefined;
  /** A shard changed hands without being given: for the log. */
  readonly lost: (row: ShardRow) => void;
  /** The database has lost records that it had confirmed. */
  readonly rewound: (row: ShardRow) => void;
  readonly failed: (shard: number, reason: Error) => void;
  /** What this node leaves to others. */
  readonly givenUp: Pick<GivenUp, 'add' | 'has'>;
  /** A shard was given up, and is dropped: the others are to hear it. */
  readonly left: (row: ShardRow, reason: string) => void;
}

type Phase = 'taking' | 'opening' | 'failed' | 'open' | 'giving' | 'dropping';

interface Held {
  phase: Phase;
  /** What it is ours by; undefined while it is being taken. */
  row: ShardRow | undefined;
  /** Rows that were read before this was numbered are older than what is known here. */
  changed: number;
  /** Whoever had it before lives, and has given it up. */
  readonly isLeft: boolean;
  /** Looks since it could not be loaded. */
  looks: number;
  /** How often that was. */
  tries: number;
  /** Why it is given up, once it is dropped. */
  givenUpFor?: string;
  /** Resolves when it is, once that has begun. */
  dropped?: Promise<void>;
}

export class Taking {
  readonly #ports: TakingPorts;
  readonly #held = new Map<number, Held>();
  /** The epoch under which a shard was opened here last. */
  readonly #epochs = new Map<number, number>();
  readonly #losses: Losses;
  readonly #newest: NewestRows;
  /** Of shards that are not held: what is older says nothing. */
  readonly #gone = new Map<number, number>();
  /** The last look. What it says of a shard holds until something has happened to that shard here. */
  #view: View | undefined;

  constructor(ports: TakingPorts) {
    this.#ports = ports;
    this.#newest = new NewestRows(ports.mark);
    this.#losses = new Losses(ports);
  }

  /** The row of a shard that is open here and that this node may act for at this moment. */
  rowOf(shard: number): ShardRow | undefined {
    const held = this.#held.get(shard);
    return held?.phase === 'open' && this.#ports.lease.isLive ? held.row : undefined;
  }

  /** Shards that are open. */
  get open(): readonly number[] {
    return this.#inPhase('open');
  }

  /** What becomes of each, for messages. */
  get held(): string {
    return [...this.#held].map(([shard, { phase }]) => `${shard} ${phase}`).join(', ');
  }

  /** Whether it has to do with a shard, of whichever phase. */
  holds(shard: number): boolean {
    return this.#held.has(shard);
  }

  /** Shards have lost commits, and nobody has begun a new timeline of them as far as is known. */
  get hasLosses(): boolean {
    return !this.#losses.isEmpty;
  }

  /** Nothing is owned, and nothing on its way. */
  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** Takes in what a look has shown: drops what is lost, opens what is ours, takes what has no live owner. */
  seen(view: View): void {
    this.compare(view.shards, view.mark);
    const { node, isLive: hasLease } = this.#ports.lease;
    if (node === undefined || !hasLease) return;
    for (const row of view.shards) {
      if (!this.#knowsNothingNewer(row.shard, view.mark)) continue;
      if (this.#losses.isLost(row)) {
        void this.#beginTimeline(row);
        continue;
      }
      if (row.owner !== node || this.#held.has(row.shard) || this.#ports.givenUp.has(row.shard)) continue;
      if (row.epoch > (this.#epochs.get(row.shard) ?? Number.NEGATIVE_INFINITY)) this.#open(row);
      else void this.#take(row, node, undefined, false);
    }
    this.#retry();
    this.#view = view;
    this.#takeMore();
  }

  /** Takes as many as may be loaded at the same time; the next follows as soon as one of them is done. */
  #takeMore(): void {
    const view = this.#view;
    const { node, isLive: hasLease, isLeaving } = this.#ports.lease;
    // One that leaves opens what is its own all the same: only then can it be given away.
    if (view === undefined || node === undefined || !hasLease || isLeaving || !this.#ports.mayTake()) return;
    const left = new LeftShards(view.nodes);
    for (const row of this.#orphans(view, node, left)) {
      if (this.#loads >= mostLoads) return;
      void this.#take(row, node, deadSessions(row.owner, view), left.isLeft(row));
    }
  }

  /** Drops what rows show to be another's: taken from a node that was declared dead, or lost by the database itself. */
  compare(rows: readonly ShardRow[], mark: number): void {
    for (const row of rows) {
      if (this.#newest.hasFallenBack(row, mark)) {
        this.#rewound(row);
        continue;
      }
      const held = this.#held.get(row.shard);
      if (!held?.row || held.phase === 'dropping' || held.phase === 'giving' || held.changed > mark) continue;
      if (held.row.token !== row.token) this.lose(row.shard);
    }
  }

  /**
   * Drops what a beat shows to be another's, and what the database has forgotten a part of: the record that was there when the beat was
   * sent is not there any more.
   */
  confirmed({ shards, ends }: Beaten, { mark, known }: Sent): void {
    this.compare(shards, mark);
    const now = new Map(ends.map((end) => [end.shard, end]));
    for (const { shard, position, id } of known) {
      const held = this.#held.get(shard);
      if (held?.phase !== 'open' || !held.row || held.changed > mark) continue;
      const end = now.get(shard);
      if (end && (end.position > position || (end.position === position && end.id === id))) continue;
      this.rewind(shard);
    }
  }

  /**
   * The node itself is gone, for all others: all leases are over. What the database has forgotten is reported as lost. Resolves when nothing
   * of what it had runs here any more.
   */
  async ended(beaten: Beaten, sent: Sent): Promise<void> {
    this.confirmed(beaten, sent);
    this.loseAll();
    await Promise.all([...this.#held.values()].map(({ dropped }) => dropped));
  }

  /** The database has lost a part of a shard that it had confirmed: it is dropped, and taken anew if it is still this node's. */
  rewind(shard: number): void {
    const held = this.#held.get(shard);
    if (held?.row && held.phase !== 'dropping') this.#rewound(held.row);
  }

  /** The lease of a shard is over: it is dropped. */
  lose(shard: number): void {
    const held = this.#held.get(shard);
    if (!held || held.phase === 'dropping') return;
    if (held.row) this.#ports.lost(held.row);
    this.#drop(shard, held);
  }

  /** A shard that is open cannot go on here: it is dropped, and left to another node. */
  giveUp(shard: number, reason: string): void {
    const held = this.#held.get(shard);
    // While it is given away, whoever gets it does without what failed here.
    if (held?.row === undefined || held.phase === 'dropping' || held.phase === 'giving') return;
    held.givenUpFor = reason;
    this.#drop(shard, held);
  }

  /** All leases are over: nothing of any shard begins any more when this returns. */
  loseAll(): void {
    for (const shard of [...this.#held.keys()]) this.lose(shard);
  }

  /** As `loseAll`, where the node ends: nothing is lost by that, and nothing is said. */
  letGoOfAll(): void {
    for (const [shard, held] of this.#held) if (held.phase !== 'dropping') this.#drop(shard, held);
  }

  /** Gives a shard that is open to another node, which has it loaded. */
  async give(shard: number, to: RandomId): Promise<void> {
    const held = this.#held.get(shard);
    if (held?.phase !== 'open' || !held.row) return;
    held.phase = 'giving';
    const given = await this.#ports.host.give(held.row, to).catch(() => 'lost' as const);
    // Meanwhile the node's own lease may have ended.
    if (this.#held.get(shard) !== held || held.phase !== 'giving') return;
    if (given === 'lost') return this.lose(shard);
    held.phase = 'open';
    held.changed = this.#ports.mark();
    if (given === 'given') this.#forget(shard, held);
  }

  /** Shards without a live owner that fall to this node, those with due jobs first. */
  #orphans({ shards, nodes, mark }: View, self: RandomId, left: LeftShards): readonly ShardRow[] {
    const living = new Set(nodes.filter(isLive).map(({ node }) => node));
    const { formerSelf, givenUp } = this.#ports;
    const assigned = assign(shards, nodes);
    const due = dueTimes(nodes);
    return shards
      .filter(({ shard }) => !this.#held.has(shard) && !this.#losses.has(shard) && this.#knowsNothingNewer(shard, mark))
      .filter((row) => row.owner === null || !living.has(row.owner) || left.isLeft(row))
      .filter(({ shard }) => !givenUp.has(shard))
      .filter(({ shard, owner }) => assigned.get(shard) === self || (owner !== null && owner === formerSelf))
      .sort((a, b) => (due.get(a.shard) ?? Infinity) - (due.get(b.shard) ?? Infinity) || a.shard - b.shard);
  }

  async #take(
    { shard, token }: ShardRow,
    self: RandomId,
    sessions: RandomId | undefined,
    isLeft: boolean,
  ): Promise<void> {
    const { database, mark } = this.#ports;
    const held: Held = { phase: 'taking', row: undefined, changed: mark(), isLeft, looks: 0, tries: 0 };
    this.#held.set(shard, held);
    if (sessions !== undefined) database.endBackends(sessions).catch(() => {});
    const taken = await database.take(shard, token, self).catch(() => undefined);
    if (this.#held.get(shard) !== held || held.phase !== 'taking') return;
    this.#forget(shard, held);
    // Not known or refused: a later look shows it, as ours or as still to be taken.
    if (taken && this.#ports.lease.node === self && !this.#losses.has(shard)) this.#open(taken, isLeft);
  }

  #rewound(row: ShardRow): void {
    this.#losses.notice(row);
    const held = this.#held.get(row.shard);
    if (held?.row && held.phase !== 'dropping') this.#drop(row.shard, held);
  }

  async #beginTimeline(row: ShardRow): Promise<void> {
    if (this.#held.has(row.shard)) return;
    await this.#losses.begin(row);
    this.#gone.set(row.shard, this.#ports.mark());
  }

  #open(row: ShardRow, isLeft = false): void {
    const { mark } = this.#ports;
    const held: Held = { phase: 'opening', row, changed: mark(), isLeft, looks: 0, tries: 0 };
    this.#newest.hasFallenBack(row);
    this.#epochs.set(row.shard, row.epoch);
    this.#held.set(row.shard, held);
    void this.#load(row, held);
  }

  async #load(row: ShardRow, held: Held): Promise<void> {
    try {
      await this.#ports.host.open(row, held.isLeft);
      if (held.phase !== 'opening') return;
      held.phase = 'open';
      this.#takeMore();
    } catch (error) {
      if (held.phase !== 'opening') return;
      held.phase = 'failed';
      held.looks = 0;
      this.#ports.failed(row.shard, error as Error);
      if (!isHopeless(error, ++held.tries)) return;
      held.givenUpFor = reasonOf(error);
      this.#drop(row.shard, held);
    }
  }

  #retry(): void {
    for (const held of this.#held.values()) {
      if (held.phase !== 'failed' || ++held.looks < looksUntilRetry || this.#loads >= mostLoads) continue;
      held.phase = 'opening';
      void this.#load(held.row as ShardRow, held);
    }
  }

  #drop(shard: number, held: Held): void {
    const wasTaking = held.phase === 'taking';
    held.phase = 'dropping';
    if (wasTaking) return this.#forget(shard, held);
    const over = (): void => {
      const { row, givenUpFor } = held;
      // Attempts of it have come to their ends: nobody runs them twice at a time.
      if (row !== undefined && givenUpFor !== undefined && this.#held.get(shard) === held) {
        this.#ports.givenUp.add(shard, row.epoch, givenUpFor);
        this.#ports.left(row, givenUpFor);
      }
      this.#forget(shard, held);
    };
    held.dropped = this.#ports.host.drop(shard).then(over, over);
  }

  #forget(shard: number, held: Held): void {
    if (this.#held.get(shard) !== held) return;
    this.#held.delete(shard);
    this.#gone.set(shard, this.#ports.mark());
  }

  #knowsNothingNewer(shard: number, mark: number): boolean {
    return (this.#gone.get(shard) ?? Number.NEGATIVE_INFINITY) <= mark;
  }

  get #loads(): number {
    return this.#inPhase('taking').length + this.#inPhase('opening').length;
  }

  #inPhase(phase: Phase): readonly number[] {
    return [...this.#held].filter(([, held]) => held.phase === phase).map(([shard]) => shard);
  }
}

/**
 * What the sessions of a dead owner are found by; undefined where there are none to be ended. A process that has come anew under another id
 * has the same sessions, and lives.
 */
function deadSessions(owner: RandomId | null, { nodes }: View): RandomId | undefined {
  const row = nodes.find(({ node }) => node === owner);
  if (!row?.dead) return undefined;
  const { sessions = row.node } = readFacts(row.facts);
  const lives = nodes.some((other) => isLive(other) && readFacts(other.facts).sessions === sessions);
  return lives ? undefined : sessions;
}
