/**
 * The headers that the server looks at, taken in one pass over the request. One object serves all requests, since it is
 * only read before the route has returned; what must live longer is copied out of it.
 */
import { peerHeaders } from '../../cluster/peers.js';
import type { HttpRequest } from './http-port.js';

export class RequestHead {
  host: string | undefined;
  contentLength: string | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  transferEncoding: string | undefined;
  /** Names of fields that are to follow a body in chunks. */
  trailer: string | undefined;
  origin: string | undefined;
  authorization: string | undefined;
  idempotencyKey: string | undefined;
  /** All its lines: it is a list (RFC 7240). */
  prefer: string | undefined;
  lastEventId: string | undefined;
  /** What the answer may be compressed by. */
  acceptEncoding: string | undefined;
  /** Of a node that asks another: which it means, and what proves that it is one. */
  peerNode: string | undefined;
  peerSecret: string | undefined;
  /** And of which of its shards it wants to know. */
  peerShards: string | undefined;
  /** Asked for by a preflight. */
  requestedMethod: string | undefined;
  /** A header of these that came more than once: whoever is in front of us may have read the other one. */
  repeated: string | undefined;

  /** True when the head announces a body, even an empty one in chunks. */
  get hasBody(): boolean {
    return this.transferEncoding !== undefined || (this.contentLength !== undefined && this.contentLength !== '0');
  }

  /** Replaces what was here by the headers of `req`. */
  read(req: HttpRequest): this {
    this.host = undefined;
    this.contentLength = undefined;
    this.contentType = undefined;
    this.contentEncoding = undefined;
    this.transferEncoding = undefined;
    this.trailer = undefined;
    this.origin = undefined;
    this.authorization = undefined;
    this.idempotencyKey = undefined;
    this.prefer = undefined;
    this.lastEventId = undefined;
    this.acceptEncoding = undefined;
    this.peerNode = undefined;
    this.peerSecret = undefined;
    this.peerShards = undefined;
    this.requestedMethod = undefined;
    this.repeated = undefined;
    req.forEach(this.#see);
    return this;
  }

  readonly #see = (name: string, value: string): void => {
    switch (name) {
      case 'host':
        if (this.host !== undefined) this.repeated = name;
        this.host = value;
        break;
      case 'content-length':
        if (this.contentLength !== undefined) this.repeated = name;
        this.contentLength = value;
        break;
      case 'content-type':
        if (this.contentType !== undefined) this.repeated = name;
        this.contentType = value;
        break;
      case 'content-encoding':
        if (this.contentEncoding !== undefined) this.repeated = name;
        this.contentEncoding = value;
        break;
      case 'transfer-encoding':
        if (this.transferEncoding !== undefined) this.repeated = name;
        this.transferEncoding = value;
        break;
      case 'trailer':
        this.trailer = value;
        break;
      case 'origin':
        if (this.origin !== undefined) this.repeated = name;
        this.origin = value;
        break;
      case 'authorization':
        if (this.authorization !== undefined) this.repeated = name;
        this.authorization = value;
        break;
      case 'idempotency-key':
        if (this.idempotencyKey !== undefined) this.repeated = name;
        this.idempotencyKey = value;
        break;
      case 'prefer':
        this.prefer = this.prefer === undefined ? value : `${this.prefer},${value}`;
        break;
      case 'last-event-id':
        if (this.lastEventId !== undefined) this.repeated = name;
        this.lastEventId = value;
        break;
      case 'accept-encoding':
        this.acceptEncoding = value;
        break;
      case peerHeaders.node:
        this.peerNode = value;
        break;
      case peerHeaders.secret:
        this.peerSecret = value;
        break;
      case peerHeaders.shards:
        this.peerShards = value;
        break;
      case 'access-control-request-method':
        this.requestedMethod = value;
        break;
    }
  };
}
