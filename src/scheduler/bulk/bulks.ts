/**
 * What users want done with many jobs at once: one request after the other, a slice of its jobs in each batch. How far it is is written with
 * the batch that has the slice, so each job is acted on once, whatever happens.
 *
 *     accepted ─► pending ─► running ─► success
 *                    └──────────┴─────► cancelled
 */
import {
  type BulkError,
  type BulkRecord,
  hasEnded,
  keptBulks,
  keptErrors,
  meantBy,
} from '../../domain/control/bulk.js';
import { Refusal } from '../../domain/errors.js';
import { matches } from '../../domain/finding/job-filter.js';
import { type BulkJobs, bulkBlockSize, type KeptBulks } from '../../store/port.js';
import type { BulkRequest, JobPatch } from '../messages.js';
import type { RequestContext } from '../requests/context.js';
import { decideRequest } from '../requests/requests.js';

/** What a slice may take of a turn: so many jobs, and so long. Other jobs start, and requests are decided, between two of them. */
const slice = { jobs: 512, ms: 4 } as const;
/** The clock is looked at after so many. */
const jobsPerLook = 16;

interface Bulk {
  /** As it was decided last. */
  record: BulkRecord;
  /** As it is on disk; undefined: it is not. */
  written: BulkRecord | undefined;
  /** Its jobs, by block, ascending; none once it has ended. */
  readonly jobs: readonly BulkJobs[];
  readonly patch: JobPatch | undefined;
}

/** What became of one job. */
type Became = 'done' | 'skipped' | BulkError;

/** See the head of this file. */
export class Bulks {
  /** By number, ascending. */
  readonly #bulks = new Map<number, Bulk>();
  #lastId = 0;
  /** The batch that the latest slice is in. */
  #sliced: unknown;
  readonly #monotonic: () => number;
  readonly #jobsPerSlice: number;

  /**
   * @param kept as they are on disk
   * @param jobsPerSlice where not as usual
   */
  constructor(kept: KeptBulks, monotonic: () => number, jobsPerSlice: number = slice.jobs) {
    this.#monotonic = monotonic;
    this.#jobsPerSlice = jobsPerSlice;
    for (const { record, jobs } of kept) {
      const patch = record.patch === undefined ? undefined : unpackPatch(record.patch);
      this.#bulks.set(record.id, { record, written: record, jobs, patch });
      this.#lastId = Math.max(this.#lastId, record.id);
    }
  }

  /** As they are on disk, the latest first. */
  list(): readonly BulkRecord[] {
    const written = [...this.#bulks.values()].map((bulk) => bulk.written);
    return written.filter((record) => record !== undefined).reverse();
  }

  /** Some jobs are still to be acted on. */
  get hasMore(): boolean {
    return this.#next() !== undefined;
  }

  /**
   * Takes a request in; returns it as it will be on disk with the batch that is gathered. One with a number that is there already was sent
   * twice.
   */
  accept(request: BulkRequest, context: RequestContext): BulkRecord {
    const { action, filter, askedFilter, askedChange, patch, jobs } = request;
    const there = request.id === undefined ? undefined : this.#bulks.get(request.id);
    if (there) return there.record;
    const id = request.id ?? this.#lastId + 1;
    this.#lastId = Math.max(this.#lastId, id);
    const record: BulkRecord = {
      id,
      action,
      filter: meantBy(action, filter),
      askedFilter,
      askedChange,
      ...(patch !== undefined && { patch: packPatch(patch) }),
      status: 'pending',
      matched: jobs.reduce((sum, { places }) => sum + places.length, 0),
      done: 0,
      skipped: 0,
      failed: 0,
      errors: [],
      createdAt: context.now,
      finishedAt: 0,
      next: 0,
    };
    const bulk: Bulk = { record, written: undefined, jobs, patch };
    this.#bulks.set(id, bulk);
    this.#keep(bulk, record, context, jobs);
    return record;
  }

  /** Ends a request; what has been done stays done. @throws Refusal `not_found` */
  cancel(id: number, context: RequestContext): BulkRecord {
    const bulk = this.#bulks.get(id);
    if (!bulk) throw new Refusal('not_found', 'There is no such bulk action; the last 100 that have ended are kept.');
    if (hasEnded(bulk.record)) return bulk.record;
    const record: BulkRecord = { ...bulk.record, status: 'cancelled', finishedAt: context.now };
    this.#keep(bulk, record, context);
    return record;
  }

  /** Acts on some jobs more, unless the batch that is gathered has a slice already. */
  step(context: RequestContext): void {
    const { filling } = context.ledger;
    if (this.#sliced === filling) return;
    const bulk = this.#next();
    if (!bulk) return;
    this.#sliced = filling;
    const until = this.#monotonic() + slice.ms;
    let { done, skipped, failed, errors, next } = bulk.record;
    let acted = 0;
    let isOver = true;
    for (const seq of seqsFrom(bulk.jobs, next)) {
      if (acted === this.#jobsPerSlice || (acted % jobsPerLook === jobsPerLook - 1 && this.#monotonic() > until)) {
        isOver = false;
        break;
      }
      acted++;
      next = seq + 1;
      const became = act(seq, bulk, context);
      if (became === 'done') done++;
      else if (became === 'skipped') skipped++;
      else {
        failed++;
        if (errors.length < keptErrors) errors = [...errors, became];
      }
    }
    const { record: before } = bulk;
    context.ledger.counted.bulk(before.action, {
      done: done - before.done,
      skipped: skipped - before.skipped,
      failed: failed - before.failed,
    });
    const status = isOver ? 'success' : 'running';
    const finishedAt = isOver ? context.now : 0;
    this.#keep(bulk, { ...bulk.record, done, skipped, failed, errors, next, status, finishedAt }, context);
  }

  #next(): Bulk | undefined {
    for (const bulk of this.#bulks.values()) if (!hasEnded(bulk.record)) return bulk;
    return undefined;
  }

  /** Enters it into the batch that is gathered. What that is lost with is as it was on disk. */
  #keep(bulk: Bulk, record: BulkRecord, { ledger }: RequestContext, jobs?: readonly BulkJobs[]): void {
    const { id } = record;
    bulk.record = record;
    const dropped = hasEnded(record) ? bulk.jobs.map(({ block }) => block) : [];
    ledger.keepBulk({ id, record, ...(jobs !== undefined && { jobs }), dropped });
    ledger.onEnd({
      written: () => {
        bulk.written = record;
      },
      lost: () => {
        if (bulk.written === undefined) this.#bulks.delete(id);
        else bulk.record = bulk.written;
        this.#sliced = undefined;
      },
    });
    if (!hasEnded(record)) return;
    const ended = [...this.#bulks.values()].filter((each) => hasEnded(each.record));
    for (const { record: old } of ended.slice(0, Math.max(0, ended.length - keptBulks))) {
      ledger.keepBulk({ id: old.id, record: undefined });
      ledger.onEnd({ written: () => void this.#bulks.delete(old.id) });
    }
  }
}

/** Acts on one job, if it is still meant. */
function act(seq: number, { record, patch }: Bulk, context: RequestContext): Became {
  const { ledger, lookAtFirst } = context;
  lookAtFirst(seq);
  const job = ledger.unlessUnreadable(seq, () => ledger.lookup(seq));
  if (!job || !matches(job, record.filter, ledger.numbers)) return 'skipped';
  const id = ledger.numbers.format(seq, job.spec.idSeconds);
  const noReply = (): void => {};
  try {
    switch (record.action) {
      case 'pause':
        decideRequest({ kind: 'pause', id, change: {} }, context, noReply);
        break;
      case 'update':
        decideRequest({ kind: 'update', id, patch: patch ?? {} }, context, noReply);
        break;
      default:
        decideRequest({ kind: record.action, id }, context, noReply);
    }
    return 'done';
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    // The action is for jobs of its status, so the refusal has another reason, which the user is to see.
    return { jobId: id, code: error.code, detail: error.message };
  }
}

/** The jobs from a `seq` on, ascending. */
function* seqsFrom(jobs: readonly BulkJobs[], from: number): Iterable<number> {
  for (const { block, places } of jobs) {
    const base = block * bulkBlockSize;
    if (base + bulkBlockSize <= from) continue;
    for (let at = base < from ? firstFrom(places, from - base) : 0; at < places.length; at++)
      yield base + (places[at] as number);
  }
}

/** By bisection. */
function firstFrom(places: Uint32Array, place: number): number {
  let [low, high] = [0, places.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((places[middle] as number) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What is to be taken away is undefined in a patch, which JSON does not have. */
function packPatch(patch: JobPatch): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(patch).map(([name, value]) => [name, value ?? null]));
}

function unpackPatch(packed: Readonly<Record<string, unknown>>): JobPatch {
  return Object.fromEntries(Object.entries(packed).map(([name, value]) => [name, value ?? undefined])) as JobPatch;
}
