/** The other nodes of a cluster, as the server asks them. Types only, but for the error. */

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
  /** Aborted when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
}

export interface PeerAnswer {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** Who has which jobs, and how they are asked. */
export interface Peers {
  /** Who owns the shard of a job; undefined: nobody does just now. An id that is none is answered here. */
  ownerOf(id: string): 'here' | Peer | undefined;
  /** @throws PeerGone */
  ask(peer: Peer, request: PeerRequest): Promise<PeerAnswer>;
  /** Reads anew who owns what. */
  renew(): Promise<void>;
  /** Whether a request comes from another node of the cluster, and means this one. */
  isPeer(head: { readonly peerSecret: string | undefined; readonly peerNode: string | undefined }): boolean;
}

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

/** The header that names the node that is meant, and the one that proves that a node asks. */
export const peerHeaders = { node: 'escapement-node', secret: 'escapement-peer' } as const;
