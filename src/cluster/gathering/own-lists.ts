/** Lists of the shards of this process: each is read page by page, as the merged list needs it, in steps. */
import type { Job } from '../../domain/job.js';
import type { ListPage, ListQuery, SearchQuery, Steps } from '../../store/queries-port.js';
import { containing } from '../../store/state/finding/search.js';
import { outward } from '../numbered.js';
import type { OwnedShard } from '../shards.js';
import { type Entry, MergedList, placeBefore, placeIn, type ShardPage } from './merged-list.js';
import type { Mark, SearchPart } from './merged-search.js';

/** Jobs of a shard that are read at once where many are wanted. */
const readAtOnce = 256;
/** How long one request of a search looks, and one step of it. Milliseconds. */
const budgetMs = { request: 100, step: 1 } as const;

/** The shards of a list, and what is asked of them. */
interface Reading {
  readonly owners: readonly OwnedShard[];
  readonly query: ListQuery;
  readonly shards: number;
}

/**
 * The first jobs of a list behind its place, in pages of their shards.
 *
 * @param count how many, of all shards together
 */
export function* readPages(reading: Reading, count: number): Generator<undefined, ShardPage<Job>[]> {
  const { query } = reading;
  // A page by due times costs as much as all of them.
  const size = query.sort === 'due' ? count : Math.min(count, readAtOnce);
  const list = yield* begun(reading, size);
  for (let taken = 0; taken < count; taken++) {
    yield* feed(list, reading, size);
    if (list.take() === undefined) break;
  }
  return list.taken();
}

/** Looks through the jobs for a text, for a while. */
export function* searchOwn(
  { owners, shards }: Omit<Reading, 'query'>,
  { filter, text, descending, limit, behind, now }: SearchQuery,
): Generator<undefined, SearchPart<Job>> {
  const has = containing(text);
  const began = now();
  let [stepBegun, scanned, found] = [began, 0, 0];
  const query: ListQuery = { filter, descending, limit, offset: 0, ...(behind && { behind }) };
  const reading = { owners, shards, query };
  const list = yield* begun(reading, readAtOnce);
  const begin = list.place().places ?? [];
  const marks: Mark<Job>[] = [];
  let last: Entry<Job> | undefined;
  for (;;) {
    const at = now();
    const isOver = (at - began >= budgetMs.request && scanned > 0) || found === limit;
    if (!list.hasMore) return { marks, begin, scanned, isWhole: true };
    if (isOver) break;
    if (at - stepBegun >= budgetMs.step) {
      yield;
      stepBegun = now();
    }
    yield* feed(list, reading, readAtOnce);
    const entry = list.take();
    if (entry === undefined) return { marks, begin, scanned, isWhole: true };
    scanned++;
    last = entry;
    const fits = has(entry.item);
    if (fits) found++;
    // Where others have not come as far, the next page begins at one of these.
    if (fits || scanned % readAtOnce === 0) marks.push(markOf(entry, list, fits ? entry.item : null));
  }
  const { seq } = marks.at(-1) ?? {};
  if (last !== undefined && last.seq !== seq) marks.push(markOf(last, list, null));
  return { marks, begin, scanned, isWhole: false };
}

function markOf({ seq, idSeconds }: Entry<Job>, list: MergedList<Job>, item: Job | null): Mark<Job> {
  return { seq, idSeconds, item, places: list.place().places ?? [] };
}

/** A list with the first page of each shard. */
function* begun(reading: Reading, size: number): Generator<undefined, MergedList<Job>> {
  const { query, owners, shards } = reading;
  const list = new MergedList<Job>(query, shards);
  for (const owner of owners) {
    list.add(yield* pageOf(reading, owner, placeIn(query.behind, owner.numbers.shard), size));
    yield;
  }
  return list;
}

/** Reads on of the shards without whose next job the next of the list is not known. */
function* feed(list: MergedList<Job>, reading: Reading, size: number): Generator<undefined, void> {
  for (const shard of list.starved) {
    const owner = reading.owners.find(({ numbers }) => numbers.shard === shard) as OwnedShard;
    list.add(yield* pageOf(reading, owner, list.endIn(shard), size));
    yield;
  }
}

function* pageOf(
  { query }: Reading,
  { queries, numbers }: OwnedShard,
  behind: ListQuery['behind'],
  limit: number,
): Generator<undefined, ShardPage<Job>> {
  const { behind: _, ...rest } = query;
  const own = { ...rest, withPlaces: true, limit, offset: 0, ...(behind && { behind }) };
  const { jobs, places = [], total, next }: ListPage = yield* steps(queries.listInSteps(own));
  const entries = jobs.map((job, index): Entry<Job> => {
    const item = outward(job, numbers);
    const { seq, idSeconds } = item.spec;
    return { place: places[index] ?? { seq: job.spec.seq }, seq, idSeconds, item };
  });
  const begin = behind ?? placeBefore(entries[0]?.place, query);
  return { shard: numbers.shard, total, entries, begin, hasMore: next !== undefined };
}

/** A generator goes on only with one; what a shard gives is an iterator. */
export function* steps<T>(of: Steps<T>): Generator<undefined, T> {
  for (;;) {
    const { done, value } = of.next();
    if (done) return value;
    yield;
  }
}
