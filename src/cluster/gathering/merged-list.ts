/**
 * One page of a list, merged of those of several shards. By the making of jobs it goes by the second of the id, then by job number; else by
 * due time, then by job number. Behind a page the next begins at a place of its own in each shard.
 */
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import { limits } from '../../domain/limits.js';
import type { ListPage, ListPlace, ListQuery } from '../../store/queries-port.js';
import { outward } from '../numbered.js';
import type { OwnedShard } from '../shards.js';

/** An entry of the page of a shard. */
interface Entry {
  readonly job: Job;
  readonly place: ListPlace;
}

/** The page of a shard, and how much of it has been taken. */
interface Part {
  readonly shard: number;
  readonly entries: readonly Entry[];
  /** Behind this its page began. */
  readonly begin: ListPlace;
  /** The shard has more behind its page. */
  readonly hasMore: boolean;
  taken: number;
}

/** @throws Refusal `validation_failed` when so many jobs cannot be left out: each shard has to read them all */
export function checkOffset({ offset, behind }: Pick<ListQuery, 'offset' | 'behind'>): void {
  if (behind !== undefined || offset <= limits.dueOffset) return;
  const message = `must be at most ${limits.dueOffset}: use cursor to go on`;
  throw new Refusal('validation_failed', `query.offset ${message}.`, [{ path: 'query.offset', message }]);
}

/** What a shard is asked for: as much as may be needed of it. */
export function pageQuery(query: ListQuery, { numbers }: OwnedShard): ListQuery {
  const { behind, ...rest } = query;
  const own = placeIn(behind, numbers.shard);
  return {
    ...rest,
    withPlaces: true,
    limit: behind === undefined ? query.limit + query.offset : query.limit,
    offset: 0,
    ...(own && { behind: own }),
  };
}

function placeIn(behind: ListPlace | undefined, shard: number): ListPlace | undefined {
  return (
    behind?.places?.[shard] ?? (behind && { seq: behind.seq, ...(behind.due !== undefined && { due: behind.due }) })
  );
}

/** See the head of this file. */
export class MergedList {
  readonly #query: ListQuery;
  readonly #isByDue: boolean;
  readonly #descending: boolean;
  readonly #parts: Part[] = [];
  #total = 0;
  #shards = 1;

  constructor(query: ListQuery) {
    this.#query = query;
    this.#isByDue = query.sort === 'due';
    this.#descending = query.descending ?? !this.#isByDue;
  }

  /** @param page answers `pageQuery` */
  add({ numbers }: OwnedShard, page: ListPage): void {
    const places = page.places ?? [];
    const entries = page.jobs.map((job, index) => ({
      job: outward(job, numbers),
      place: places[index] as ListPlace,
    }));
    const begin = placeIn(this.#query.behind, numbers.shard) ?? this.#before(entries[0]?.place);
    this.#shards = numbers.shards;
    this.#parts.push({ shard: numbers.shard, entries, begin, hasMore: page.next !== undefined, taken: 0 });
    this.#total += page.total;
  }

  /** There is a next one, as far as the pages go. */
  get hasMore(): boolean {
    return this.#parts.some(({ entries, taken, hasMore }) => taken < entries.length || hasMore);
  }

  /** The next in order; undefined when there is none. */
  take(): Job | undefined {
    let first: Part | undefined;
    for (const part of this.#parts)
      if (part.taken < part.entries.length && (first === undefined || this.#comesBefore(part, first))) first = part;
    return first?.entries[first.taken++]?.job;
  }

  /** Where the next page begins. */
  place(): ListPlace {
    const places: ListPlace[] = Array.from({ length: this.#shards }, () => this.#before(undefined));
    for (const { shard, entries, begin, taken } of this.#parts) places[shard] = entries[taken - 1]?.place ?? begin;
    return { seq: 0, places };
  }

  page(): ListPage {
    const { limit, offset, behind } = this.#query;
    for (let skipped = 0; skipped < (behind === undefined ? offset : 0); skipped++) this.take();
    const jobs: Job[] = [];
    while (jobs.length < limit) {
      const job = this.take();
      if (job === undefined) break;
      jobs.push(job);
    }
    return { total: this.#total, jobs, ...(this.hasMore && jobs.length > 0 && { next: this.place() }) };
  }

  #comesBefore(a: Part, b: Part): boolean {
    const [x, y] = [a.entries[a.taken] as Entry, b.entries[b.taken] as Entry];
    const order = this.#isByDue
      ? (x.place.due as number) - (y.place.due as number) || x.job.spec.seq - y.job.spec.seq
      : x.job.spec.idSeconds - y.job.spec.idSeconds || x.job.spec.seq - y.job.spec.seq;
    return this.#descending ? order > 0 : order < 0;
  }

  /** A place right before an entry: what comes since, in front of it, is not on the pages behind. Without one: nothing is behind it. */
  #before(place: ListPlace | undefined): ListPlace {
    const step = this.#descending ? 1 : -1;
    if (place !== undefined) return { ...place, seq: place.seq + step };
    const seq = this.#descending || !this.#isByDue ? 0 : Number.MAX_SAFE_INTEGER;
    if (!this.#isByDue) return { seq };
    return { seq, due: this.#descending ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY };
  }
}
