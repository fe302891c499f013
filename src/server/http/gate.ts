/**
 * Who may ask at all, decided from the headers before any route runs: requests that could be read in two ways, hosts that
 * are not ours (DNS rebinding), a missing token, and pages of other sites.
 */
import { isIP } from 'node:net';
import type { Sender } from '../../cluster/peers.js';
import { Refusal } from '../../domain/errors.js';
import type { RequestHead } from './request-head.js';
import type { Access, Tokens } from './tokens.js';

export interface GateSettings {
  readonly tokens: Tokens;
  /** Host names, without port. */
  readonly allowedHosts: readonly string[];
  /** Origins as browsers send them; `null` only if listed. */
  readonly corsOrigins: readonly string[];
  /** The server can be reached from this machine only. */
  readonly loopback: boolean;
  /** Bodies in chunks are taken; default true. */
  readonly chunked?: boolean;
  /** Whether another node of the cluster asks; absent: there is none. */
  readonly senderOf?: ((head: Pick<RequestHead, 'peerNode' | 'peerSecret'>) => Sender) | undefined;
  /** Whoever reads the requests reads trailers to their end; default false. */
  readonly trailers?: boolean;
}

/** A request as the gate sees it. */
export interface GateRequest {
  /** The request changes something: a token for reading does not do. */
  readonly changes: boolean;
  /** It changes something, or opens a WebSocket: pages of other sites may not. */
  readonly guarded: boolean;
  /** Needs no token. */
  readonly open: boolean;
  /** A token that came by another way than `Authorization`. */
  readonly token?: string | undefined;
}

export class Gate {
  readonly #settings: GateSettings;
  readonly #hosts: ReadonlySet<string>;
  readonly #origins: ReadonlySet<string>;
  /** Nearly all requests name the same host. */
  #knownHost: string | undefined;

  constructor(settings: GateSettings) {
    this.#settings = settings;
    this.#hosts = new Set(['localhost', ...settings.allowedHosts.map((host) => host.toLowerCase())]);
    this.#origins = new Set(settings.corsOrigins);
  }

  /** Answers differ by origin, which caches must know. */
  get variesByOrigin(): boolean {
    return this.#origins.size > 0;
  }

  /** Why the connection cannot be trusted to be in step with us, or undefined. It must be closed then. */
  framing(head: RequestHead): Refusal | undefined {
    if (head.repeated !== undefined) {
      return new Refusal('validation_failed', `The header ${head.repeated} came more than once.`);
    }
    // Where trailers are not read, that is found out behind the body, when the request has had its effect.
    if (head.trailer !== undefined && this.#settings.trailers !== true) {
      return new Refusal(
        'validation_failed',
        'Trailers are not understood: leave out the header Trailer and what it names.',
      );
    }
    if (head.transferEncoding === undefined) {
      if (head.contentLength === undefined || /^\d{1,15}$/.test(head.contentLength)) return undefined;
      return new Refusal('validation_failed', 'Content-Length is not a number of bytes.');
    }
    if (this.#settings.chunked === false) {
      return new Refusal(
        'length_required',
        'This server takes no bodies in chunks (--no-chunked): send Content-Length in place of Transfer-Encoding.',
      );
    }
    if (head.contentLength !== undefined) {
      return new Refusal('validation_failed', 'Content-Length and Transfer-Encoding came together; send one of them.');
    }
    if (head.transferEncoding.toLowerCase() === 'chunked') return undefined;
    return new Refusal('validation_failed', 'The only Transfer-Encoding that is understood is chunked.');
  }

  /** Whether a client asks, or another node of the cluster. */
  senderOf(head: RequestHead): Sender {
    if (head.peerSecret === undefined) return 'client';
    return this.#settings.senderOf?.(head) ?? 'client';
  }

  /** What its sender may do, or why the request is turned away. */
  check(head: RequestHead, request: GateRequest): Access | Refusal {
    const { tokens } = this.#settings;
    let access: Access = 'full';
    if (tokens.isEmpty) {
      if (!this.#isOurs(head.host)) {
        return new Refusal(
          'misdirected_host',
          'The Host header names another host; --allowed-host makes this server answer for it.',
        );
      }
    } else {
      const given = tokenOf(head, request.token);
      access = given === undefined ? 'none' : tokens.accessOf(given);
      if (access === 'none' && !request.open) {
        return new Refusal(
          'unauthorized',
          'Send the header "Authorization: Bearer <token>" with a token that the server was started with.',
        );
      }
      if (access === 'read' && request.changes) {
        return new Refusal(
          'forbidden',
          'This token may only read: GET, HEAD and /ws. Send one that the server has as --token, or in its --token-file.',
        );
      }
      // A page that knows a token was given it.
      if (access !== 'none') return access;
    }
    if (request.guarded && head.origin !== undefined && !this.#mayAct(head.origin, head.host)) {
      return new Refusal('forbidden', 'Pages of this origin may not do this; --cors-origin allows them to.');
    }
    return access;
  }

  /** True when pages of this origin may read answers. */
  mayRead(origin: string): boolean {
    return this.#origins.has(origin);
  }

  #isOurs(host: string | undefined): boolean {
    if (host === undefined) return false;
    if (host === this.#knownHost) return true;
    const name = hostName(host);
    const ours = name !== undefined && (this.#hosts.has(name) || isIP(name) !== 0);
    if (ours) this.#knownHost = host;
    return ours;
  }

  #mayAct(origin: string, host: string | undefined): boolean {
    if (this.#origins.has(origin)) return true;
    const match = /^https?:\/\/([^/]+)$/.exec(origin.toLowerCase());
    if (!match) return false;
    if (match[1] === host?.toLowerCase()) return true;
    const name = hostName(match[1] as string);
    return this.#settings.loopback && name !== undefined && isLoopback(name);
  }
}

/**
 * The token that a request brings, undefined where there is none.
 *
 * @param other one that came by another way than `Authorization`, and goes before that
 */
export function tokenOf({ authorization }: Pick<RequestHead, 'authorization'>, other?: string): string | undefined {
  if (other !== undefined) return other;
  return authorization === undefined ? undefined : /^bearer +([^ ].*)$/i.exec(authorization)?.[1];
}

/** The name in a Host header, lower case, brackets and port taken off; undefined when it is none. */
export function hostName(host: string): string | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:@/?#[\]\s]+))(?::\d{0,5})?$/.exec(host.toLowerCase());
  return match?.[1] ?? match?.[2];
}

/** True for addresses and names that only this machine can reach. */
export function isLoopback(name: string): boolean {
  if (name === 'localhost' || name === '::1' || name === '::ffff:127.0.0.1') return true;
  return isIP(name) === 4 && name.startsWith('127.');
}
