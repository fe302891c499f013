/**
 * The newest row of each shard that this process has seen, whoever owns it. Epochs only grow, and each is of one token: a row that falls
 * behind shows that the database has lost commits, the taking of the shard or its last timeline among them.
 */
import type { ShardRow } from '../../store/postgres/database.js';

interface Newest {
  readonly row: ShardRow;
  /** What was asked for before this was numbered may be older. */
  readonly mark: number;
}

export class NewestRows {
  readonly #newest = new Map<number, Newest>();
  readonly #mark: () => number;

  /** @param mark numbers what happens */
  constructor(mark: () => number) {
    this.#mark = mark;
  }

  /**
   * Takes note of a row.
   *
   * @param askedAt the mark of when it was asked for; absent: it was just made by this node
   * @returns whether it has fallen behind; said once
   */
  hasFallenBack(row: ShardRow, askedAt = Number.POSITIVE_INFINITY): boolean {
    const newest = this.#newest.get(row.shard);
    if (newest !== undefined && askedAt < newest.mark) return false;
    this.#newest.set(row.shard, { row, mark: this.#mark() });
    if (newest === undefined || row.token === newest.row.token) return false;
    return row.epoch <= newest.row.epoch;
  }
}
