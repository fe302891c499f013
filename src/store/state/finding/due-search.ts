/** Lists that ask for due times, or go by them: looked for in steps of about a millisecond, as of the instant at which the first is done. */
import type { JobFilter } from '../../../domain/finding/job-filter.js';
import { blockSize } from '../../format/trees/set-block.js';
import type { DueTable, DueView } from './due-table.js';
import { First, type Order } from './first.js';
import type { Found } from './matching.js';

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
  const after = behind && { by: behind.due, of: behind.seq };
  const matching: number[] = [];
  let total = 0;
  for (const part of found.parts) {
    const lows = part.bitmap.toUint32Array();
    const base = part.block * blockSize;
    for (let at = 0; at < lows.length; at += looksPerStep) {
      yield;
      for (const low of lows.subarray(at, at + looksPerStep)) {
        const seq = base + low;
        const due = view.due(seq);
        if (!(due >= dueFrom && due < dueBefore)) continue;
        total++;
        if (all) matching.push(seq);
        if (after !== undefined && order(after, due, seq) >= 0) continue;
        first.add(due, seq);
      }
    }
  }
  return { total, first: first.sorted().map(({ by, of }) => ({ due: by, seq: of })), all: matching };
}

function orderOf(sort: 'created' | 'due', descending: boolean): Order {
  const sign = descending ? -1 : 1;
  if (sort === 'created') return (a, _due, seq) => sign * (a.of - seq);
  return (a, due, seq) => sign * (a.by - due || a.of - seq);
}
