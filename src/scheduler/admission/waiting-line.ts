/**
 * The one line of jobs whose time has come: all wait here for what `admission.ts` names, until they go to the pool. Suspects go
 * first, then by priority, then in order of firing. Each type queues by itself, so that one at its limit holds up nobody else.
 */
import type { HandlerInfo } from '../../pool/port.js';
import { placesLeft, type TypeUse, whyTypeWaits } from './admission.js';
import { WaitingQueue } from './waiting-queue.js';

/** A job in the line. It may have moved on since: see `Dispatch`. */
export interface WaitingJob {
  /** Unix milliseconds. */
  readonly due: number;
  readonly seq: number;
  readonly name: string;
  readonly priority: number;
  /** It may be what ended the last process: see `CarefulStart`. */
  readonly suspect: boolean;
}

/** The jobs of one type. */
interface Lane extends TypeUse {
  readonly name: string;
  readonly ordinary: WaitingQueue;
  readonly suspects: WaitingQueue;
  /** Its places are its own: it takes none of those that types share. */
  apart: boolean;
  concurrency: number | undefined;
  /** As of the last `refresh`. */
  paused: boolean;
  places: number;
  running: number;
}

/** What is asked of a type as of now. */
export interface TypeQuestions {
  /** Attempts of it that the pool has places for; Infinity when unbounded. */
  readonly placesOf: (name: string) => number;
  /** Whether a user has paused it. */
  readonly isPaused: (name: string) => boolean;
}

/** See the head of this file. */
export class WaitingLine {
  readonly #handlers: ReadonlyMap<string, HandlerInfo>;
  readonly #ask: TypeQuestions;
  readonly #lanes = new Map<string, Lane>();
  /** Of types whose places are their own. */
  readonly #apart: readonly Lane[];
  #suspects = 0;

  /**
   * @param ask is asked by `refresh`
   * @param apart types whose places are their own
   */
  constructor(handlers: ReadonlyMap<string, HandlerInfo>, ask: TypeQuestions, apart: readonly string[] = []) {
    this.#handlers = handlers;
    this.#ask = ask;
    for (const name of apart) this.#lane(name).apart = true;
    this.#apart = apart.map((name) => this.#lane(name));
  }

  /** How many suspects wait. */
  get suspects(): number {
    return this.#suspects;
  }

  /** Jobs of this priority or a higher one that wait for nothing but a shared place; suspects do not count. */
  startable(priority: number): number {
    let sum = 0;
    for (const lane of this.#lanes.values())
      if (!lane.apart) sum += Math.min(lane.ordinary.sizeFrom(priority), placesLeft(lane));
    return sum;
  }

  /** Whether a type has places of its own that fewer jobs of this priority or a higher one wait for. */
  hasRoomApart(priority: number): boolean {
    return this.#apart.some((lane) => placesLeft(lane) > lane.ordinary.sizeFrom(priority));
  }

  /** How many wait, suspects left out. */
  get size(): number {
    let sum = 0;
    for (const { ordinary } of this.#lanes.values()) sum += ordinary.size;
    return sum;
  }

  /** Due time of the earliest, in Unix milliseconds; Infinity when none waits. */
  get earliest(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { ordinary, suspects } of this.#lanes.values())
      first = Math.min(first, ordinary.earliest, suspects.earliest);
    return first;
  }

  /** The same of those with one priority. */
  earliestOf(priority: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { ordinary, suspects } of this.#lanes.values())
      first = Math.min(first, ordinary.earliestOf(priority), suspects.earliestOf(priority));
    return first;
  }

  /** Due times of the first of each type that waits, in Unix milliseconds. */
  *firstDue(): Iterable<readonly [name: string, due: number]> {
    for (const { name, ordinary, suspects } of this.#lanes.values()) {
      const due = Math.min(ordinary.earliest, suspects.earliest);
      if (due < Number.POSITIVE_INFINITY) yield [name, due];
    }
  }

  /** A type as it stands now, whether or not a job of it has ever waited. */
  typeUse(name: string): TypeUse {
    return { ...this.#typeUse(name), running: this.#lanes.get(name)?.running ?? 0 };
  }

  /** The pool's places and what users have set may have changed; to be called once before jobs are taken. */
  refresh(): void {
    for (const lane of this.#lanes.values()) {
      lane.places = this.#ask.placesOf(lane.name);
      lane.paused = this.#ask.isPaused(lane.name);
    }
  }

  /** The handlers that the line was made with are others now. */
  handlersChanged(): void {
    for (const lane of this.#lanes.values()) lane.concurrency = this.#handlers.get(lane.name)?.concurrency;
  }

  /** Puts a job into the line, or back into it. */
  push({ due, seq, name, priority, suspect }: WaitingJob): void {
    const lane = this.#lane(name);
    if (suspect) this.#suspects++;
    (suspect ? lane.suspects : lane.ordinary).push(due, seq, priority);
  }

  /**
   * Takes the first suspect, or the first of the others, whose type may have one more; `occupy` must follow if it is started.
   *
   * @param shared whether a shared place is free; where none is, types with places of their own may still have one
   */
  take(suspect: boolean, shared = true): WaitingJob | undefined {
    let best: Lane | undefined;
    let due = Number.POSITIVE_INFINITY;
    let seq = 0;
    let priority = Number.NEGATIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      const first = (suspect ? lane.suspects : lane.ordinary).first;
      if (!first || first.priority < priority) continue;
      const { firstDue, firstSeq } = first.heap;
      const isBefore = first.priority > priority || firstDue < due || (firstDue === due && firstSeq < seq);
      if (!isBefore || !(shared || lane.apart) || whyTypeWaits(lane)) continue;
      best = lane;
      [due, seq, priority] = [firstDue, firstSeq, first.priority];
    }
    if (!best) return undefined;
    const queue = suspect ? best.suspects : best.ordinary;
    const job = { due, seq, name: best.name, priority, suspect };
    queue.pop();
    if (suspect) this.#suspects--;
    return job;
  }

  /** An attempt of this type has a place from now on. */
  occupy(name: string): void {
    this.#lane(name).running++;
  }

  /** It has left it. */
  vacate(name: string): void {
    this.#lane(name).running--;
  }

  #lane(name: string): Lane {
    let lane = this.#lanes.get(name);
    if (!lane) {
      const { paused, concurrency, places, running } = this.#typeUse(name);
      // Written out: lanes put together by spreading had their readers compiled again and again.
      lane = {
        name,
        paused,
        concurrency,
        places,
        running,
        apart: false,
        ordinary: new WaitingQueue(),
        suspects: new WaitingQueue(),
      };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #typeUse(name: string): TypeUse {
    const { placesOf, isPaused } = this.#ask;
    const concurrency = this.#handlers.get(name)?.concurrency;
    return { paused: isPaused(name), concurrency, places: placesOf(name), running: 0 };
  }
}
