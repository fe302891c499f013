/**
 * Nodes as far as events go, over logs of shards in memory: what nodes tell each other and their clients is real (`PeerEvents`,
 * `ClusterEvents`, `Subscribers` with `resume`), only connections are made up. They stall, break, and bring what was sent late.
 */
import { ClusterEvents } from '../../../src/cluster/events/cluster-events.js';
import type { StreamRequest } from '../../../src/cluster/events/peer-stream.js';
import { type Peer, type PeerAnswer, PeerGone, type PeerRequest, type Peers } from '../../../src/cluster/peers.js';
import { Refusal } from '../../../src/domain/errors.js';
import type { JobEvent } from '../../../src/domain/events.js';
import type { Exchange } from '../../../src/server/http/exchange.js';
import type { AnswerStream, StreamEvents } from '../../../src/server/http/http-port.js';
import { Subscriber } from '../../../src/server/live/subscriber.js';
import { Subscribers } from '../../../src/server/live/subscribers.js';
import { PeerEvents } from '../../../src/server/peers/peer-events.js';
import type { PastEvents, Queries } from '../../../src/store/queries-port.js';
import { noTelemetry } from '../../../src/telemetry/port.js';
import { FakeTimers } from './fake-timers.js';

export const shardCount = 2;
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A shard as the database has it. */
export interface StoredShard {
  owner: EventNode | undefined;
  /** Another for each lease. */
  token: number;
  timeline: number;
  log: JobEvent[];
  /** The first event that is kept. */
  oldest: number;
}

/** A shard that a node has open. */
interface OpenShard extends Pick<StoredShard, 'token' | 'timeline' | 'log' | 'oldest'> {
  /** Its last event when it was opened. */
  readonly behind: number;
}

/** What does the wrong thing on purpose. */
export type Planted = 'same_timeline' | 'from_now';

export class EventWorld {
  readonly timers = new FakeTimers();
  readonly shards: StoredShard[] = Array.from({ length: shardCount }, () => ({
    ...{ owner: undefined, token: 0, timeline: 0, log: [], oldest: 1 },
  }));
  nodes: EventNode[] = [];
  /** Pairs of nodes between which nothing comes through just now. */
  readonly stalled = new Set<string>();
  readonly #streams = new Set<{ readonly pair: string; break(): void }>();

  constructor(readonly planted?: Planted) {}

  /** All connections between two nodes break. */
  cut(pair: string): void {
    for (const stream of this.#streams) if (stream.pair === pair) stream.break();
  }

  nodeOf(name: string): EventNode | undefined {
    return this.nodes.find((node) => node.name === name && !node.isGone);
  }

  /** What a node brings another, for as long as the connection lasts. */
  connect(from: string, { path, signal }: StreamRequest, to: EventNode): AsyncIterable<Buffer> {
    const pair = pairOf(from, to.name);
    const chunks: Buffer[] = [];
    let [isEnded, isBroken] = [false, false];
    let close = (): void => {};
    const over = (): void => {
      close();
      this.#streams.delete(stream);
    };
    const answer: AnswerStream = {
      write: (bytes) => void chunks.push(bytes),
      getBufferedAmount: () => 0,
      end: () => {
        isEnded = true;
        over();
      },
      cut: () => stream.break(),
    };
    const stream = {
      pair,
      break: () => {
        isBroken = true;
        over();
      },
    };
    this.#streams.add(stream);
    signal.addEventListener('abort', () => stream.break());
    const query = path.slice(path.indexOf('?') + 1);
    const exchange = {
      query,
      stream: (_: string, events: StreamEvents) => {
        close = events.close;
        return answer;
      },
    } as unknown as Exchange;
    to.peerEvents.run(exchange);
    const { stalled } = this;
    return {
      async *[Symbol.asyncIterator]() {
        for (;;) {
          await turn();
          if (isBroken) throw new PeerGone(true, 'the connection broke');
          if (stalled.has(pair)) continue;
          while (chunks.length > 0) yield chunks.shift() as Buffer;
          if (isEnded) return;
        }
      },
    };
  }
}

export const pairOf = (a: string, b: string): string => [a, b].sort().join(' ');

export class EventNode {
  isGone = false;
  /** Its lease has lapsed: it may do nothing, and others may think that it goes on. */
  hasLapsed = false;
  readonly open: (OpenShard | undefined)[] = new Array<undefined>(shardCount).fill(undefined);
  readonly peerEvents: PeerEvents;
  readonly events: ClusterEvents;
  readonly subscribers: Subscribers;
  /** Who has which shard, when it looked last. */
  #view: (string | undefined)[] = new Array<undefined>(shardCount).fill(undefined);
  readonly #topics = new Map<string, Set<Connection>>();
  readonly #world: EventWorld;

  constructor(
    readonly name: string,
    world: EventWorld,
  ) {
    this.#world = world;
    const { timers, planted } = world;
    const peers = this.#peers();
    const queries: Pick<Queries, 'shards' | 'eventsAfter' | 'lastEventOf'> = {
      shards: shardCount,
      lastEventOf: (shard) => this.open[shard]?.log.length ?? 0,
      eventsAfter: (seq, limit, _, shard = 0) => pastOf(this.open[shard], seq, limit),
    };
    this.peerEvents = new PeerEvents({ peers, queries, closing: () => this.isGone });
    this.events = new ClusterEvents({
      ...{ peers, queries, now: () => timers.now },
      stream: async ({ node }, { path, signal }) => {
        await turn();
        const to = world.nodeOf(node);
        if (to === undefined || world.stalled.has(pairOf(name, node))) throw new PeerGone(false, 'nobody is there');
        const asked = planted === 'from_now' ? path.replace(/since=\d+/, 'since=now') : path;
        try {
          return world.connect(name, { path: asked, signal }, to);
        } catch (error) {
          if (error instanceof Refusal) throw new PeerGone(true, error.message);
          throw error;
        }
      },
      pause: (ms) => new Promise((done) => setTimeout(done, ms)),
      dropped: () => {},
      target: {
        events: (events) => this.subscribers.feed.publish(events),
        transient: () => {},
        begin: (shard, seq, timeline) => this.subscribers.feed.begin(shard, seq, timeline),
        gap: (shard, gap) => this.subscribers.gap(shard, gap),
        isThere: () => this.subscribers.size > 0,
        wantsTransient: () => false,
      },
    });
    const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
    this.subscribers = new Subscribers({
      ...{ telemetry: noTelemetry, log: quiet, timezone: 'UTC', maxConnections: 1000, queries },
      clock: { now: () => timers.now, monotonic: () => timers.now },
      latest: new Array<number>(shardCount).fill(0),
      publish: (topic, message) => {
        for (const connection of this.#topics.get(topic) ?? []) connection.send(message);
      },
      others: {
        whenKnown: () => this.events.whenKnown(),
        elsewhere: (shard, seq) => this.events.elsewhere(shard, seq),
        after: (shard, seq) => this.events.after(shard, seq),
      },
    });
  }

  /** Takes in who has what. */
  look(): void {
    this.#view = this.#world.shards.map(({ owner }) => (owner?.isGone === false ? owner.name : undefined));
  }

  /** These have just been committed. */
  publish(events: readonly JobEvent[]): void {
    this.events.own(events);
    this.peerEvents.publish(events);
  }

  /** Somebody comes. @param heard is told each message */
  connect(heard: (message: string) => void): Connection {
    const connection = new Connection(this.subscribers.number(), this.#topics, heard);
    this.subscribers.add(connection);
    return connection;
  }

  disconnect(connection: Connection): void {
    connection.isOpen = false;
    this.subscribers.delete(connection);
    for (const listeners of this.#topics.values()) listeners.delete(connection);
  }

  end(): void {
    this.isGone = true;
    this.events.close();
    this.peerEvents.close();
    this.subscribers.close();
  }

  #peers(): Peers {
    const world = this.#world;
    const held = (shard: number): OpenShard | undefined =>
      this.isGone || this.hasLapsed ? undefined : this.open[shard];
    return {
      shards: shardCount,
      get living() {
        return [];
      },
      leaseOf: (shard) => {
        const { token } = held(shard) ?? {};
        return token === undefined ? undefined : `lease ${token}`;
      },
      timelineOf: (shard) => held(shard)?.timeline ?? 0,
      openedBehind: (shard) => held(shard)?.behind ?? 0,
      ownerOfShard: (shard) => {
        if (held(shard) !== undefined) return 'here';
        const node = this.#view[shard];
        return node === undefined || node === this.name ? undefined : { node };
      },
      reach: () => undefined,
      ownerOf: () => undefined,
      holderOf: async () => undefined,
      senderOf: () => 'client',
      renew: async () => {
        await turn();
        this.look();
      },
      ask: async ({ node }: Peer, { path }: PeerRequest): Promise<PeerAnswer> => {
        await turn();
        const to = world.nodeOf(node);
        if (to === undefined || world.stalled.has(pairOf(this.name, node))) throw new PeerGone(true, 'no answer');
        const said = (status: number, text: string): PeerAnswer => ({
          ...{ status, reason: '', headers: {}, body: Buffer.from(text) },
        });
        let answer = said(500, '');
        const exchange = {
          query: path.slice(path.indexOf('?') + 1),
          answer: (_: string, text: string) => {
            answer = said(200, text);
          },
        } as unknown as Exchange;
        try {
          to.peerEvents.run(exchange);
        } catch (error) {
          if (!(error instanceof Refusal)) throw error;
          answer = said(421, '');
        }
        await turn();
        return answer;
      },
    };
  }
}

function pastOf(open: OpenShard | undefined, seq: number, limit: number): PastEvents {
  if (open === undefined) return { events: [], oldest: seq + 1 };
  const { log, oldest } = open;
  const from = Math.max(seq, oldest - 1);
  return { events: log.slice(from, from + limit), oldest };
}

/** A client's connection: it reads all that it is sent, at once. */
export class Connection extends Subscriber {
  isOpen = true;
  readonly #topics: Map<string, Set<Connection>>;
  readonly #heard: (message: string) => void;

  constructor(number: number, topics: Map<string, Set<Connection>>, heard: (message: string) => void) {
    super(number, undefined);
    this.#topics = topics;
    this.#heard = heard;
  }

  join(topic: string): void {
    const listeners = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, listeners.add(this));
  }

  leave(topic: string): void {
    this.#topics.get(topic)?.delete(this);
  }

  send(message: string): void {
    if (this.isOpen) this.#heard(message);
  }

  together(step: () => void): void {
    step();
  }

  backlog(): number {
    return 0;
  }

  end(): void {
    this.isOpen = false;
  }

  revoke(): void {}

  cut(): void {}
}
