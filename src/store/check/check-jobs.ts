/**
 * Checking the jobs, in order of `seq`: states, specs and details are read side by side, page by page, so that
 * memory holds one page of each. What later passes look for (pending jobs, finished jobs) is gathered in sets.
 */

import type { JobSpec } from '../../domain/job.js';
import { isFinished, type Status, statuses } from '../../domain/lifecycle.js';
import { limits } from '../../domain/limits.js';
import {
  checkPage,
  decodeDetail,
  pageOf,
  pageOfKey,
  pageRows,
  rowAt,
  seqOfKey,
  specKey,
  type Tree,
} from '../format/layout.js';
import {
  type RowPlace,
  rowDue,
  rowHasDetail,
  rowHasMore,
  rowPriority,
  rowStatus,
  rowType,
  rowWakes,
} from '../format/row.js';
import { readSpec } from '../format/spec-codec.js';
import { keyOfName } from '../format/trees/key-use.js';
import { type CheckGround, SeqSet } from './check-ground.js';
import { checkHeld } from './check-job-keys.js';
import { checkLabel } from './check-labels.js';
import { SetsCheck } from './check-sets.js';

export interface JobFindings {
  readonly counts: Record<Status, number>;
  /** Jobs that the due index and the list of finished jobs must have: the log has nothing newer about them. */
  readonly pending: SeqSet;
  /** Pending jobs that expire: the due index must have their deadlines. */
  readonly expiring: SeqSet;
  readonly finished: SeqSet;
}

/** One page of jobs, from three trees. */
interface PageOfJobs {
  readonly number: number;
  readonly states: Buffer | undefined;
  readonly specs: ReadonlyMap<number, Buffer>;
  readonly details: ReadonlyMap<number, Buffer>;
}

export function checkJobs(ground: CheckGround): JobFindings {
  const counts = Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>;
  const found: JobFindings = { counts, pending: new SeqSet(), expiring: new SeqSet(), finished: new SeqSet() };
  const sets = new SetsCheck(ground);
  for (const page of pagesOfJobs(ground)) {
    const { number, states } = page;
    const [first, end] = [number * pageRows, (number + 1) * pageRows];
    const whole = ground.faults.try('page', `the state page of job numbers ${first} to ${end - 1}`, () => {
      if (states) checkPage(states, number);
      return true;
    });
    if (!whole) ground.damagedPages.add(number);
    for (let seq = first; seq < end; seq++) checkJob(ground, page, seq, found, sets);
  }
  for (const seq of ground.behind.keys()) {
    const row = ground.row(seq);
    if (row && !ground.kv.get('specs', specKey(seq))) ground.faults.add('spec', `job number ${seq} has no spec`);
    if (row) found.counts[rowStatus(row.bytes, row.at) as Status]++;
  }
  sets.finish();
  const there = statuses.reduce((sum, status) => sum + counts[status], 0);
  if (ground.damagedPages.size === 0 && there !== ground.counters.jobs)
    ground.faults.add('count', `the log counts ${ground.counters.jobs} jobs, there are ${there}`);
  return found;
}

function checkJob(ground: CheckGround, page: PageOfJobs, seq: number, found: JobFindings, sets: SetsCheck): void {
  const { faults } = ground;
  const [specBytes, detail] = [page.specs.get(seq), page.details.get(seq)];
  const spec =
    specBytes && faults.try('spec', `the spec of job number ${seq}`, () => readSpec(seq, specBytes, ground.types));
  const open = ground.isOpen(seq);
  const row = open ? ground.row(seq) : rowIn(page, seq);
  if (detail) checkDetail(ground, seq, detail, row);
  if (!row) {
    if (open) return;
    if (specBytes) faults.add('page', `${ground.nameOf(seq)} has a spec and no state`);
    if (detail) faults.add('left', `there is a result or error of job number ${seq}, which does not exist`);
    return;
  }
  if (spec) checkSpec(ground, seq, spec, row);
  if (spec && !open) checkLabel(ground, seq, spec, row, detail);
  const status = rowStatus(row.bytes, row.at) as Status;
  if (rowHasDetail(row.bytes, row.at) && !detail && !ground.detailsBehind.has(seq))
    faults.add('detail', `${ground.nameOf(seq)} has lost its result or error`);
  if (open) return;
  if (!specBytes) faults.add('spec', `job number ${seq} has no spec`);
  if (seq >= ground.counters.nextSeq)
    faults.add('history', `${ground.nameOf(seq)} has a number that the next new job takes, too`);
  found.counts[status]++;
  if (rowWakes(row.bytes, row.at)) found.pending.add(seq);
  if (status === 'pending' && spec?.expiresAfterMs !== undefined) found.expiring.add(seq);
  // Those that have failed leave in the order of their labels.
  if (isFinished(status) && status !== 'failed') found.finished.add(seq);
  sets.add(seq, status, rowType(row.bytes, row.at));
}

function rowIn({ states }: PageOfJobs, seq: number): RowPlace | undefined {
  return states && rowStatus(states, rowAt(seq)) !== undefined ? { bytes: states, at: rowAt(seq) } : undefined;
}

/** What spec and state must agree on, and the idempotency key that the job was made with while that is remembered. */
function checkSpec(ground: CheckGround, seq: number, spec: JobSpec, row: RowPlace): void {
  const { faults, types, kv, now } = ground;
  if (types.find(spec.name) !== rowType(row.bytes, row.at)) {
    faults.add('set', `${ground.nameOf(seq)} is of type ${spec.name}, its state says otherwise`);
  }
  if (!Number.isFinite(rowDue(row.bytes, row.at))) faults.add('unfound', `${ground.nameOf(seq)} is due at no instant`);
  if (rowPriority(row.bytes, row.at) !== (spec.priority ?? 0)) {
    faults.add('unfound', `${ground.nameOf(seq)} has the priority ${spec.priority ?? 0}, its state says otherwise`);
  }
  if (spec.idSeconds > ground.counters.idSeconds) {
    faults.add('history', `${ground.nameOf(seq)} has an id of a later second than the newest job`);
  }
  checkHeld(ground, seq, spec, row);
  const { idempotencyKey, createdAt } = spec;
  if (idempotencyKey === undefined || createdAt + limits.idempotencyKeptMs <= now) return;
  if (!kv.get('keys', keyOfName(idempotencyKey))) {
    faults.add('key', `the idempotency key of ${ground.nameOf(seq)} is forgotten before its time`);
  }
}

/** It can be read, and has the rest of the state where the row says so. What the log has behind the trees is not in it. */
function checkDetail(ground: CheckGround, seq: number, sealed: Buffer, row: RowPlace | undefined): void {
  const { faults, detailsBehind } = ground;
  const detail = faults.try('detail', `the detail of job number ${seq}`, () => decodeDetail(sealed, seq));
  if (detail && row && rowHasMore(row.bytes, row.at) && detail.more === undefined && !detailsBehind.has(seq))
    faults.add('detail', `${ground.nameOf(seq)} has lost a part of its state`);
}

/** All pages that any of the trees knows, ascending. */
function* pagesOfJobs(ground: CheckGround): Iterable<PageOfJobs> {
  const states = new PageStream(ground, 'states', pageOfKey, (page) => page);
  const specs = new PageStream(ground, 'specs', seqOfKey, pageOf);
  const details = new PageStream(ground, 'details', seqOfKey, pageOf);
  for (;;) {
    const number = Math.min(states.page, specs.page, details.page);
    if (number === Number.POSITIVE_INFINITY) return;
    yield {
      number,
      states: states.take(number).values().next().value,
      specs: specs.take(number),
      details: details.take(number),
    };
  }
}

/** The entries of a tree, a page of jobs at a time. */
class PageStream {
  /** The page of the next entry; Infinity at the end. */
  page = Number.POSITIVE_INFINITY;
  readonly #numberOf: (key: Buffer) => number;
  readonly #pageOf: (number: number) => number;
  readonly #entries: Iterator<{ readonly key: Buffer; readonly value: Buffer }>;
  readonly #read: <T>(read: () => T) => T | undefined;
  #next: { readonly key: Buffer; readonly value: Buffer } | undefined;

  constructor(
    { kv, faults }: CheckGround,
    tree: Tree,
    number: (key: Buffer) => number,
    page: (number: number) => number,
  ) {
    this.#numberOf = number;
    this.#pageOf = page;
    this.#read = (read) => faults.try('unreadable', `the tree ${tree}`, read);
    this.#entries = kv.entries(tree, {})[Symbol.iterator]();
    this.#advance();
  }

  /** The entries of this page by the number in their key. */
  take(page: number): Map<number, Buffer> {
    const taken = new Map<number, Buffer>();
    while (this.page === page && this.#next) {
      taken.set(this.#numberOf(this.#next.key), this.#next.value);
      this.#advance();
    }
    return taken;
  }

  #advance(): void {
    const step = this.#read(() => this.#entries.next());
    this.#next = step?.done === false ? step.value : undefined;
    this.page = this.#next ? this.#pageOf(this.#numberOf(this.#next.key)) : Number.POSITIVE_INFINITY;
  }
}
