/**
 * Jobs whose time has come and that wait for a thread, in order of firing. Types with a `concurrency` queue by
 * themselves, so that a type at its limit holds up nobody else. The limit of a type without a handler is 0.
 */
import { DueHeap } from '../domain/due-heap.js';

export interface ReadyJob {
  readonly due: number;
  readonly seq: number;
  readonly name: string;
}

/** The jobs of one type. */
interface Lane {
  readonly name: string;
  /** As of the last `refresh`. */
  limit: number;
  readonly waiting: DueHeap;
  running: number;
}

export class ReadyQueue {
  readonly #lanes = new Map<string, Lane>();
  readonly #limitOf: (name: string) => number;
  #size = 0;

  /** @param limitOf attempts of a type that may run at once, as of now: asked by `refresh`; Infinity when unbounded */
  constructor(limitOf: (name: string) => number) {
    this.#limitOf = limitOf;
  }

  get size(): number {
    return this.#size;
  }

  /** Jobs that wait for nothing but a thread. */
  get startable(): number {
    let sum = 0;
    for (const lane of this.#lanes.values()) sum += Math.min(lane.waiting.size, Math.max(0, lane.limit - lane.running));
    return sum;
  }

  /** Due time of the earliest; Infinity when none waits. */
  get earliest(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) first = Math.min(first, lane.waiting.firstDue);
    return first;
  }

  /** Limits may have changed; to be called once before jobs are taken. */
  refresh(): void {
    for (const lane of this.#lanes.values()) lane.limit = this.#limitOf(lane.name);
  }

  push(job: ReadyJob): void {
    this.#lane(job.name).waiting.push(job.due, job.seq);
    this.#size++;
  }

  /** Takes the first job whose type is below its limit; `began` must follow if it is started. */
  pop(): ReadyJob | undefined {
    let best: Lane | undefined;
    for (const lane of this.#lanes.values()) {
      if (lane.waiting.size === 0 || lane.running >= lane.limit) continue;
      if (!best || lane.waiting.firstDue < best.waiting.firstDue) best = lane;
    }
    if (!best) return undefined;
    const job = { due: best.waiting.firstDue, seq: best.waiting.firstSeq, name: best.name };
    best.waiting.pop();
    this.#size--;
    return job;
  }

  /** An attempt of this type occupies a place from now on. */
  began(name: string): void {
    this.#lane(name).running++;
  }

  ended(name: string): void {
    this.#lane(name).running--;
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (!lane) {
      lane = { name, limit: this.#limitOf(name), waiting: new DueHeap(), running: 0 };
      this.#lanes.set(name, lane);
    }
    return lane;
  }
}
