/**
 * Shards that this node could not load, or go on with: their jobs would wait here for ever, though it lives. It tells the others, who take
 * them (`Ownerships`), and takes none of them itself for a while: longer each time, since another node need not be there, or do better.
 */

import { UnreadableRecord } from '../../store/port.js';
import { UnknownEnd } from '../../store/postgres/database.js';

/** What a node says of a shard that it has given up. */
export interface GivenUpShard {
  /** The epoch under which it had it. */
  readonly epoch: number;
  /** A part of a sentence, for users. Nothing of the machine is in it. */
  readonly reason: string;
}

/** For how long it is left to others, in milliseconds; twice as long each time, up to the last. */
const times = { first: 5000, last: 30_000, forgottenAfter: 600_000 } as const;

/** What waiting may mend is tried so often before a shard is given up. */
const mostTries = 3;

interface Noted extends GivenUpShard {
  readonly forMs: number;
  /** Until when, monotonic milliseconds. */
  readonly until: number;
}

/** See the head of this file. */
export class GivenUp {
  readonly #now: () => number;
  readonly #noted = new Map<number, Noted>();

  /** @param now monotonic milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param epoch under which this node had it; 0: it did not */
  add(shard: number, epoch: number, reason: string): void {
    const now = this.#now();
    const before = this.#noted.get(shard);
    const isNew = before === undefined || now - before.until > times.forgottenAfter;
    const forMs = isNew ? times.first : Math.min(times.last, before.forMs * 2);
    this.#noted.set(shard, { epoch, reason, forMs, until: now + forMs });
  }

  /** It is not to be taken yet. */
  has(shard: number): boolean {
    return (this.#noted.get(shard)?.until ?? Number.NEGATIVE_INFINITY) > this.#now();
  }

  /** For the others: those that it leaves to them just now. */
  get all(): Readonly<Record<number, GivenUpShard>> {
    const all: Record<number, GivenUpShard> = {};
    for (const [shard, { epoch, reason }] of this.#noted) if (this.has(shard)) all[shard] = { epoch, reason };
    return all;
  }
}

/** Whether a shard is to be given up that could not be loaded. @param tries how often it was tried in a row */
export function isHopeless(error: unknown, tries: number): boolean {
  if (error instanceof UnreadableRecord) return true;
  return !(error instanceof UnknownEnd) && tries >= mostTries;
}

/** Why a shard could not be loaded, as the others hear it. Messages of the system may name files of this machine. */
export function reasonOf(error: unknown): string {
  if (error instanceof UnreadableRecord) return `${error.what} ${error.how}`;
  return 'it could not be loaded; the log of that node says why';
}
