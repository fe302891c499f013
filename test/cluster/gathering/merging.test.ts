/** Lists and searches of several shards and nodes are what one list of all jobs would be. */
import fc from 'fast-check';
import t from 'tap';
import {
  checkOffset,
  type Entry,
  MergedList,
  placeBefore,
  type ShardPage,
} from '../../../src/cluster/gathering/merged-list.js';
import { type AskedPart, type Mark, mergedSearch } from '../../../src/cluster/gathering/merged-search.js';
import type { ListPlace } from '../../../src/store/queries-port.js';

const shards = 4;

/** A job: its shard, its slot there, and what lists go by. */
interface Made {
  readonly shard: number;
  readonly slot: number;
  readonly idSeconds: number;
  readonly due: number;
}

const numberOf = ({ shard, slot }: Made): number => slot * shards + shard;

/** Jobs whose seconds grow with their slots, as in a shard. */
const anyJobs = fc
  .array(fc.record({ shard: fc.nat(shards - 1), later: fc.nat(2), due: fc.nat(5) }), { maxLength: 40 })
  .map((drafts) => {
    const slots = new Array<number>(shards).fill(0);
    let idSeconds = 100;
    return drafts.map(({ shard, later, due }): Made => {
      idSeconds += later;
      slots[shard] = (slots[shard] as number) + 1;
      return { shard, slot: slots[shard] as number, idSeconds, due };
    });
  });
const anyOrder = fc.record({ sort: fc.constantFrom('created' as const, 'due' as const), descending: fc.boolean() });
type Order = { readonly sort: 'created' | 'due'; readonly descending: boolean };

function inOrder(jobs: readonly Made[], { sort, descending }: Order): Made[] {
  const by = (job: Made): number => (sort === 'due' ? job.due : job.idSeconds);
  return [...jobs].sort((a, b) => (by(a) - by(b) || numberOf(a) - numberOf(b)) * (descending ? -1 : 1));
}

const placeOf = ({ slot, due }: Made, { sort }: Order): ListPlace => ({ seq: slot, ...(sort === 'due' && { due }) });

/** Whether a job comes behind a place of its shard. */
function isBehind(job: Made, place: ListPlace, { sort, descending }: Order): boolean {
  const order = sort === 'due' ? job.due - (place.due as number) || job.slot - place.seq : job.slot - place.seq;
  return descending ? order < 0 : order > 0;
}

const entryOf = (job: Made, order: Order): Entry<number> => ({
  ...{ place: placeOf(job, order), seq: numberOf(job), idSeconds: job.idSeconds, item: numberOf(job) },
});

/** What a shard answers. */
function pageOf(
  jobs: readonly Made[],
  shard: number,
  order: Order,
  behind: ListPlace | undefined,
  limit: number,
): ShardPage<number> {
  const own = inOrder(
    jobs.filter((job) => job.shard === shard),
    order,
  );
  const rest = behind === undefined ? own : own.filter((job) => isBehind(job, behind, order));
  const entries = rest.slice(0, limit).map((job) => entryOf(job, order));
  return {
    ...{ shard, total: own.length, entries, hasMore: rest.length > limit },
    begin: behind ?? placeBefore(entries[0]?.place, order),
  };
}

const throughJson = <T>(value: T): T => JSON.parse(JSON.stringify(value)) as T;

t.test('page by page the list is that of all jobs, whichever nodes have them', async (t) => {
  fc.assert(
    fc.property(
      anyJobs,
      anyOrder,
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 3 }),
      (jobs, order, limit, nodes) => {
        const found: number[] = [];
        let behind: ListPlace | undefined;
        for (let page = 0; page <= jobs.length; page++) {
          const list = new MergedList<number>(order, shards);
          // Each node merges its own first, and sends what may be needed of it.
          for (let node = 0; node < nodes; node++) {
            const part = new MergedList<number>(order, shards);
            for (let shard = node; shard < shards; shard += nodes)
              part.add(pageOf(jobs, shard, order, behind?.places?.[shard], limit));
            part.takeMany(limit);
            for (const each of throughJson(part.taken())) list.add(each);
          }
          if (list.total !== jobs.length) return false;
          const items = list.takeMany(limit).map(({ item }) => item);
          found.push(...items);
          if (!list.hasMore || items.length === 0) break;
          behind = throughJson(list.place());
        }
        return found.join() === inOrder(jobs, order).map(numberOf).join();
      },
    ),
  );
  t.pass('for any jobs');
});

t.test('read in small pages, a list says when it has to read on', async (t) => {
  fc.assert(
    fc.property(anyJobs, anyOrder, fc.integer({ min: 1, max: 3 }), (jobs, order, size) => {
      const list = new MergedList<number>(order, shards);
      for (let shard = 0; shard < shards; shard++) list.add(pageOf(jobs, shard, order, undefined, size));
      const found: number[] = [];
      for (;;) {
        for (const shard of list.starved) list.add(pageOf(jobs, shard, order, list.endIn(shard), size));
        const entry = list.take();
        if (entry === undefined) break;
        found.push(entry.item);
      }
      return found.join() === inOrder(jobs, order).map(numberOf).join();
    }),
  );
  t.pass('for any jobs');
});

t.test('what comes while somebody pages is not on the pages behind', async (t) => {
  const order = { sort: 'created', descending: true } as const;
  const job = (shard: number, slot: number, idSeconds: number): Made => ({ shard, slot, idSeconds, due: 0 });
  const jobs = [job(0, 1, 1), job(0, 2, 2), job(0, 3, 3)];
  const list = new MergedList<number>(order, shards);
  for (let shard = 0; shard < shards; shard++) list.add(pageOf(jobs, shard, order, undefined, 1));
  t.same(
    list.takeMany(1).map(({ item }) => item),
    [12],
  );
  const { places } = list.place();
  const later = [...jobs, job(0, 4, 9), job(1, 1, 9)];
  t.same(
    [0, 1].flatMap((shard) => pageOf(later, shard, order, places?.[shard], 9).entries.map(({ item }) => item)),
    [8, 4],
  );
});

t.test('an offset has its bound', async (t) => {
  t.doesNotThrow(() => checkOffset({ offset: 10_000 }));
  t.throws(() => checkOffset({ offset: 10_001 }), { code: 'validation_failed', message: /use cursor/ });
  t.doesNotThrow(() => checkOffset({ offset: 10_001, behind: { seq: 1 } }));
});

/** A node looks at so many jobs and ends, with a mark for each that has the text, and for some others. */
function search(
  jobs: readonly Made[],
  own: readonly number[],
  descending: boolean,
  behind: ListPlace | undefined,
  { limit, looks, has }: { limit: number; looks: number; has: (number: number) => boolean },
): AskedPart<number> {
  const order = { sort: 'created', descending } as const;
  const rest = inOrder(
    jobs.filter(({ shard }) => own.includes(shard)),
    order,
  ).filter((job) => behind === undefined || isBehind(job, behind.places?.[job.shard] as ListPlace, order));
  const places: ListPlace[] = Array.from({ length: shards }, (_, shard) => {
    const first = rest.find((job) => job.shard === shard);
    return behind?.places?.[shard] ?? placeBefore(first && { seq: first.slot }, order);
  });
  const begin = [...places];
  const marks: Mark<number>[] = [];
  let [scanned, found] = [0, 0];
  for (const job of rest) {
    if (found === limit || scanned === looks) return { ...{ marks, begin, scanned, shards: own }, isWhole: false };
    scanned++;
    places[job.shard] = { seq: job.slot };
    const fits = has(numberOf(job));
    if (fits) found++;
    const isLast = scanned === looks || found === limit;
    if (fits || isLast || scanned % 3 === 0)
      marks.push({
        ...{ seq: numberOf(job), idSeconds: job.idSeconds, item: fits ? numberOf(job) : null, places: [...places] },
      });
  }
  return { ...{ marks, begin, scanned, shards: own }, isWhole: true };
}

t.test('a search finds all that have the text, in order and once, however far each node comes', async (t) => {
  fc.assert(
    fc.property(
      ...[anyJobs, fc.boolean(), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 })],
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 3, maxLength: 3 }),
      (jobs: Made[], descending: boolean, limit: number, nodes: number, looks: number[]) => {
        const has = (number: number): boolean => number % 3 !== 0;
        const found: number[] = [];
        let behind: ListPlace | undefined;
        for (let page = 0; ; page++) {
          if (page > 2 * jobs.length + 1) return false;
          const parts = Array.from({ length: nodes }, (_, node) => {
            const own = [0, 1, 2, 3].filter((shard) => shard % nodes === node);
            return search(jobs, own, descending, behind, { limit, looks: looks[node] as number, has });
          });
          const { items, next } = mergedSearch(throughJson(parts), { descending, limit }, shards);
          if (items.length > limit) return false;
          found.push(...items);
          if (next === undefined) break;
          behind = next;
        }
        const wanted = inOrder(jobs, { sort: 'created', descending }).map(numberOf).filter(has);
        return found.join() === wanted.join();
      },
    ),
    { numRuns: 500 },
  );
  t.pass('for any jobs');
});
