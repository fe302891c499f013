/**
 * Events of the shards of this node, for its peers: they ask at the same place as clients do, each for one shard at a time. A stream begins
 * behind the event that the peer has heard last, wherever it heard that, and ends with the lease that it began under.
 */
import { EventPump, pastEvents } from '../../cluster/events/event-pump.js';
import { pastLimit } from '../../cluster/events/past-elsewhere.js';
import { leaseMark, type PastAnswer, signOfLife, writeBlock } from '../../cluster/events/wire.js';
import type { Peers } from '../../cluster/peers.js';
import { Refusal } from '../../domain/errors.js';
import type { JobEvent, TransientEvent } from '../../domain/events.js';
import { shardOf } from '../../domain/ids/job-numbers.js';
import type { Queries } from '../../store/queries-port.js';
import type { Exchange } from '../http/exchange.js';
import type { AnswerStream } from '../http/http-port.js';
import { jsonOk, responseHead } from '../http/response-head.js';

export interface PeerEventsOptions {
  readonly peers: Peers;
  readonly queries: Pick<Queries, 'eventsAfter' | 'lastEventOf'>;
  /** True once the server goes. */
  readonly closing: () => boolean;
}

interface PeerStream {
  readonly shard: number;
  readonly lease: string;
  readonly answer: AnswerStream;
  readonly pump: EventPump;
  /** Whether it wants events that are not kept. */
  readonly transient: boolean;
}

const head = responseHead('200 OK', 'text/event-stream');
const tickMs = 1000;
/** A peer that has more than this to read gets no events that are not kept. */
const enoughBytes = 512 * 1024;

/** See the head of this file. */
export class PeerEvents {
  readonly #options: PeerEventsOptions;
  readonly #streams = new Set<PeerStream>();
  readonly #ticker: NodeJS.Timeout;

  constructor(options: PeerEventsOptions) {
    this.#options = options;
    this.#ticker = setInterval(() => this.#tick(), tickMs);
    this.#ticker.unref();
  }

  /** Answers a peer. */
  run(exchange: Exchange): void {
    const { peers, queries, closing } = this.#options;
    if (closing()) throw new Refusal('draining', 'The server is shutting down and takes no new connections.');
    const query = new URLSearchParams(exchange.query);
    const shard = Number(query.get('shard'));
    const since = query.get('since');
    const lease = peers.leaseOf(shard);
    if (lease === undefined) throw new Refusal('misdirected_host', `This node does not own shard ${shard}.`);
    const last = queries.lastEventOf(shard);
    if (query.has('past')) {
      const { events, oldest } = pastEvents(queries, Number(since), undefined, shard, pastLimit);
      return exchange.answer(
        jsonOk,
        JSON.stringify({ events, oldest, last, timeline: peers.timelineOf(shard) } satisfies PastAnswer),
      );
    }
    // What was heard under another lease, and had not happened when this one began, the database has lost.
    const isOther = query.has('lease') && query.get('lease') !== leaseMark(lease);
    const known = isOther ? Math.min(last, peers.openedBehind(shard)) : last;
    const at = since === 'now' ? last : Math.min(Number(since), known);
    this.#open(exchange, { shard, lease, at, transient: query.has('transient') });
  }

  /** Events of a shard of this node, on disk, in order. */
  publish(events: readonly JobEvent[]): void {
    for (const { shard, lease, pump, answer } of [...this.#streams]) {
      if (shard !== events[0]?.shard) continue;
      // After another opening, numbers may stand for other events.
      if (this.#options.peers.leaseOf(shard) === lease) pump.offer(events);
      else answer.end();
    }
  }

  publishTransient(event: TransientEvent): void {
    if (this.#streams.size === 0) return;
    const shard = shardOf(event.jobSeq, this.#options.peers.shards);
    let block: Buffer | undefined;
    for (const stream of this.#streams) {
      if (!stream.transient || stream.shard !== shard || stream.answer.getBufferedAmount() > enoughBytes) continue;
      block ??= writeBlock({ transient: event });
      stream.answer.write(block);
    }
  }

  /** Ends all streams in order. */
  close(): void {
    clearInterval(this.#ticker);
    for (const { answer } of [...this.#streams]) answer.end();
  }

  #open(
    exchange: Exchange,
    { shard, lease, at, transient }: Pick<PeerStream, 'shard' | 'lease' | 'transient'> & { readonly at: number },
  ): void {
    let stream: PeerStream | undefined;
    const close = (): void => {
      if (stream === undefined) return;
      stream.pump.end();
      this.#streams.delete(stream);
    };
    const answer = exchange.stream(head, { filler: signOfLife, close });
    if (answer === undefined) return;
    const pump = new EventPump(shard, at, this.#options.queries, {
      events: (events) => answer.write(writeBlock({ events })),
      gap: (from, to) => answer.write(writeBlock({ gap: [from, to] })),
      backlog: () => answer.getBufferedAmount(),
    });
    stream = { shard, lease, answer, pump, transient };
    this.#streams.add(stream);
    const timeline = this.#options.peers.timelineOf(shard);
    answer.write(writeBlock({ at, lease: leaseMark(lease), timeline }));
    pump.look();
  }

  #tick(): void {
    const { peers } = this.#options;
    for (const { shard, lease, answer } of [...this.#streams]) {
      if (peers.leaseOf(shard) === lease) answer.write(signOfLife);
      else answer.end();
    }
  }
}
