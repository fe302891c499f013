/**
 * The events of all shards of a cluster, as one node hears of them. Those of its own shards come from their schedulers. The others are asked
 * of their owners, while somebody listens here. A shard may change hands at any time: where its new owner goes on is known by the number of
 * the event that was heard last, so each event comes once, in order, and without a gap within its shard.
 */
import type { JobEvent, TransientEvent } from '../../domain/events.js';
import type { Queries } from '../../store/queries-port.js';
import type { Peer, Peers } from '../peers.js';
import { EventPump } from './event-pump.js';
import { FollowedShard } from './followed-shard.js';
import { type Past, PastElsewhere } from './past-elsewhere.js';
import type { StreamRequest } from './peer-stream.js';
import { leaseMark, type StreamMessage } from './wire.js';

export interface ClusterEventsPorts {
  readonly peers: Peers;
  /** An answer of a peer that stays open. @throws PeerGone */
  readonly stream: (peer: Peer, request: StreamRequest) => Promise<AsyncIterable<Buffer>>;
  readonly queries: Pick<Queries, 'shards' | 'eventsAfter' | 'lastEventOf'>;
  /** Those who listen here. */
  readonly target: {
    events(events: readonly JobEvent[]): void;
    transient(event: TransientEvent): void;
    /** What comes next of a shard comes behind this event. */
    begin(shard: number, seq: number, timeline: number): void;
    gap(shard: number, gap: EventGap): void;
    /** Whether there is anybody. */
    isThere(): boolean;
    wantsTransient(): boolean;
  };
  /** A shard is not open here any more. */
  readonly dropped: (shard: number) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** From one number to another, events of a shard are lost. */
export interface EventGap {
  readonly from: number;
  readonly to: number;
  /** What comes next comes behind this event, */
  readonly latest: number;
  /** and is of this timeline. */
  readonly timeline: number;
}

const lookEveryMs = 250;
/** Streams stay for so long when nobody listens any more: one who was cut off comes again. */
const lingerMs = 30_000;
/** How long one who comes waits until the places of all shards are known: shards of a dead node are taken over meanwhile. */
const patienceMs = 15_000;

/** See the head of this file. */
export class ClusterEvents {
  readonly #ports: ClusterEventsPorts;
  readonly #past: PastElsewhere;
  /** The last event of each shard that went to the target; undefined: it is not known where to begin. */
  readonly #heads: (number | undefined)[];
  /** The timelines that these are of. */
  readonly #timelines: number[];
  /** The marks of the leases that these were heard under, or are known to hold under. */
  readonly #marks: (string | undefined)[];
  /** By what shards were open here when they were looked at last. */
  readonly #opened: (string | undefined)[];
  readonly #pumps: (EventPump | undefined)[];
  #followed: FollowedShard[] | undefined;
  /** Who waits until all places are known. */
  #waiting: ((known: boolean) => void)[] = [];
  #listenedAt = 0;
  #renewing: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(ports: ClusterEventsPorts) {
    this.#ports = ports;
    const { shards } = ports.queries;
    this.#heads = new Array<undefined>(shards).fill(undefined);
    this.#timelines = new Array<number>(shards).fill(0);
    this.#marks = new Array<undefined>(shards).fill(undefined);
    this.#opened = new Array<undefined>(shards).fill(undefined);
    this.#pumps = new Array<undefined>(shards).fill(undefined);
    this.#past = new PastElsewhere({ ...ports, renew: () => this.#renew() });
    this.#timer = setInterval(() => this.#look(), lookEveryMs);
    this.#timer.unref();
  }

  /** Events of a shard of this node, on disk, in order. */
  own(events: readonly JobEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    const shard = last.shard as number;
    if (this.#followed === undefined)
      return this.#ports.target.begin(shard, last.seq, this.#ports.peers.timelineOf(shard));
    this.#lookAt(shard);
    this.#pumps[shard]?.offer(events);
  }

  /** Resolves when it is known of all shards where they are, or with false when that takes too long; undefined: it is known. */
  whenKnown(): Promise<boolean> | undefined {
    this.#listenedAt = this.#ports.now();
    this.#wake();
    if (this.#isKnown) return undefined;
    return new Promise((resolve) => {
      const timer = setTimeout(() => told(false), patienceMs);
      const told = (known: boolean): void => {
        clearTimeout(timer);
        this.#waiting = this.#waiting.filter((each) => each !== told);
        resolve(known);
      };
      this.#waiting.push(told);
    });
  }

  /** Events of a shard that is not open here, or of another timeline than was heard; undefined: the log is here, and is what was heard of. */
  elsewhere(shard: number, seq: number): Promise<Past> | undefined {
    const { peers } = this.#ports;
    const isHere = peers.leaseOf(shard) !== undefined && peers.timelineOf(shard) === this.#timelines[shard];
    return isHere ? undefined : this.#past.after(shard, seq);
  }

  /** The same, wherever the shard is. */
  after(shard: number, seq: number): Promise<Past> {
    return this.#past.after(shard, seq);
  }

  /** Nobody hears anything any more. */
  close(): void {
    clearInterval(this.#timer);
    this.#sleep();
    for (const told of [...this.#waiting]) told(false);
    this.#past.close();
  }

  get #isKnown(): boolean {
    return this.#heads.every((head) => head !== undefined);
  }

  /** All who ask at the same time ask once. */
  #renew(): Promise<void> {
    this.#renewing ??= this.#ports.peers
      .renew()
      .catch(() => {})
      .finally(() => {
        this.#renewing = undefined;
      });
    return this.#renewing;
  }

  #wake(): void {
    if (this.#followed !== undefined) return;
    const { peers, stream, target, now, pause } = this.#ports;
    this.#followed = this.#heads.map((_, shard) => {
      return new FollowedShard(shard, {
        ...{ peers, stream, now, pause, renew: () => this.#renew() },
        head: () => this.#heads[shard],
        lease: () => this.#marks[shard],
        wantsTransient: () => target.wantsTransient(),
        take: (message) => this.#take(shard, message),
      });
    });
    this.#look();
  }

  #sleep(): void {
    for (const followed of this.#followed ?? []) followed.end();
    for (const pump of this.#pumps) pump?.end();
    this.#followed = undefined;
    this.#heads.fill(undefined);
    this.#marks.fill(undefined);
    this.#pumps.fill(undefined);
  }

  #look(): void {
    const { target, now, peers } = this.#ports;
    if (target.isThere() || this.#waiting.length > 0) this.#listenedAt = now();
    else if (this.#followed !== undefined && now() - this.#listenedAt > lingerMs) this.#sleep();
    for (let shard = 0; shard < this.#opened.length; shard++) {
      if (this.#followed === undefined) this.#noticeChange(shard, peers.leaseOf(shard));
      else this.#lookAt(shard);
    }
    for (const followed of this.#followed ?? []) followed.look();
  }

  /** Notices whether the shard was opened or dropped here. */
  #noticeChange(shard: number, opened: string | undefined): void {
    const before = this.#opened[shard];
    if (opened === before) return;
    this.#opened[shard] = opened;
    this.#pumps[shard]?.end();
    this.#pumps[shard] = undefined;
    if (before !== undefined) this.#ports.dropped(shard);
  }

  /** What is open here goes on from the log, wherever the owner before was heard last. */
  #lookAt(shard: number): void {
    const { peers, queries } = this.#ports;
    const opened = peers.leaseOf(shard);
    this.#noticeChange(shard, opened);
    if (opened === undefined || this.#pumps[shard] !== undefined) return;
    const last = queries.lastEventOf(shard);
    const mark = leaseMark(opened);
    // What was heard under another lease, and had not happened when this one began, the database has lost.
    const known = mark === this.#marks[shard] ? last : Math.min(last, peers.openedBehind(shard));
    this.#goOn(shard, this.#heads[shard] === undefined ? last : known, peers.timelineOf(shard));
    this.#marks[shard] = mark;
    const pump = new EventPump(shard, this.#heads[shard] as number, queries, {
      events: (events) => this.#hear(shard, events),
      gap: (from, to) => this.#gap(shard, from, to, to),
      backlog: () => 0,
    });
    this.#pumps[shard] = pump;
    pump.look();
  }

  #take(shard: number, { at, lease, timeline = 0, events, gap, transient }: StreamMessage): void {
    if (this.#followed === undefined || this.#ports.peers.leaseOf(shard) !== undefined) return;
    if (at !== undefined) {
      this.#marks[shard] = lease;
      this.#goOn(shard, at, timeline);
    } else if (transient) this.#ports.target.transient(transient);
    else if (gap) this.#gap(shard, gap[0], gap[1], gap[1]);
    else if (events) this.#hear(shard, events);
  }

  #hear(shard: number, events: readonly JobEvent[]): void {
    const head = this.#heads[shard] as number;
    const isNew = events[0] !== undefined && events[0].seq > head;
    const fresh = isNew ? events : events.filter(({ seq }) => seq > head);
    const last = fresh.at(-1);
    if (last === undefined) return;
    this.#heads[shard] = last.seq;
    this.#ports.target.events(fresh);
  }

  /** Under another lease. @param known the last event that is there of those that were heard; where none was, the last one */
  #goOn(shard: number, known: number, timeline: number): void {
    const head = this.#heads[shard];
    const isSame = this.#timelines[shard] === timeline;
    this.#timelines[shard] = timeline;
    if (head === undefined || (head === 0 && !isSame)) return this.#begin(shard, head ?? known);
    // Of another timeline, what has a number that was heard may be another event.
    if (head > known || !isSame) this.#gap(shard, Math.min(head, known + 1), head, Math.min(head, known));
  }

  #begin(shard: number, seq: number): void {
    this.#heads[shard] = seq;
    this.#ports.target.begin(shard, seq, this.#timelines[shard] as number);
    if (this.#isKnown) for (const told of [...this.#waiting]) told(true);
  }

  #gap(shard: number, from: number, to: number, latest: number): void {
    this.#heads[shard] = latest;
    this.#ports.target.gap(shard, { from, to, latest, timeline: this.#timelines[shard] as number });
  }
}
