/**
 * The log of one shard, as its owner appends to it. At most one record is in flight. One that was sent is never changed, dropped or
 * refused until the database has said what became of it: where nothing is known, the very same bytes are sent again under the same id.
 * Each record names the one before it, so that a log which has lost its end does not take what would follow that.
 */
import { randomBytes } from 'node:crypto';
import type { Append, Claim, Database, RandomId, ShardLease } from './database.js';
import { UntilKnown, type UntilKnownPorts } from './until-known.js';

/** The last record of a log, or where it begins. */
export interface LastRecord {
  /** 0: there is none. */
  readonly position: number;
  readonly id: RandomId | null;
}

export const emptyLog: LastRecord = { position: 0, id: null };

/** A record that is to be appended. */
export interface NewRecord {
  /** Behind the last one. */
  readonly position: number;
  readonly bytes: (id: RandomId) => Uint8Array;
  readonly claims?: readonly Claim[];
  readonly released?: Append['released'];
  /** The node that the shard is given to with it: it is the last of this owner. */
  readonly giveTo?: RandomId | undefined;
}

/**
 * `done`: it is there. `claimed`, `refused`: it is not, and another may be appended in its place. All others are for good: `fenced`:
 * another owns the shard; `rewound`: the database has lost records; `dropped`: this log was given up while nothing was known.
 */
export type AppendEnd =
  | { readonly end: 'done' | 'fenced' | 'rewound' | 'dropped' }
  | { readonly end: 'claimed'; readonly by: readonly Claim[] }
  | { readonly end: 'refused'; readonly message: string };

export interface ShardLogPorts extends UntilKnownPorts {
  readonly database: Pick<Database, 'append' | 'endBackends'>;
  readonly randomId?: () => RandomId;
}

export class ShardLog {
  readonly #ports: ShardLogPorts;
  readonly #lease: ShardLease;
  readonly #sender: UntilKnown;
  #last: LastRecord;
  #isInFlight = false;
  /** How it came to its end. */
  #over: AppendEnd | undefined;

  /** @param last what the log ends with, read under this lease */
  constructor(ports: ShardLogPorts, lease: ShardLease, last: LastRecord) {
    this.#ports = ports;
    this.#lease = lease;
    this.#last = last;
    this.#sender = new UntilKnown(ports);
  }

  /** The last record that the database is known to have. */
  get last(): LastRecord {
    return this.#last;
  }

  /** Nothing is appended any more. */
  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** One at a time. Never rejects; takes as long as the database cannot say what became of it. */
  async append({ position, bytes, claims = [], released = [], giveTo }: NewRecord): Promise<AppendEnd> {
    if (this.#over) return this.#over;
    if (this.#isInFlight) throw new Error('a record is in flight');
    if (position !== this.#last.position + 1)
      throw new RangeError(`record ${position} does not follow record ${this.#last.position}`);
    const id = this.#ports.randomId?.() ?? newRandomId();
    const row = { position, id, previous: this.#last.id, bytes: bytes(id) };
    this.#isInFlight = true;
    const known = await this.#sender.send(() =>
      this.#ports.database.append({ lease: this.#lease, row, claims, released, giveTo }),
    );
    this.#isInFlight = false;
    // It may have been dropped between its end and now: whoever took the shard knows better what is there.
    if (this.#over) return this.#over;
    if (known.end === 'dropped') return this.#end({ end: 'dropped' });
    if (known.end === 'refused') return { end: 'refused', message: known.error.message };
    const { said } = known;
    switch (said.end) {
      case 'done':
        this.#last = { position, id };
        if (giveTo !== undefined) this.#end({ end: 'fenced' });
        return said;
      case 'claimed':
        return said;
      case 'fenced':
      case 'rewound':
        return this.#end({ end: said.end });
      default:
        return said satisfies never;
    }
  }

  /** Gives it up: whoever waits hears `dropped`. What was sent may be there, or may be yet. */
  drop(): void {
    this.#over ??= { end: 'dropped' };
    this.#sender.drop();
  }

  #end(how: AppendEnd): AppendEnd {
    this.#over = how;
    this.#sender.drop();
    return how;
  }
}

export function newRandomId(): RandomId {
  return randomBytes(16).toString('hex');
}
