/** The other nodes of a cluster, as the server asks them. Types only, but for the error. */

import type { Name } from './keys/names.js';

/** Another node. */
export interface Peer {
  /** Its random id: a request names it, so that a node that has taken its address does not answer for it. */
  readonly node: string;
}

export interface PeerRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer | undefined;
  /** How long its answer may take, in milliseconds. A node that is dead by then, or has left, is not waited for. */
  readonly withinMs: number;
  /** Aborted when nobody waits for the answer any more. */
  readonly signal?: AbortSignal | undefined;
}

export interface PeerAnswer {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** Where a node is reached, for a connection that is kept: a WebSocket, or a stream. */
export interface Reach {
  /** Its origin. */
  readonly url: string;
  /** What proves that a node asks, and says which one it means. */
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Who sends a request. `astray`: a node of the cluster that means another one, such as the one that this process was before its lease ended.
 * If it were taken for a client's it would be passed on again, and so on without end.
 */
export type Sender = 'client' | 'peer' | 'astray';

/** Who has which jobs, and how they are asked. */
export interface Peers {
  /** How many shards the cluster has. */
  readonly shards: number;
  /** The other nodes whose beats move. */
  readonly living: readonly Peer[];
  /** Who owns a shard; undefined: nobody does just now. `here`: it is open, and under a lease that lives at this moment. */
  ownerOfShard(shard: number): 'here' | Peer | undefined;
  /** What a shard is held by at this moment, another for each taking; undefined: it is not `here`. */
  leaseOf(shard: number): string | undefined;
  /** Of a shard that is `here`: what its numbers of events count in, another after each loss of commits. */
  timelineOf(shard: number): number;
  /** The last event of a shard that is `here` when it was opened: numbers behind it may stand for other events than under an earlier lease. */
  openedBehind(shard: number): number;
  /** Undefined: its beat does not move, and it is not to be called. */
  reach(peer: Peer): Reach | undefined;
  /** Who owns the shard of a job; undefined: nobody does just now. An id that is none is answered here. */
  ownerOf(id: string): 'here' | Peer | undefined;
  /**
   * The shard that holds a name, the first of these that is held; undefined: none is, or the database does not say so within half a second.
   * Such an answer is no promise: who decides a request looks again.
   */
  holderOf(names: readonly Name[]): Promise<number | undefined>;
  /** @throws PeerGone */
  ask(peer: Peer, request: PeerRequest): Promise<PeerAnswer>;
  /** Reads anew who owns what. Resolves after half a second at the latest: what the database says later than that holds from then on. */
  renew(): Promise<void>;
  senderOf(head: { readonly peerSecret: string | undefined; readonly peerNode: string | undefined }): Sender;
}

/** What nodes tell each other of attempts whose shards have moved. Messages are JSON texts of `moves/`. */
export interface PeerAttempts {
  /**
   * How attempts of a shard of this node ended elsewhere. Resolves false when this node cannot take it; it is to be told again then.
   */
  ended(message: string): Promise<boolean>;
  /** Attempts here are to end. */
  abort(message: string): void;
  /** Which attempts are here, or have ended here without their owner's knowledge. Returns the answer. */
  has(message: string): string;
  /** What attempts of a shard of this node say, which run elsewhere. Returns false when this node cannot take it; it is to be told again then. */
  say(message: string): boolean;
}

/** What nodes tell each other of places of types with limits. Messages are JSON texts of `FreedPlaces`. */
export interface PeerPlaces {
  /** Something is free here. */
  heard(message: string): void;
}

/** Where these are told. */
export const peerPaths = {
  ended: '/api/v1/peers/attempts/ended',
  abort: '/api/v1/peers/attempts/abort',
  say: '/api/v1/peers/attempts/say',
  has: '/api/v1/peers/attempts/has',
  freed: '/api/v1/peers/places/freed',
} as const;

/** There was no answer. `sent`: the request may have taken effect. */
export class PeerGone extends Error {
  override readonly name = 'PeerGone';
  constructor(
    readonly sent: boolean,
    message: string,
  ) {
    super(message);
  }
}

/** The header that names the node that is meant, the one that proves that a node asks, and the one that says of which shards, by comma. */
export const peerHeaders = { node: 'escapement-node', secret: 'escapement-peer', shards: 'escapement-shards' } as const;
