/**
 * A list, merged of those of several shards. By the making of jobs it goes by the second of the id, then by job number; else by due time,
 * then by job number. Behind a page the next begins at a place of its own in each shard.
 */
import { Refusal } from '../../domain/errors.js';
import { limits } from '../../domain/limits.js';
import type { ListPlace, ListQuery } from '../../store/queries-port.js';

/** A job of a list: where it stands, and what is to be shown of it. */
export interface Entry<Item> {
  /** In its shard. */
  readonly place: ListPlace;
  /** Number of the job. */
  readonly seq: number;
  readonly idSeconds: number;
  readonly item: Item;
}

/** What one shard has of a list, from some place on. It can be sent to another node as it is. */
export interface ShardPage<Item> {
  readonly shard: number;
  /** Jobs of the shard that match, on all pages. */
  readonly total: number;
  readonly entries: readonly Entry<Item>[];
  /** Behind this it begins. */
  readonly begin: ListPlace;
  /** The shard has more behind it. */
  readonly hasMore: boolean;
}

/** How a list goes. */
export type ListOrder = Pick<ListQuery, 'sort' | 'descending'>;

/** The page of a shard, and how much of it has been taken. */
interface Part<Item> {
  readonly page: ShardPage<Item>;
  taken: number;
}

/** @throws Refusal `validation_failed` when so many jobs cannot be left out: each node has to look at them all */
export function checkOffset({ offset, behind }: Pick<ListQuery, 'offset' | 'behind'>): void {
  if (behind !== undefined || offset <= limits.dueOffset) return;
  const message = `must be at most ${limits.dueOffset}: use cursor to go on`;
  throw new Refusal('validation_failed', `query.offset ${message}.`, [{ path: 'query.offset', message }]);
}

/** The place in one shard of a place in all. */
export function placeIn(behind: ListPlace | undefined, shard: number): ListPlace | undefined {
  return (
    behind?.places?.[shard] ?? (behind && { seq: behind.seq, ...(behind.due !== undefined && { due: behind.due }) })
  );
}

/** A place right before one: what comes since, in front of it, is not on the pages behind. Without one: nothing is behind it. */
export function placeBefore(place: ListPlace | undefined, { sort, descending = sort !== 'due' }: ListOrder): ListPlace {
  const step = descending ? 1 : -1;
  if (place !== undefined) return { ...place, seq: place.seq + step };
  const seq = descending || sort !== 'due' ? 0 : Number.MAX_SAFE_INTEGER;
  // JSON has no infinity.
  return sort === 'due' ? { seq, due: descending ? -Number.MAX_VALUE : Number.MAX_VALUE } : { seq };
}

/** See the head of this file. */
export class MergedList<Item> {
  readonly #order: ListOrder;
  readonly #descending: boolean;
  readonly #parts = new Map<number, Part<Item>>();
  /** How many shards there are in all. */
  readonly #shards: number;

  constructor(order: ListOrder, shards: number) {
    this.#order = order;
    this.#descending = order.descending ?? order.sort !== 'due';
    this.#shards = shards;
  }

  /** The first page of a shard, or the one behind what has been added of it. */
  add(page: ShardPage<Item>): void {
    const before = this.#parts.get(page.shard);
    const { total, begin, entries } = before?.page ?? { ...page, entries: [] };
    const whole = { ...page, total, begin, entries: [...entries, ...page.entries] };
    this.#parts.set(page.shard, { page: whole, taken: before?.taken ?? 0 });
  }

  /** Jobs that match. */
  get total(): number {
    let total = 0;
    for (const { page } of this.#parts.values()) total += page.total;
    return total;
  }

  /** There is a next one, as far as the pages go. */
  get hasMore(): boolean {
    for (const { page, taken } of this.#parts.values()) if (taken < page.entries.length || page.hasMore) return true;
    return false;
  }

  /** Shards of which nothing is left here, and that have more: which job is the next is not known without it. */
  get starved(): readonly number[] {
    const starved: number[] = [];
    for (const [shard, { page, taken }] of this.#parts)
      if (taken === page.entries.length && page.hasMore) starved.push(shard);
    return starved;
  }

  /** Where the pages that were added of a shard end. */
  endIn(shard: number): ListPlace {
    const page = this.#parts.get(shard)?.page;
    return page?.entries.at(-1)?.place ?? page?.begin ?? placeBefore(undefined, this.#order);
  }

  /** The next in order; undefined when there is none here. */
  take(): Entry<Item> | undefined {
    let first: Part<Item> | undefined;
    for (const part of this.#parts.values())
      if (part.taken < part.page.entries.length && (first === undefined || this.#comesBefore(part, first)))
        first = part;
    return first?.page.entries[first.taken++];
  }

  /** The next ones in order, at most `count`. */
  takeMany(count: number): Entry<Item>[] {
    const entries: Entry<Item>[] = [];
    while (entries.length < count) {
      const entry = this.take();
      if (entry === undefined) break;
      entries.push(entry);
    }
    return entries;
  }

  /** Where the next page begins. */
  place(): ListPlace {
    const places: ListPlace[] = Array.from({ length: this.#shards }, () => placeBefore(undefined, this.#order));
    for (const [shard, { page, taken }] of this.#parts) places[shard] = page.entries[taken - 1]?.place ?? page.begin;
    return { seq: 0, places };
  }

  /** What has been taken, as pages of its shards. */
  taken(): ShardPage<Item>[] {
    return [...this.#parts.values()].map(({ page, taken }) => ({
      ...page,
      entries: page.entries.slice(0, taken),
      hasMore: page.hasMore || taken < page.entries.length,
    }));
  }

  #comesBefore(a: Part<Item>, b: Part<Item>): boolean {
    const [x, y] = [a.page.entries[a.taken] as Entry<Item>, b.page.entries[b.taken] as Entry<Item>];
    const order =
      this.#order.sort === 'due'
        ? (x.place.due as number) - (y.place.due as number) || x.seq - y.seq
        : x.idSeconds - y.idSeconds || x.seq - y.seq;
    return this.#descending ? order > 0 : order < 0;
  }
}
