/** `GET /jobs` over all nodes: their pages and searches as parts that nodes send each other, and as one. */
import { checkOffset, type Entry, MergedList, type ShardPage } from '../../cluster/gathering/merged-list.js';
import { type AskedPart, mergedSearch, type SearchPart } from '../../cluster/gathering/merged-search.js';
import type { Job } from '../../domain/job.js';
import type { ListPlace, ListQuery, SearchQuery, Steps } from '../../store/queries-port.js';
import type { Exchange } from '../http/exchange.js';
import type { ClusterContext, Gathered } from './gathering.js';

export interface ListingPorts extends Pick<ClusterContext, 'gathering' | 'own'> {
  /** How many shards there are. */
  readonly shards: number;
  readonly path: string;
  /** A job as lists show it. Its owner does that, which knows what it waits for. */
  readonly render: (job: Job) => string;
}

/** What a list shows. */
export interface Listed {
  /** Jobs, as JSON. */
  readonly items: readonly string[];
  readonly next?: ListPlace | undefined;
}

/** @param cursorOf what stands for a place in the query */
export function gatherList(
  ports: ListingPorts,
  exchange: Exchange,
  query: ListQuery,
  cursorOf: (place: ListPlace) => string,
  answer: (page: Listed & { readonly total: number }) => void,
): void {
  checkOffset(query);
  const { gathering, path, shards } = ports;
  const offset = query.behind === undefined ? query.offset : 0;
  const merged = (parts: readonly Gathered<ShardPage<string | null>[]>[]): MergedList<string | null> => {
    const list = new MergedList<string | null>(query, shards);
    for (const { part } of parts) for (const page of part) list.add(page);
    return list;
  };
  const page = (list: MergedList<string | null>, total: number): void => {
    const items = list.takeMany(query.limit).map(({ item }) => item ?? '');
    answer({ total, items, ...(list.hasMore && items.length > 0 && { next: list.place() }) });
  };
  const asked = { path: `${path}?${exchange.query}`, part: partOf(ports, query, offset === 0) };
  gathering.run(exchange, asked, (parts) => {
    const list = merged(parts);
    const { total } = list;
    if (offset === 0) return page(list, total);
    // So far the parts have places only, and the jobs behind them are asked for: most of those that are left out would be sent in vain.
    list.takeMany(offset);
    if (!list.hasMore) return answer({ total, items: [] });
    const behind = list.place();
    const next = { path: `${path}?${withCursor(exchange.query, cursorOf(behind))}` };
    const rest = { ...next, part: partOf(ports, { ...query, behind }, true) };
    gathering.run(exchange, rest, (more) => page(merged(more), total));
  });
}

/** The part of some shards: as many of its jobs as may be needed. */
function partOf({ own, render }: ListingPorts, query: ListQuery, isShown: boolean) {
  const offset = query.behind === undefined ? query.offset : 0;
  const shown = ({ item, ...entry }: Entry<Job>): Entry<string | null> => ({
    ...entry,
    item: isShown ? render(item) : null,
  });
  return function* (shards: readonly number[]): Generator<undefined, ShardPage<string | null>[]> {
    const pages = yield* generated(own(shards).pages(query, offset + query.limit));
    return pages.map((page) => ({ ...page, entries: page.entries.map(shown) }));
  };
}

export function gatherSearch(
  { gathering, own, render, shards: all, path }: ListingPorts,
  exchange: Exchange,
  query: SearchQuery,
  answer: (page: Listed & { readonly scanned: number }) => void,
): void {
  const part = function* (shards: readonly number[]): Generator<undefined, SearchPart<string>> {
    const { marks, ...rest } = yield* generated(own(shards).searchPart(query));
    return { ...rest, marks: marks.map((mark) => ({ ...mark, item: mark.item && render(mark.item) })) };
  };
  gathering.run(exchange, { path: `${path}?${exchange.query}`, part }, (parts) => {
    const asked = parts.map((each): AskedPart<string> => ({ ...each.part, shards: each.shards }));
    answer(mergedSearch(asked, query, all));
  });
}

/** The query string with a cursor in place of its offset. */
function withCursor(query: string, cursor: string): string {
  const isOffset = (parameter: string): boolean =>
    decodeURIComponent((parameter.split('=', 1)[0] ?? '').replaceAll('+', ' ')) === 'offset';
  const rest = query.split('&').filter((parameter) => !isOffset(parameter));
  return [...rest, `cursor=${cursor}`].join('&');
}

function* generated<T>(of: Steps<T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = of.next();
    if (done) return value;
    yield;
  }
}
