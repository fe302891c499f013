/**
 * A search for a text, merged of those of several nodes, which come differently far in the time that they look. What lies behind the
 * first place at which one of them had to end is left to the next page.
 */
import type { ListPlace } from '../../store/queries-port.js';

/** A place in a search, in order: right behind a job that was looked at. */
export interface Mark<Item> {
  /** Number of that job. */
  readonly seq: number;
  readonly idSeconds: number;
  /** What is shown of it; null: it does not have the text. */
  readonly item: Item | null;
  /** Where the search goes on behind it, by shard. Only those count that the node was asked for. */
  readonly places: readonly ListPlace[];
}

/** What the shards of one node have. It can be sent to another as it is. */
export interface SearchPart<Item> {
  readonly marks: readonly Mark<Item>[];
  /** Where it began, by shard. */
  readonly begin: readonly ListPlace[];
  /** Jobs that were looked at. */
  readonly scanned: number;
  /** All have been looked at; else up to the last of the marks. */
  readonly isWhole: boolean;
}

/** Such a part, and what it is of. */
export interface AskedPart<Item> extends SearchPart<Item> {
  readonly shards: readonly number[];
}

interface Search {
  readonly descending: boolean;
  readonly limit: number;
}

/** @param shards how many there are in all */
export function mergedSearch<Item>(
  parts: readonly AskedPart<Item>[],
  { descending, limit }: Search,
  shards: number,
): { readonly items: readonly Item[]; readonly scanned: number; readonly next?: ListPlace } {
  const order = (a: Mark<Item>, b: Mark<Item>): number =>
    (a.idSeconds - b.idSeconds || a.seq - b.seq) * (descending ? -1 : 1);
  const ends = parts.flatMap(({ marks, isWhole }) => (isWhole ? [] : marks.slice(-1))).sort(order);
  const found = parts
    .flatMap(({ marks }) => marks)
    .filter(({ item }) => item !== null)
    .sort(order);
  const full = found.length > limit ? found[limit - 1] : undefined;
  const last = [...ends.slice(0, 1), ...(full ? [full] : [])].sort(order)[0];
  const shown = last === undefined ? found : found.filter((mark) => order(mark, last) <= 0);
  const items = shown.map(({ item }) => item as Item);
  const scanned = parts.reduce((sum, part) => sum + part.scanned, 0);
  if (last === undefined) return { items, scanned };
  const places = Array.from({ length: shards }, (): ListPlace => ({ seq: 0 }));
  for (const { marks, begin, shards: own } of parts) {
    const reached = marks.findLast((mark) => order(mark, last) <= 0)?.places ?? begin;
    for (const shard of own) places[shard] = reached[shard] as ListPlace;
  }
  return { items, scanned, next: { seq: 0, places } };
}
