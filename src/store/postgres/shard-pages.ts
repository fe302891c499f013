/**
 * The pages of one shard, as its owner writes them: one slice after the other, each behind the one before it, and sent until the database
 * has said what became of it. Behind a merge the log is trimmed.
 */
import type { IndexPages } from '../trees/local-index.js';
import type { Database, PageSlice, RandomId, ShardLease } from './database.js';
import { type LastRecord, newRandomId } from './shard-log.js';
import { UntilKnown, type UntilKnownPorts } from './until-known.js';

/** Records that one statement drops. */
const trimmedAtOnce = 64;
/** How long is waited where the database takes no pages. */
const retryMs = 250;

export interface ShardPagesPorts extends UntilKnownPorts {
  readonly database: Pick<Database, 'writePages' | 'trim' | 'endBackends'>;
  readonly randomId?: () => RandomId;
}

export class ShardPages {
  readonly #ports: ShardPagesPorts;
  readonly #lease: ShardLease;
  readonly #sender: UntilKnown;
  #previous: RandomId | null;

  /** @param lastSlice of the pages as they were loaded under this lease */
  constructor(ports: ShardPagesPorts, lease: ShardLease, lastSlice: RandomId | null) {
    this.#ports = ports;
    this.#lease = lease;
    this.#previous = lastSlice;
    this.#sender = new UntilKnown(ports);
  }

  /** The last slice that is known to be there; null before the first. */
  get lastSlice(): RandomId | null {
    return this.#previous;
  }

  /**
   * One at a time. Never rejects; takes as long as the database does not take them.
   *
   * @param last the last record that is known to be there: the pages have nothing of one behind it
   */
  async write(
    { puts, merged, trimBefore }: IndexPages,
    last: LastRecord,
  ): Promise<'done' | 'fenced' | 'rewound' | 'dropped'> {
    const { database } = this.#ports;
    if (puts.length > 0) {
      const id = this.#ports.randomId?.() ?? newRandomId();
      const slice: PageSlice = {
        lease: this.#lease,
        id,
        previous: this.#previous,
        last: last.id === null ? null : { position: last.position, id: last.id },
        changes: puts,
        ...(merged !== undefined && { merged }),
      };
      const end = await this.#insist(() => database.writePages(slice));
      if (end !== 'done') return end;
      this.#previous = id;
    }
    if (trimBefore === undefined) return 'done';
    for (;;) {
      const trimmed = await this.#insist(() => database.trim(this.#lease, trimBefore, trimmedAtOnce));
      if (trimmed === 'fenced' || trimmed === 'dropped') return trimmed;
      if (trimmed < trimmedAtOnce) return 'done';
    }
  }

  /** Nothing is sent any more; what was sent may be carried out yet. */
  drop(): void {
    this.#sender.drop();
  }

  /** Nobody waits for pages: what is refused is sent again. */
  async #insist<T>(statement: () => Promise<T>): Promise<T | 'dropped'> {
    for (;;) {
      const known = await this.#sender.send(statement);
      if (known.end === 'known') return known.said;
      if (known.end === 'dropped') return 'dropped';
      await this.#ports.pause(retryMs);
    }
  }
}
