/**
 * Shards of which the database has lost commits that it had confirmed, until somebody has begun a new timeline of them. Whoever notices asks
 * for that, with each look until it is there. What several nodes notice, one of them begins.
 */
import type { Database, ShardRow } from '../../store/postgres/database.js';

export interface LossesPorts {
  readonly database: Pick<Database, 'beginTimeline'>;
  /** A loss is noticed: for the log. */
  readonly rewound: (row: ShardRow) => void;
}

interface Loss {
  /** The row that it was noticed by. One that is later and of another timeline shows that somebody else has begun that. */
  readonly row: ShardRow;
  /** A new timeline is asked for just now. */
  isAsked: boolean;
}

export class Losses {
  readonly #ports: LossesPorts;
  readonly #losses = new Map<number, Loss>();

  constructor(ports: LossesPorts) {
    this.#ports = ports;
  }

  /** There is none. */
  get isEmpty(): boolean {
    return this.#losses.size === 0;
  }

  has(shard: number): boolean {
    return this.#losses.has(shard);
  }

  /** @param row of the shard, by which it was noticed */
  notice(row: ShardRow): void {
    const loss = this.#losses.get(row.shard);
    if (loss === undefined) this.#ports.rewound(row);
    this.#losses.set(row.shard, { row, isAsked: loss?.isAsked ?? false });
  }

  /** Whether it has lost commits, and nobody has begun a new timeline of it. @param row as it is now */
  isLost(row: ShardRow): boolean {
    const loss = this.#losses.get(row.shard);
    if (loss === undefined) return false;
    const isBegun = row.epoch > loss.row.epoch && row.timeline !== loss.row.timeline;
    if (isBegun) this.#losses.delete(row.shard);
    return !isBegun;
  }

  /** Begins a new timeline, unless that is under way. Refused or not known, it is tried with the next look. */
  async begin({ shard, token }: ShardRow): Promise<void> {
    const loss = this.#losses.get(shard);
    if (loss === undefined || loss.isAsked) return;
    loss.isAsked = true;
    const isBegun = await this.#ports.database.beginTimeline(shard, token).catch(() => false);
    const after = this.#losses.get(shard);
    if (after === loss && isBegun) this.#losses.delete(shard);
    else if (after !== undefined) after.isAsked = false;
  }
}
