/**
 * What clients may have been told under each timeline: of one timeline, a number stands for one event as long as the database lives. Records
 * stand for events here. Whoever was away comes back with a timeline and a number, and must never take another event for the one it heard.
 */
import type { LogRow, RandomId, ShardRow } from '../../../src/store/postgres/database.js';

/** Something that the database has lost, and who has it and is to notice. */
interface Loss {
  readonly shard: number;
  readonly ids: ReadonlySet<RandomId>;
  readonly witness: object | undefined;
}

export class Told {
  /** By shard, timeline and position. */
  readonly #ids = new Map<string, RandomId>();
  #losses: Loss[] = [];

  /** A node has this record under this lease. @returns what does not hold */
  tell({ shard, timeline }: ShardRow, { position, id }: LogRow): string | undefined {
    const place = `${shard} ${timeline} ${position}`;
    const before = this.#ids.get(place);
    this.#ids.set(place, before ?? id);
    if (before === undefined || before === id) return undefined;
    return `record ${position} of shard ${shard} is another one than was told under timeline ${timeline}`;
  }

  /** The database has lost records. @param witness who has them open, and runs; without anybody nothing is promised */
  lost(shard: number, records: readonly LogRow[], witness: object | undefined): void {
    const loss = { shard, ids: new Set(records.map(({ id }) => id)), witness };
    if (witness === undefined) this.#excuse(loss);
    else this.#losses.push(loss);
  }

  /** The shard has a new timeline: nothing of the old one is told any more. */
  renewed(shard: number): void {
    this.#losses = this.#losses.filter((loss) => loss.shard !== shard);
  }

  /** Who was to notice is gone, or stands still, before the shard has a new timeline. @param only the one that it has given up */
  gone(witness: object, only?: number): void {
    const isOver = (loss: Loss): boolean => loss.witness === witness && (only === undefined || loss.shard === only);
    for (const loss of this.#losses) if (isOver(loss)) this.#excuse(loss);
    this.#losses = this.#losses.filter((loss) => !isOver(loss));
  }

  /** Nothing is promised of what was told of a shard so far. */
  excuse(shard: number): void {
    for (const place of this.#ids.keys()) if (place.startsWith(`${shard} `)) this.#ids.delete(place);
    this.renewed(shard);
  }

  #excuse({ shard, ids }: Loss): void {
    for (const [place, id] of this.#ids) if (place.startsWith(`${shard} `) && ids.has(id)) this.#ids.delete(place);
  }
}
