/** Events in a cluster: those of this node go to its peers, and those who listen here hear of the events of all shards. */
import type { Clock } from '../../clock.js';
import { ClusterEvents } from '../../cluster/events/cluster-events.js';
import { streamOf } from '../../cluster/events/peer-stream.js';
import type { Peers } from '../../cluster/peers.js';
import type { JobEvent, TransientEvent } from '../../domain/events.js';
import type { Queries } from '../../store/queries-port.js';
import type { Route } from '../http/app.js';
import type { OtherNodes, Subscribers } from '../live/subscribers.js';
import { PeerEvents } from './peer-events.js';

export interface ClusterFeedOptions {
  readonly peers: Peers;
  readonly queries: Queries;
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly subscribers: () => Subscribers;
  /** A shard is not open here any more. */
  readonly dropped: (shard: number) => void;
  readonly closing: () => boolean;
}

/** See the head of this file. */
export class ClusterFeed implements OtherNodes {
  readonly #options: ClusterFeedOptions;
  readonly #events: ClusterEvents;
  readonly #peers: PeerEvents;

  constructor(options: ClusterFeedOptions) {
    this.#options = options;
    const { peers, queries, clock, dropped, subscribers } = options;
    this.#peers = new PeerEvents(options);
    this.#events = new ClusterEvents({
      ...{ peers, queries, dropped },
      stream: (peer, request) => streamOf(peers, peer, request),
      now: () => clock.monotonic(),
      pause: (ms) => new Promise((done) => setTimeout(done, ms)),
      target: {
        events: (events) => subscribers().feed.publish(events),
        transient: (event) => subscribers().transient.publish(event),
        begin: (shard, seq, timeline) => subscribers().feed.begin(shard, seq, timeline),
        gap: (shard, gap) => subscribers().gap(shard, gap),
        isThere: () => subscribers().size > 0,
        wantsTransient: () => subscribers().transient.isWanted,
      },
    });
  }

  /** The route of events, where a peer is answered as such. */
  route(route: Route): Route {
    return {
      ...route,
      run: (exchange, body) => (exchange.fromPeer ? this.#peers.run(exchange) : route.run(exchange, body)),
    };
  }

  /** Events of a shard of this node, on disk, in order. */
  publish(events: readonly JobEvent[]): void {
    this.#events.own(events);
    this.#peers.publish(events);
  }

  publishTransient(event: TransientEvent): void {
    this.#options.subscribers().transient.publish(event);
    this.#peers.publishTransient(event);
  }

  whenKnown(): Promise<boolean> | undefined {
    return this.#events.whenKnown();
  }

  elsewhere(shard: number, seq: number): ReturnType<OtherNodes['elsewhere']> {
    return this.#events.elsewhere(shard, seq);
  }

  after(shard: number, seq: number): ReturnType<OtherNodes['after']> {
    return this.#events.after(shard, seq);
  }

  close(): void {
    this.#events.close();
    this.#peers.close();
  }
}
