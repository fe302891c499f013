/**
 * Names into addresses at the moment of connecting: there, and nowhere before, it shows where a request goes. Whoever owns a
 * name can change its address at any time (DNS rebinding).
 */
import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { LRUCache } from 'lru-cache';
import { isPublic } from './addresses.js';

export interface Address {
  readonly address: string;
  readonly family: number;
}

/** A name has no address that may be connected to. */
export class NotPublic extends Error {
  override readonly name = 'NotPublic';
}

/** Names that are kept, and for how long: a burst to one host asks the system once, which answers two at a time. */
const keptNames = 1000;
const keptMs = 1000;

/**
 * Looks names up for sockets.
 *
 * @param system asks the system; its addresses may differ from call to call
 */
export class Lookups {
  readonly #cache: LRUCache<string, readonly Address[]>;

  constructor(
    system: (name: string) => Promise<readonly Address[]> = (name) => systemLookup(name, { all: true }),
    ttlMs = keptMs,
  ) {
    this.#cache = new LRUCache({ max: keptNames, ttl: ttlMs, fetchMethod: (name) => system(name) });
  }

  /** For a socket that may connect to any address. */
  readonly open: LookupFunction = (name, options, callback) => this.#look(name, options.all, callback, () => true);

  /** For a socket that may connect to public addresses only: others are as if the name did not have them. */
  readonly guarded: LookupFunction = (name, options, callback) =>
    this.#look(name, options.all, callback, ({ address }) => isPublic(address));

  #look(
    name: string,
    all: boolean | undefined,
    callback: Parameters<LookupFunction>[2],
    may: (address: Address) => boolean,
  ): void {
    this.#cache.fetch(name).then(
      (found) => {
        const addresses = (found ?? []).filter(may);
        const [first] = addresses;
        if (first === undefined) callback(new NotPublic(name), []);
        else if (all === true) callback(null, addresses as { address: string; family: number }[]);
        else callback(null, first.address, first.family);
      },
      (error: NodeJS.ErrnoException) => callback(error, []),
    );
  }
}
