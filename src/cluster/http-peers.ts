/** The other nodes over HTTP, on connections that are kept. */
import { timingSafeEqual } from 'node:crypto';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { Agent as TlsAgent, request as tlsRequest } from 'node:https';
import { Refusal } from '../domain/errors.js';
import { parseId } from '../domain/id.js';
import { shardOf } from '../domain/ids/job-numbers.js';
import type { Logger } from '../log.js';
import { monotonicMs } from '../pool/shared/slots.js';
import type { HeldName } from '../store/port.js';
import type { ClusterCounts } from '../telemetry/cluster/cluster-counts.js';
import { within } from '../within.js';
import type { Name } from './keys/names.js';
import { OpenCalls } from './open-calls.js';
import {
  type Peer,
  type PeerAnswer,
  PeerGone,
  type PeerRequest,
  type Peers,
  peerHeaders,
  type Reach,
  type Sender,
} from './peers.js';
import { Unanswering } from './unanswering.js';

export interface HttpPeersOptions {
  /** Of this node. */
  readonly node: string;
  /** That all nodes of the cluster know, from the database. */
  readonly secret: string;
  /** How many shards the cluster has. */
  readonly shards: number;
  /** Who owns a shard: a node's id, 'here', or undefined where nobody does. */
  readonly ownerOf: (shard: number) => string | undefined;
  /** As of `Peers`. */
  readonly leaseOf: (shard: number) => string | undefined;
  /** As of `Peers`; default: 0. */
  readonly timelineOf?: (shard: number) => number;
  /** As of `Peers`; default: no event is lost. */
  readonly openedBehind?: (shard: number) => number;
  /** Ids of the others whose beats move. */
  readonly living: () => readonly string[];
  /** Where a node is reached, a URL; undefined: its beat does not move, and it is not to be called. */
  readonly addressOf: (node: string) => string | undefined;
  /** Whether a node is known to be dead, or to have left; default: none is. */
  readonly isGone?: (node: string) => boolean;
  /** Reads anew who owns what. */
  readonly renew: () => Promise<void>;
  /** The shards that hold names, as the database says; default: nobody holds any. */
  readonly holders?: (names: readonly Name[]) => Promise<readonly HeldName[] | Refusal>;
  /** Hears a word that a node calls itself with; see `OwnAddress`. */
  readonly hear?: (word: string) => boolean;
  readonly counts?: Pick<ClusterCounts, 'peerAnswered'>;
  /** Is told of nodes that do not answer; absent: nobody is. */
  readonly log?: Pick<Logger, 'info' | 'warn'>;
}

const mostSockets = 64;
/** Connections that rest are closed by the server after ten seconds. */
const restMs = 5000;
/** One that is not there by then will not come. */
const connectMs = 1000;
/** Who waits for a look at the database goes on by then with what was known. */
const patienceMs = 500;

/** See the head of this file. */
export class HttpPeers implements Peers {
  readonly #options: HttpPeersOptions;
  #renewing: Promise<void> | undefined;
  readonly #unanswering: Unanswering | undefined;
  readonly #calls: OpenCalls;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: mostSockets, timeout: restMs });
  readonly #tlsAgent = new TlsAgent({ keepAlive: true, maxSockets: mostSockets, timeout: restMs });

  constructor(options: HttpPeersOptions) {
    this.#options = options;
    const { log, isGone = () => false } = options;
    this.#unanswering = log && new Unanswering({ log, now: monotonicMs });
    this.#calls = new OpenCalls({ now: monotonicMs, isGone });
  }

  get shards(): number {
    return this.#options.shards;
  }

  get living(): readonly Peer[] {
    return this.#options.living().map((node) => ({ node }));
  }

  ownerOf(id: string): 'here' | Peer | undefined {
    const parsed = parseId(id);
    return parsed === undefined ? 'here' : this.ownerOfShard(shardOf(parsed.low, this.#options.shards));
  }

  ownerOfShard(shard: number): 'here' | Peer | undefined {
    const node = this.#options.ownerOf(shard);
    if (node === 'here' || node === this.#options.node) return 'here';
    return node === undefined ? undefined : { node };
  }

  leaseOf(shard: number): string | undefined {
    return this.#options.leaseOf(shard);
  }

  timelineOf(shard: number): number {
    return this.#options.timelineOf?.(shard) ?? 0;
  }

  openedBehind(shard: number): number {
    return this.#options.openedBehind?.(shard) ?? Number.POSITIVE_INFINITY;
  }

  reach({ node }: Peer): Reach | undefined {
    const url = this.#options.addressOf(node);
    if (url === undefined) return undefined;
    return { url, headers: { [peerHeaders.node]: node, [peerHeaders.secret]: this.#options.secret } };
  }

  /** Those who wait for the same look wait together. */
  renew(): Promise<void> {
    this.#renewing ??= this.#options.renew().finally(() => {
      this.#renewing = undefined;
    });
    return within(patienceMs, this.#renewing);
  }

  async holderOf(names: readonly Name[]): Promise<number | undefined> {
    const asked = this.#options.holders?.(names);
    const held = asked && (await within(patienceMs, asked));
    if (held === undefined || held instanceof Refusal) return undefined;
    const holders = names.map(({ kind, name }) => held.find((each) => each.kind === kind && each.name === name));
    return holders.find((each) => each !== undefined)?.shard;
  }

  senderOf({
    peerSecret,
    peerNode,
  }: {
    readonly peerSecret: string | undefined;
    readonly peerNode: string | undefined;
  }): Sender {
    if (peerSecret === undefined) return 'client';
    if (peerSecret === peerNode && this.#options.hear?.(peerSecret)) return 'client';
    const [given, own] = [Buffer.from(peerSecret), Buffer.from(this.#options.secret)];
    if (given.length !== own.length || !timingSafeEqual(given, own)) return 'client';
    return peerNode === this.#options.node ? 'peer' : 'astray';
  }

  async ask(peer: Peer, asked: PeerRequest): Promise<PeerAnswer> {
    const { counts } = this.#options;
    try {
      const answer = await this.#ask(peer, asked);
      this.#unanswering?.answered(peer.node);
      counts?.peerAnswered(answer.status === 421 ? 'misdirected' : 'answered');
      return answer;
    } catch (error) {
      if (error instanceof PeerGone) {
        counts?.peerAnswered(error.sent ? 'unknown' : 'unreachable');
        const url = this.#options.addressOf(peer.node);
        if (url !== undefined && !asked.signal?.aborted) this.#unanswering?.failed(peer.node, url, error.message);
      }
      throw error;
    }
  }

  #ask(peer: Peer, asked: PeerRequest): Promise<PeerAnswer> {
    const reach = this.reach(peer);
    if (reach === undefined) return Promise.reject(new PeerGone(false, `node ${peer.node} does not answer`));
    const url = new URL(asked.path, reach.url);
    const isTls = url.protocol === 'https:';
    const { body, signal, method, withinMs } = asked;
    const options = {
      method,
      ...(signal && { signal }),
      agent: isTls ? this.#tlsAgent : this.#agent,
      headers: {
        ...asked.headers,
        ...reach.headers,
        'content-length': String(body?.length ?? 0),
      },
    };
    let over = (): void => {};
    const answered = new Promise<PeerAnswer>((resolve, reject) => {
      const call = isTls ? tlsRequest(url, options) : request(url, options);
      const gone = noticeGoing(call, (error) => reject(error));
      over = this.#calls.add(peer.node, withinMs, (reason) => call.destroy(reason));
      call.once('response', (answer) => {
        readAnswer(answer).then(resolve, gone);
      });
      call.end(body);
    });
    return answered.finally(over);
  }

  close(): void {
    this.#calls.close();
    this.#agent.destroy();
    this.#tlsAgent.destroy();
  }
}

/** Tells whether anything of a request may have arrived when it fails. Returns what is to be called with later errors. */
function noticeGoing(call: ClientRequest, fail: (error: PeerGone) => void): (error: Error) => void {
  let connected = false;
  const told = (error: Error): void => fail(new PeerGone(connected, error.message));
  call.once('socket', (socket) => {
    if (!socket.connecting) {
      connected = true;
      return;
    }
    const limit = setTimeout(() => socket.destroy(new Error('no connection in time')), connectMs);
    socket.once('connect', () => {
      connected = true;
      clearTimeout(limit);
    });
    socket.once('close', () => clearTimeout(limit));
  });
  call.on('error', told);
  return told;
}

async function readAnswer(answer: IncomingMessage): Promise<PeerAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const headers: Record<string, string | undefined> = {};
  for (const [name, value] of Object.entries(answer.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : value;
  return {
    status: answer.statusCode as number,
    reason: answer.statusMessage ?? '',
    headers,
    body: Buffer.concat(chunks),
  };
}
