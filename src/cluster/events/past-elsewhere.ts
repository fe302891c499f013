/**
 * Past events of shards of other nodes, for those who resume here. After a cut all resume at once, and most from about the same event: who
 * asks for the same gets the same answer.
 */
import { LRUCache } from 'lru-cache';
import type { Queries } from '../../store/queries-port.js';
import { PeerGone, type Peers } from '../peers.js';
import { pastEvents } from './event-pump.js';
import { eventsPath } from './followed-shard.js';
import type { PastAnswer } from './wire.js';

export interface PastElsewherePorts {
  readonly peers: Peers;
  readonly queries: Pick<Queries, 'eventsAfter' | 'lastEventOf'>;
  readonly pause: (ms: number) => Promise<void>;
  /** Reads anew who owns what. */
  readonly renew: () => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
}

/** What the owner of a shard answers; undefined when no owner answers within some seconds. The caller asks again as long as it needs it. */
export type Past = PastAnswer | undefined;

const betweenTriesMs = 100;
const patienceMs = 5000;
/** A node that takes longer than this is cut off from here. */
const answerMs = 5000;
/** Events in one answer. */
export const pastLimit = 1000;
const keptAnswers = 64;
const keptMs = 1000;

/** See the head of this file. */
export class PastElsewhere {
  readonly #ports: PastElsewherePorts;
  readonly #answers = new LRUCache<string, Promise<Past>>({ max: keptAnswers, ttl: keptMs });
  readonly #over = new AbortController();

  constructor(ports: PastElsewherePorts) {
    this.#ports = ports;
  }

  /** Resolves as soon as its owner has answered, whoever that is by then, or after some seconds. */
  after(shard: number, seq: number): Promise<Past> {
    const place = `${shard} ${seq}`;
    const known = this.#answers.get(place);
    if (known !== undefined) return known;
    const asked = this.#ask(shard, seq);
    this.#answers.set(place, asked);
    return asked;
  }

  close(): void {
    this.#over.abort();
  }

  async #ask(shard: number, seq: number): Promise<Past> {
    const { peers, queries, pause, renew, now } = this.#ports;
    const { signal } = this.#over;
    const end = now() + patienceMs;
    const request = {
      method: 'GET',
      path: `${eventsPath}?past=1&shard=${shard}&since=${seq}`,
      headers: {},
      withinMs: answerMs,
      signal,
    };
    while (!signal.aborted && now() < end) {
      const owner = peers.ownerOfShard(shard);
      if (peers.leaseOf(shard) !== undefined)
        return {
          ...pastEvents(queries, seq, undefined, shard, pastLimit),
          last: queries.lastEventOf(shard),
          timeline: peers.timelineOf(shard),
        };
      if (owner !== undefined && owner !== 'here') {
        const answer = await peers.ask(owner, request).catch((error: unknown) => {
          if (error instanceof PeerGone) return undefined;
          throw error;
        });
        if (answer?.status === 200) return JSON.parse(answer.body.toString('utf8')) as PastAnswer;
      }
      await pause(betweenTriesMs);
      await renew();
    }
    return undefined;
  }
}
