/**
 * Where the instants of creation go back. Jobs are numbered as they are made, so the instants grow with the numbers, but for clocks that
 * were set back: those places are kept, in `meta`. Between two of them a job is found by bisection.
 */
import { decodeMeta, encodeMeta, metaKey, type Put } from '../../format/layout.js';
import type { KvReader } from '../../kv/kv.js';

/** The oldest are given up beyond so many: what is looked for by its creation may then be missed. */
const mostBreaks = 10_000;

/** A stretch of numbers, the end not included, in which no job was made before an earlier one. */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

/** See the head of this file. */
export class CreationOrder {
  #breaks: number[] = [];
  #last = Number.NEGATIVE_INFINITY;

  /** @throws DamagedRecord */
  load(kv: KvReader): void {
    const sealed = kv.get('meta', metaKey('created'));
    if (sealed) this.#breaks = decodeMeta<number[]>(sealed, 'created');
  }

  /** The newest job there is was made then, in Unix milliseconds. */
  startFrom(createdAt: number): void {
    this.#last = createdAt;
  }

  /** Jobs that were made before the one before them. */
  get breaks(): readonly number[] {
    return this.#breaks;
  }

  /** Takes the next job. */
  add(seq: number, createdAt: number): void {
    if (createdAt < this.#last) this.#breaks.push(seq);
    if (this.#breaks.length > mostBreaks) this.#breaks.shift();
    this.#last = createdAt;
  }

  /** This, with jobs that are about to be written: what it is to be when they are, and what is to be written of that. */
  with(jobs: readonly { readonly seq: number; readonly createdAt: number }[]): {
    readonly next: CreationOrder;
    readonly put: Put | undefined;
  } {
    const next = new CreationOrder();
    next.#breaks = this.#breaks;
    next.#last = this.#last;
    let copied = false;
    for (const { seq, createdAt } of jobs) {
      if (createdAt < next.#last && !copied) {
        next.#breaks = [...this.#breaks];
        copied = true;
      }
      next.add(seq, createdAt);
    }
    const put: Put | undefined = copied
      ? { tree: 'meta', key: metaKey('created'), value: encodeMeta(next.#breaks, 'created') }
      : undefined;
    return { next, put };
  }

  /** All stretches of the numbers from 0 to `end`, which is not included. */
  stretches(end: number): readonly Stretch[] {
    const starts = [0, ...this.#breaks];
    return starts.map((from, i) => ({ from, to: starts[i + 1] ?? end }));
  }
}
