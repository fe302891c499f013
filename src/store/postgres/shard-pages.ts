/**
 * The pages of one shard, as its owner writes them: one slice after the other, each sent until the database has said what became of it,
 * since a slice that is carried out late would bring old pages back. Behind a merge the log is trimmed.
 */
import type { IndexPages } from '../trees/local-index.js';
import type { Database, ShardLease } from './database.js';
import { UntilKnown, type UntilKnownPorts } from './until-known.js';

/** Records that one statement drops. */
const trimmedAtOnce = 64;
/** How long is waited where the database takes no pages. */
const retryMs = 250;

export interface ShardPagesPorts extends UntilKnownPorts {
  readonly database: Pick<Database, 'writePages' | 'trim' | 'endBackends'>;
}

export class ShardPages {
  readonly #ports: ShardPagesPorts;
  readonly #lease: ShardLease;
  readonly #sender: UntilKnown;

  constructor(ports: ShardPagesPorts, lease: ShardLease) {
    this.#ports = ports;
    this.#lease = lease;
    this.#sender = new UntilKnown(ports);
  }

  /** One at a time. Never rejects; takes as long as the database does not take them. */
  async write({ puts, merged, trimBefore }: IndexPages): Promise<'done' | 'fenced' | 'dropped'> {
    const { database } = this.#ports;
    if (puts.length > 0) {
      const slice = { lease: this.#lease, changes: puts, ...(merged !== undefined && { merged }) };
      const end = await this.#insist(() => database.writePages(slice));
      if (end !== 'done') return end;
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
