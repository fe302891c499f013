/**
 * What is due next, by priority: a window for each priority that jobs have, and one of deadlines. Jobs come out by priority first,
 * then by due time; as long as it is not known what a higher priority has, nothing of a lower one comes. Most servers have
 * jobs of one priority, and one window.
 */
import type { DueLane } from '../domain/due-heap.js';
import { type Job, wakesAt } from '../domain/job.js';
import { deadlineOf } from '../domain/slots/deadline.js';
import { type Due, type DueSource, DueWindow } from './window.js';

/** A job whose time has come. */
export interface DueJob extends Due {
  readonly priority: number;
}

/** Nothing that stands in a lane is due before `earliest`. Unix milliseconds. */
export interface LaneStart {
  readonly lane: DueLane;
  readonly earliest: number;
}

/** What is due next, as its owner asks for it. */
export interface DueTimes {
  /** Due time of the first entry; Infinity when nothing is to come, -Infinity while there is more to be read first. */
  readonly nextDue: number;
  /**
   * The same of the priorities of which jobs are wanted.
   *
   * @param hasRoom as of `pop`
   */
  nextWanted(hasRoom: (priority: number) => boolean): number;
  /** The first deadline in the same way. */
  readonly nextDeadline: number;
  /** Nothing of a lower priority than this is to start now: what the lane of this one has is not known yet. */
  readonly knownDownTo: number;
  /** From when on something is to come in each lane; the first is that of jobs without a priority. */
  readonly starts: readonly LaneStart[];
  /** More has to be read before the next is known. */
  readonly wantsRefill: boolean;
  /** Takes a job whose due time is on disk. */
  add(due: number, seq: number, lane?: DueLane): void;
  /**
   * Takes the first entry of the highest priority that has one which is due at `now`, in Unix milliseconds. It may be out of date.
   *
   * @param hasRoom whether jobs of this priority are wanted; where not, none of a lower one are either
   */
  pop(now: number, hasRoom?: (priority: number) => boolean): DueJob | undefined;
  /** Takes the first entry whose deadline has passed at `now`. It may be out of date. */
  popDeadline(now: number): Due | undefined;
  /** Reads up to `limit` entries more of each lane that wants some. @throws DamagedRecord */
  refill(limit: number): void;
  /** What was added so far will be in the store's due index when the merge has ended. */
  mergeBegins(): void;
  mergeEnded(): void;
}

interface PriorityWindow {
  readonly priority: number;
  readonly window: DueWindow;
}

/** See the head of this file. */
export class DueLanes implements DueTimes {
  readonly #sourceOf: (lane: DueLane) => DueSource;
  readonly #capacity: number | undefined;
  readonly #ordinary: DueWindow;
  /** The highest first. */
  #windows: readonly PriorityWindow[];
  #deadlines: DueWindow | undefined;
  /** Of all lanes. */
  #all: readonly DueWindow[];

  /** @param capacity entries that each window holds, where not as usual */
  constructor(sourceOf: (lane: DueLane) => DueSource, capacity?: number) {
    this.#sourceOf = sourceOf;
    this.#capacity = capacity;
    this.#ordinary = new DueWindow(sourceOf(0), capacity);
    this.#windows = [{ priority: 0, window: this.#ordinary }];
    this.#all = [this.#ordinary];
  }

  /** Makes the windows of lanes that the due index has entries of. */
  open(lanes: readonly DueLane[]): void {
    for (const lane of lanes) this.#windowOf(lane);
  }

  /** Entries in memory that are next in their lanes. */
  get size(): number {
    return this.#all.reduce((sum, { size }) => sum + size, 0);
  }

  get nextDue(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { window } of this.#windows) first = Math.min(first, window.nextDue);
    return first;
  }

  nextWanted(hasRoom: (priority: number) => boolean): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { priority, window } of this.#windows) {
      if (!hasRoom(priority)) break;
      first = Math.min(first, window.nextDue);
    }
    return first;
  }

  get knownDownTo(): number {
    for (const { priority, window } of this.#windows) {
      if (window.nextDue === Number.NEGATIVE_INFINITY) return priority;
    }
    return Number.NEGATIVE_INFINITY;
  }

  get nextDeadline(): number {
    return this.#deadlines?.nextDue ?? Number.POSITIVE_INFINITY;
  }

  get starts(): readonly LaneStart[] {
    const others = this.#windows.filter(({ priority }) => priority !== 0);
    return [
      { lane: 0, earliest: this.#ordinary.earliest },
      ...others.map(({ priority, window }) => ({ lane: priority, earliest: window.earliest })),
      ...(this.#deadlines ? [{ lane: 'deadlines', earliest: this.#deadlines.earliest } as const] : []),
    ];
  }

  get wantsRefill(): boolean {
    return this.#all.some((window) => window.wantsRefill);
  }

  add(due: number, seq: number, lane: DueLane = 0): void {
    (lane === 0 ? this.#ordinary : this.#windowOf(lane)).add(due, seq);
  }

  pop(now: number, hasRoom: (priority: number) => boolean = () => true): DueJob | undefined {
    for (const { priority, window } of this.#windows) {
      const { nextDue } = window;
      if (nextDue > now) continue;
      if (nextDue === Number.NEGATIVE_INFINITY || !hasRoom(priority)) return undefined;
      const first = window.pop(now) as Due;
      return { due: first.due, seq: first.seq, priority };
    }
    return undefined;
  }

  popDeadline(now: number): Due | undefined {
    return this.#deadlines?.pop(now - 1);
  }

  refill(limit: number): void {
    for (const window of this.#all) if (window.wantsRefill) window.refill(limit);
  }

  mergeBegins(): void {
    for (const window of this.#all) window.mergeBegins();
  }

  mergeEnded(): void {
    for (const window of this.#all) window.mergeEnded();
  }

  /** The window of a lane, which is made if there is none. */
  #windowOf(lane: DueLane): DueWindow {
    if (lane === 'deadlines') {
      if (this.#deadlines === undefined) this.#addWindow((this.#deadlines = this.#newWindow(lane)));
      return this.#deadlines;
    }
    const known = this.#windows.find(({ priority }) => priority === lane);
    if (known) return known.window;
    const window = this.#newWindow(lane);
    this.#windows = [...this.#windows, { priority: lane, window }].sort((a, b) => b.priority - a.priority);
    this.#addWindow(window);
    return window;
  }

  #newWindow(lane: DueLane): DueWindow {
    return new DueWindow(this.#sourceOf(lane), this.#capacity);
  }

  #addWindow(window: DueWindow): void {
    this.#all = [...this.#all, window];
  }
}

/** Has a pending job found by when it wakes, and by its deadline; of another job nothing is awaited. */
export function awaitPending(window: Pick<DueTimes, 'add'>, { spec, state }: Job): void {
  if (state.status !== 'pending') return;
  const at = wakesAt(state);
  if (at !== Number.POSITIVE_INFINITY) window.add(at, spec.seq, spec.priority);
  if (spec.expiresAfterMs !== undefined) window.add(deadlineOf(spec, state) as number, spec.seq, 'deadlines');
}
