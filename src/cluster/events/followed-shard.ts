/** The events of a shard that another node owns, as they happen: a stream from whoever owns it, opened again wherever that ends. */
import { type Peer, PeerGone, type Peers } from '../peers.js';
import type { StreamRequest } from './peer-stream.js';
import { BlockReader, type StreamMessage } from './wire.js';

export interface FollowedShardPorts {
  readonly peers: Pick<Peers, 'ownerOfShard'>;
  /** @throws PeerGone */
  readonly stream: (peer: Peer, request: StreamRequest) => Promise<AsyncIterable<Buffer>>;
  /** Reads anew who owns what. */
  readonly renew: () => Promise<void>;
  /** The last event that was heard of; undefined: it is to begin with what comes next. */
  readonly head: () => number | undefined;
  /** The mark of the lease that it was heard under. */
  readonly lease: () => string | undefined;
  /** Whether events that are not kept are wanted, too. */
  readonly wantsTransient: () => boolean;
  readonly take: (message: StreamMessage) => void;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<void>;
}

/** Where a node asks another for events. */
export const eventsPath = '/api/v1/events';
/** The owner shows signs of life each second. */
const silenceMs = 5000;
const betweenTriesMs = 100;

/** See the head of this file. */
export class FollowedShard {
  readonly #shard: number;
  readonly #ports: FollowedShardPorts;
  #stream: { readonly owner: Peer; readonly transient: boolean; readonly end: AbortController } | undefined;
  #heardAt = 0;
  #isOver = false;

  constructor(shard: number, ports: FollowedShardPorts) {
    this.#shard = shard;
    this.#ports = ports;
    void this.#run();
  }

  /** Ends a stream that is not from the owner any more, that has died, or that lacks what is wanted: another is opened. */
  look(): void {
    const { peers, now, wantsTransient } = this.#ports;
    const stream = this.#stream;
    if (stream === undefined) return;
    const owner = peers.ownerOfShard(this.#shard);
    const isHis = owner !== undefined && owner !== 'here' && owner.node === stream.owner.node;
    const isAlive = now() - this.#heardAt < silenceMs;
    if (!isHis || !isAlive || (wantsTransient() && !stream.transient)) stream.end.abort();
  }

  end(): void {
    this.#isOver = true;
    this.#stream?.end.abort();
  }

  async #run(): Promise<void> {
    const { peers, pause, renew } = this.#ports;
    while (!this.#isOver) {
      const owner = peers.ownerOfShard(this.#shard);
      if (owner !== undefined && owner !== 'here') {
        try {
          await this.#hear(owner);
        } catch (error) {
          if (!(error instanceof PeerGone)) throw error;
        }
      }
      if (this.#isOver) return;
      await pause(betweenTriesMs);
      // Who owns what may be known later than it is so.
      if (owner !== 'here') await renew();
    }
  }

  async #hear(owner: Peer): Promise<void> {
    const { stream, head, lease, wantsTransient, take, now } = this.#ports;
    const transient = wantsTransient();
    const end = new AbortController();
    this.#stream = { owner, transient, end };
    this.#heardAt = now();
    const [since, under] = [head() ?? 'now', lease()];
    const more = `${under === undefined ? '' : `&lease=${under}`}${transient ? '&transient=1' : ''}`;
    const query = `shard=${this.#shard}&since=${since}${more}`;
    try {
      const chunks = await stream(owner, { path: `${eventsPath}?${query}`, signal: end.signal });
      const blocks = new BlockReader();
      for await (const chunk of chunks) {
        if (end.signal.aborted) return;
        this.#heardAt = now();
        for (const message of blocks.read(chunk)) take(message);
      }
    } finally {
      end.abort();
      this.#stream = undefined;
    }
  }
}
