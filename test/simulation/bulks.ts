/**
 * What clients of the simulated server have done with many jobs at once. Each such update marks its jobs with a tag of its own, so what is
 * on disk shows how many it has touched: neither more nor less than it says that it has, over crashes.
 */
import { type BulkRecord, hasEnded, meantBy } from '../../src/domain/control/bulk.js';
import type { JobFilter } from '../../src/domain/finding/job-filter.js';
import type { Job } from '../../src/domain/job.js';
import { type BulkJobs, bulkBlockSize } from '../../src/store/port.js';
import type { World } from '../support/world.js';
import { must } from './event-replay.js';
import type { Random } from './random.js';

const chance = 0.03;
const tagOf = (mark: number): string => `bulk-${mark}`;
/** 0 where there is none. */
const markIn = (tags: readonly string[] = []): number => Number(/^bulk-(\d+)$/.exec(tags.join())?.[1] ?? 0);
const tagIn = ({ askedFilter }: BulkRecord): string => (JSON.parse(askedFilter) as [string])[0];
const seqsOf = (jobs: readonly BulkJobs[]): number[] =>
  jobs.flatMap(({ block, places }) => [...places].map((place) => block * bulkBlockSize + place));

/** See the head of this file. */
export class SimulatedBulks {
  readonly #world: () => World;
  #marks = 0;
  /** By number, as it was on disk last. */
  readonly #known = new Map<number, BulkRecord>();
  /** Jobs that have shown the tag of one. */
  readonly #touched = new Map<string, Set<number>>();
  /** Jobs that each was asked for, by its tag. */
  readonly #meant = new Map<string, ReadonlySet<number>>();
  /** Tags of those that were not answered, and whom they were asked of. */
  readonly #unanswered = new Map<string, World>();

  constructor(world: () => World) {
    this.#world = world;
  }

  /** Now and then. Drawn from a source of its own, so that all else in a life stays as it was without. */
  perhapsAsk(random: Random): void {
    if (!random.chance(chance)) return;
    const { queries, scheduler } = this.#world();
    if (random.chance(0.15)) {
      const going = scheduler.bulks.filter((bulk) => !hasEnded(bulk));
      if (going.length > 0) scheduler.request({ kind: 'cancelBulk', id: random.pick(going).id }, 1, () => {});
      return;
    }
    const action = 'update';
    const filter: JobFilter = random.pick([{}, { names: ['noop'] }, { isRepeat: true }, { paused: true }]);
    const steps = queries.matching(meantBy(action, filter));
    let jobs: readonly BulkJobs[] = [];
    for (let over = false; !over; ) {
      const step = steps.next();
      over = step.done === true;
      if (step.done) jobs = step.value;
    }
    const tag = tagOf(++this.#marks);
    const patch = { tags: [tag] };
    const askedFilter = JSON.stringify(patch.tags);
    this.#meant.set(tag, new Set(seqsOf(jobs)));
    this.#unanswered.set(tag, this.#world());
    const answered = (): void => void this.#unanswered.delete(tag);
    scheduler.request({ kind: 'bulk', action, filter, askedFilter, patch, jobs }, 1, answered);
  }

  /** A change of a job by one of them may be on its way to the disk: the job does not start then. */
  mayChange(seq: number): boolean {
    const world = this.#world();
    if (world.scheduler.settled) return false;
    for (const [tag, asked] of this.#unanswered) if (asked === world && this.#meant.get(tag)?.has(seq)) return true;
    return world.scheduler.bulks.some(
      (bulk) => !hasEnded(bulk) && seq >= bulk.next && this.#meant.get(tagIn(bulk))?.has(seq),
    );
  }

  /** @param jobs all that are on disk */
  check(jobs: readonly Job[]): void {
    for (const { spec } of jobs) {
      const tag = spec.tags?.length === 1 ? spec.tags[0] : undefined;
      if (!tag?.startsWith('bulk-')) continue;
      const touched = this.#touched.get(tag) ?? new Set();
      this.#touched.set(tag, touched.add(spec.seq));
    }
    const { bulks } = this.#world().scheduler;
    for (const bulk of bulks) this.#checkOne(bulk, jobs);
    const ids = new Set(bulks.map(({ id }) => id));
    for (const [id, known] of this.#known) must(ids.has(id) || hasEnded(known), () => `bulk action ${id} is gone`);
  }

  #checkOne(bulk: BulkRecord, jobs: readonly Job[]): void {
    const { id, matched, done, skipped, failed, status } = bulk;
    const acted = done + skipped + failed;
    const known = this.#known.get(id);
    this.#known.set(id, bulk);
    const before = known ? known.done + known.skipped + known.failed : 0;
    must(acted >= before, () => `bulk action ${id} had acted on ${before} jobs, and now on ${acted}`);
    must(acted <= matched, () => `bulk action ${id} has acted on ${acted} of ${matched} jobs`);
    if (status === 'success')
      must(acted === matched, () => `bulk action ${id} has ended with ${acted} of ${matched} jobs`);
    // A list may show what a commit that nobody was told of yet has done; the count of the request comes with the telling.
    if (this.#world().store.isAhead) return;
    const touched = this.#touched.get(tagIn(bulk))?.size ?? 0;
    must(touched <= done, () => `bulk action ${id} has touched ${touched} jobs, and says ${done}`);
    // What had a key may have been replaced since; a later action has marked it anew.
    const meant = this.#meant.get(tagIn(bulk));
    const isLeft = ({ spec: { seq, key, tags } }: Job): boolean =>
      seq < bulk.next && meant?.has(seq) === true && key === undefined && markIn(tags) < markIn([tagIn(bulk)]);
    const left = jobs.filter(isLeft).length;
    must(left <= skipped + failed, () => `bulk action ${id} has left ${left} jobs, and says ${skipped + failed}`);
  }

  /** At the end: nothing is left to do. */
  checkEnded(): void {
    for (const { id, status } of this.#world().scheduler.bulks)
      must(status === 'success' || status === 'cancelled', () => `bulk action ${id} is ${status} still`);
  }
}
