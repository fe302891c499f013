/** Lists that ask for due times, or go by them: looked for in steps of about a millisecond, as of the instant at which the first is done. */
import type { JobFilter } from '../../../domain/finding/job-filter.js';
import type { DueTable, DueView } from './due-table.js';
import { type Found, seqsOf } from './matching.js';

/** A place in the order of due times. */
export interface DuePlace {
  readonly due: number;
  readonly seq: number;
}

export interface DueSearch {
  readonly filter: JobFilter;
  readonly sort: 'created' | 'due';
  /** The greatest comes first. */
  readonly descending: boolean;
  /** Only those that come after it in that order; `due` counts only where the order goes by it. */
  readonly behind?: DuePlace | undefined;
  /** How many of the first are kept. */
  readonly keep: number;
}

export interface DueResult {
  /** Jobs that match. */
  readonly total: number;
  /** The first of them in order, behind the place that was named. */
  readonly first: readonly DuePlace[];
  /** All that match, if they were asked for. */
  readonly all: readonly number[];
}

/** Candidates that are looked at in one step. */
const looksPerStep = 32_768;

/**
 * Looks for them; each `next` is a step, and the last returns what was found.
 *
 * @param find gives the candidates: is called once, when all due times are known
 * @param all wants the numbers of all that match
 */
export function* searchByDue(
  table: DueTable,
  find: () => Found,
  search: DueSearch,
  all = false,
): Generator<undefined, DueResult> {
  while (!table.step()) yield;
  const view = table.view();
  const found = find();
  try {
    return yield* scan(found, view, search, all);
  } finally {
    view.release();
    found.dispose();
  }
}

function* scan(found: Found, view: DueView, search: DueSearch, all: boolean): Generator<undefined, DueResult> {
  const { filter, sort, descending, behind, keep } = search;
  const { dueFrom = Number.NEGATIVE_INFINITY, dueBefore = Number.POSITIVE_INFINITY } = filter;
  const order = orderOf(sort, descending);
  const first = new First(order, keep);
  const matching: number[] = [];
  let total = 0;
  for (const part of found.parts) {
    const seqs = seqsOf(part);
    for (let at = 0; at < seqs.length; at += looksPerStep) {
      yield;
      for (const seq of seqs.slice(at, at + looksPerStep)) {
        const due = view.due(seq);
        if (!(due >= dueFrom && due < dueBefore)) continue;
        total++;
        if (all) matching.push(seq);
        if (behind !== undefined && order(behind, due, seq) >= 0) continue;
        first.add(due, seq);
      }
    }
  }
  return { total, first: first.sorted(), all: matching };
}

/** Less than 0 when the first comes before the second. */
type Order = (a: DuePlace, due: number, seq: number) => number;

function orderOf(sort: 'created' | 'due', descending: boolean): Order {
  const sign = descending ? -1 : 1;
  if (sort === 'created') return (a, _due, seq) => sign * (a.seq - seq);
  return (a, due, seq) => sign * (a.due - due || a.seq - seq);
}

/** The first so many of those that are added: a heap with the last of them on top. */
class First {
  readonly #order: Order;
  readonly #keep: number;
  #heap: DuePlace[] = [];

  constructor(order: Order, keep: number) {
    this.#order = order;
    this.#keep = keep;
  }

  add(due: number, seq: number): void {
    const heap = this.#heap;
    if (heap.length < this.#keep) {
      heap.push({ due, seq });
      this.#up(heap.length - 1);
      return;
    }
    const last = heap[0];
    if (last === undefined || this.#order(last, due, seq) <= 0) return;
    heap[0] = { due, seq };
    this.#down();
  }

  sorted(): DuePlace[] {
    return [...this.#heap].sort((a, b) => this.#order(a, b.due, b.seq));
  }

  #isAfter(a: DuePlace, b: DuePlace): boolean {
    return this.#order(a, b.due, b.seq) > 0;
  }

  #up(from: number): void {
    const heap = this.#heap;
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1;
      if (!this.#isAfter(heap[at] as DuePlace, heap[parent] as DuePlace)) return;
      swap(heap, at, parent);
      at = parent;
    }
  }

  #down(): void {
    const heap = this.#heap;
    for (let at = 0; ; ) {
      let largest = at;
      for (const child of [2 * at + 1, 2 * at + 2])
        if (child < heap.length && this.#isAfter(heap[child] as DuePlace, heap[largest] as DuePlace)) largest = child;
      if (largest === at) return;
      swap(heap, at, largest);
      at = largest;
    }
  }
}

function swap(heap: DuePlace[], a: number, b: number): void {
  const kept = heap[a] as DuePlace;
  heap[a] = heap[b] as DuePlace;
  heap[b] = kept;
}
