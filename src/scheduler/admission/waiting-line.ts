/**
 * The one line of jobs whose time has come: all wait here for what `admission.ts` names, until they go to the pool. Suspects go
 * first, then by priority. Of one priority types take turns, and within a type its groups; jobs of one group go in order of firing.
 * Each type queues by itself, so that one at its limit holds up nobody else.
 */
import type { Head } from '../../domain/control/limited-places.js';
import type { JobSpec } from '../../domain/job.js';
import { headsOf, mostWanted, useOf } from '../limits/wanted.js';
import { placesLeft, type TypeUse, type WaitsFor, whyTypeWaits } from './admission.js';
import type { Places, Rank, TypePlaces } from './places.js';
import { TypeLane, type TypeTerms } from './type-lane.js';

/** A job in the line. It may have moved on since: see `Dispatch`. */
export interface WaitingJob {
  /** Unix milliseconds. */
  readonly due: number;
  readonly seq: number;
  readonly name: string;
  readonly group: string | undefined;
  readonly priority: number;
  /** It may be what ended the last process: see `CarefulStart`. */
  readonly suspect: boolean;
}

/** What is asked of a type as of now. */
export interface TypeQuestions {
  /** Attempts of it that the pool has places for; Infinity when unbounded. */
  readonly placesOf: (name: string) => number;
  /** What handlers and users have set. */
  readonly termsOf: (name: string) => TypeTerms;
  /** Changes whenever terms may. */
  readonly edition: () => number;
  /** Pending jobs of it on disk that do not wait for a previous run. */
  readonly pendingOf: (name: string) => number;
}

/** A type, and a group of it, as they stand now. */
export interface Place {
  readonly type: TypeUse;
  readonly group: { readonly limit: number; readonly running: number };
}

/** Jobs of a type that wait for the same. */
export interface LimitQueue {
  readonly name: string;
  readonly waitsFor: WaitsFor;
  readonly jobs: number;
}

/** See the head of this file. Due times are Unix milliseconds, all other instants monotonic ones. */
export class WaitingLine {
  readonly #ask: TypeQuestions;
  readonly #lanes = new Map<string, TypeLane>();
  readonly #clock: () => number;
  readonly #since: number;
  /** Of types whose places are their own. */
  readonly #apart: readonly TypeLane[];
  #suspects = 0;
  /** Jobs whose attempts run in other processes, which have places for them. */
  readonly #elsewhere = new Set<number>();
  #edition: number;
  readonly #places: Places;
  /** As of the last `refresh`. */
  #now: number;

  /**
   * @param ask is asked by `refresh`
   * @param clock monotonic. The present time counts as the first start of types with a rate
   * @param places what is shared with the lines of other shards
   * @param apart types whose places are their own
   */
  constructor(ask: TypeQuestions, clock: () => number, places: Places, apart: readonly string[] = []) {
    this.#ask = ask;
    this.#places = places;
    this.#clock = clock;
    this.#since = clock();
    this.#now = this.#since;
    this.#edition = ask.edition();
    this.#apart = apart.map((name) => this.#lane(name));
    for (const lane of this.#apart) lane.apart = true;
  }

  /** How many suspects wait. */
  get suspects(): number {
    return this.#suspects;
  }

  /** Jobs of this priority or a higher one that wait for nothing but a shared place, or fewer where groups and rates bound them; suspects do not count. */
  startable(priority: number): number {
    let sum = 0;
    for (const lane of this.#lanes.values())
      if (!lane.apart) sum += Math.min(lane.startableFrom(priority), placesLeft(lane, this.#now));
    return sum;
  }

  /** Whether a type has places of its own that fewer jobs of this priority or a higher one wait for. */
  hasRoomApart(priority: number): boolean {
    return this.#apart.some((lane) => placesLeft(lane, this.#now) > lane.startableFrom(priority));
  }

  isApart(name: string): boolean {
    return this.#apart.some((lane) => lane.name === name);
  }

  /** How many wait, suspects left out. */
  get size(): number {
    let sum = 0;
    for (const { ordinary } of this.#lanes.values()) sum += ordinary.size;
    return sum;
  }

  /**
   * Whether all of a priority that could have its turn before others is in the line, though not all that is due. What has moved on
   * since it came into the line does not count.
   *
   * @param enough a type with more startable jobs than this needs no more, unless it has groups
   * @param pending jobs on disk that do not wait for a previous run, of all types
   */
  isFair(priority: number, enough: number, pending: number): boolean {
    let known = 0;
    for (const lane of this.#lanes.values()) {
      const startable = Math.min(lane.startableFrom(priority), placesLeft(lane, this.#now));
      known += startable > enough && !lane.hasGroups ? this.#ask.pendingOf(lane.name) : lane.known.size;
    }
    return known >= pending;
  }

  /** Nothing that waits is due before this; Infinity when nothing does. */
  get notBefore(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { ordinary, suspects } of this.#lanes.values())
      first = Math.min(first, ordinary.notBefore, suspects.notBefore);
    return first;
  }

  /** Due time of the earliest with one priority; Infinity when none waits. */
  earliestOf(priority: number): number {
    let first = Number.POSITIVE_INFINITY;
    for (const { ordinary, suspects } of this.#lanes.values())
      first = Math.min(first, ordinary.earliestOf(priority), suspects.earliestOf(priority));
    return first;
  }

  /** Due times of the first of each type that waits. */
  *firstDue(): Iterable<readonly [name: string, due: number]> {
    for (const { name, ordinary, suspects } of this.#lanes.values()) {
      const due = Math.min(ordinary.earliest, suspects.earliest);
      if (due < Number.POSITIVE_INFINITY) yield [name, due];
    }
  }

  /** How many jobs in the line wait for what: each for the first that holds. */
  *queues(): Iterable<LimitQueue> {
    for (const lane of this.#lanes.values()) {
      const { name, waiting } = lane;
      if (waiting === 0) continue;
      const wait = whyTypeWaits(useOf(lane), this.#now)?.waitsFor;
      const byGroup = !lane.shared.byGrant || lane.groups.limit !== Number.POSITIVE_INFINITY;
      const inGroups = wait === undefined && byGroup ? waiting - lane.ordinary.open - lane.suspects.open : 0;
      if (inGroups > 0) yield { name, waitsFor: 'group_concurrency', jobs: inGroups };
      if (waiting > inGroups) yield { name, waitsFor: wait ?? 'thread', jobs: waiting - inGroups };
    }
  }

  /** A type and a group of it as they stand now, whether or not a job of them has ever waited. */
  placeOf(name: string, group: string | undefined): Place {
    if (this.#ask.edition() !== this.#edition) this.refresh();
    const lane = this.#lanes.get(name) ?? this.#makeLane(name, this.#places.lookAt(name));
    lane.places = this.#ask.placesOf(name);
    return { type: useOf(lane), group: { limit: lane.groups.limit, running: lane.groups.runningOf(group) } };
  }

  /** Jobs of a type in the line. */
  waitingOf(name: string): number {
    return this.#lanes.get(name)?.waiting ?? 0;
  }

  /** The pool's places and what users have set may have changed, and time has passed; to be called once before jobs are taken. */
  refresh(): void {
    const now = this.#clock();
    this.#now = now;
    const edition = this.#ask.edition();
    const isNew = edition !== this.#edition;
    this.#edition = edition;
    for (const lane of this.#lanes.values()) {
      lane.places = this.#ask.placesOf(lane.name);
      if (isNew) lane.agree(this.#ask.termsOf(lane.name), now);
    }
  }

  /** Handlers are others now. */
  handlersChanged(): void {
    for (const lane of this.#lanes.values()) lane.agree(this.#ask.termsOf(lane.name), this.#clock());
  }

  /**
   * Puts a job into the line.
   *
   * @param inFront it was taken and could not start: its group has not had its turn
   */
  push({ due, seq, name, group, priority, suspect }: WaitingJob, inFront = false): void {
    const lane = this.#lane(name);
    if (suspect) this.#suspects++;
    lane.known.add(seq);
    (suspect ? lane.suspects : lane.ordinary).push(due, seq, priority, group, inFront);
  }

  /** A job has changed, and that is on disk. If it waits still, the window has it once more. */
  changed(seq: number, name: string): void {
    this.#lanes.get(name)?.known.delete(seq);
  }

  /**
   * Takes the first suspect, or the first of the others, whose type may have one more; `occupy` must follow if it is started.
   *
   * @param shared whether a shared place is free; where none is, types with places of their own may still have one
   */
  take(suspect: boolean, shared = true): WaitingJob | undefined {
    const best = this.#first(suspect, shared);
    const rank = best && (suspect ? best.suspects : best.ordinary).first;
    if (!best || rank?.first === undefined) return undefined;
    const { heap, use } = rank.first;
    const [due, seq] = [heap.firstDue, heap.firstSeq];
    const job = { due, seq, name: best.name, group: use.name, priority: rank.priority, suspect };
    (suspect ? best.suspects : best.ordinary).pop();
    best.known.delete(seq);
    if (suspect) this.#suspects--;
    return job;
  }

  /** Where the job stands that `take` would take. @param numberOf its job number */
  rank(suspect: boolean, shared: boolean, numberOf: (seq: number) => number): Rank | undefined {
    const best = this.#first(suspect, shared);
    const rank = best && (suspect ? best.suspects : best.ordinary).first;
    if (!best || rank?.first === undefined) return undefined;
    const { heap, use } = rank.first;
    const { priority } = rank;
    const number = numberOf(heap.firstSeq);
    return { suspect, priority, turn: best.lastTurn, groupTurn: use.lastTurn, due: heap.firstDue, number };
  }

  /**
   * What could start of types whose places are given, had it one: of each the first of its groups.
   *
   * @param shared places that types share; undefined: nothing may start
   * @param numberOf its job number
   */
  *wanted(
    shared: number | undefined,
    numberOf: (seq: number) => number,
  ): Iterable<readonly [type: string, heads: readonly Head[]]> {
    if (shared === undefined) return;
    const trials = this.#places.trials.trials(this.#now);
    const suspects = !trials.byItself && trials.running < trials.wave;
    for (const lane of this.#lanes.values()) {
      if (!lane.shared.byGrant || lane.waiting === 0) continue;
      const wait = whyTypeWaits(lane, this.#now)?.waitsFor;
      if (wait !== undefined && wait !== 'rate') continue;
      const { concurrency = 0, places, running } = lane;
      const room = Math.min(lane.apart ? mostWanted : shared, places - running, concurrency - running, mostWanted);
      if (room <= 0) continue;
      yield [lane.name, headsOf(lane, room, suspects, numberOf)];
    }
  }

  /** Time has passed, and nothing else. */
  tick(): void {
    this.#now = this.#clock();
  }

  /** The type whose turn it is. */
  #first(suspect: boolean, shared: boolean): TypeLane | undefined {
    let best: TypeLane | undefined;
    let due = Number.POSITIVE_INFINITY;
    let seq = 0;
    let priority = Number.NEGATIVE_INFINITY;
    let turn = 0;
    for (const lane of this.#lanes.values()) {
      const rank = (suspect ? lane.suspects : lane.ordinary).first;
      if (rank?.first === undefined || rank.priority < priority) continue;
      const { firstDue, firstSeq } = rank.first.heap;
      const isBefore =
        rank.priority > priority ||
        lane.lastTurn < turn ||
        (lane.lastTurn === turn && (firstDue < due || (firstDue === due && firstSeq < seq)));
      if (!isBefore || !(shared || lane.apart) || whyTypeWaits(lane, this.#now)) continue;
      best = lane;
      [due, seq, priority, turn] = [firstDue, firstSeq, rank.priority, lane.lastTurn];
    }
    return best;
  }

  /**
   * The attempt of a job that was taken has a place from now on.
   *
   * @param isOnRecord it starts as soon as that is on disk, and `left` must follow
   */
  occupy({ name, group, priority, suspect }: WaitingJob, isOnRecord: boolean): void {
    const lane = this.#lane(name);
    (suspect ? lane.suspects : lane.ordinary).hadTurn(priority, group);
    lane.shared.lastTurn = ++this.#places.turns;
    lane.shared.running++;
    lane.groups.occupy(group, lane.shared.lastTurn);
    if (lane.pacer === undefined) return;
    if (isOnRecord) lane.pacer.announced();
    else lane.pacer.started(this.#clock());
  }

  /**
   * One that an owner before has started has its place here from now on. That is no start by the rate of its type. Where places are given,
   * the process has it in which it runs.
   */
  resumed({ seq, name, group }: Pick<JobSpec, 'seq' | 'name' | 'group'>): void {
    if (this.#places.areGiven) {
      this.#elsewhere.add(seq);
      return;
    }
    const lane = this.#lane(name);
    lane.shared.running++;
    lane.groups.occupy(group, lane.shared.lastTurn);
  }

  /** One that had to be on disk first has started, or has not. */
  left(name: string): void {
    this.#lane(name).pacer?.left(this.#clock());
  }

  /** It has left its place. */
  vacate({ seq, name, group }: Pick<JobSpec, 'seq' | 'name' | 'group'>): void {
    if (!this.#elsewhere.delete(seq)) this.#lane(name).shared.vacate(group);
  }

  /** Its shard is dropped. Where places are given, it has its own until it has ended here. @param number its job number; undefined: it has ended, and nobody has decided that */
  abandon(spec: Pick<JobSpec, 'seq' | 'name' | 'group'>, number: number | undefined): void {
    if (number !== undefined && this.#places.areGiven && !this.#elsewhere.has(spec.seq))
      this.#places.linger(number, spec);
    else this.vacate(spec);
  }

  /** When the first of the jobs that wait for a rate may start; Infinity when none does. */
  get nextByRate(): number {
    let first = Number.POSITIVE_INFINITY;
    for (const lane of this.#lanes.values()) {
      if (lane.pacer === undefined || lane.waiting === 0) continue;
      const wait = whyTypeWaits(lane, this.#now);
      if (wait?.waitsFor === 'rate') first = Math.min(first, wait.askAgainAt);
    }
    return first;
  }

  #lane(name: string): TypeLane {
    return this.#lanes.get(name) ?? this.#newLane(name);
  }

  #newLane(name: string): TypeLane {
    const lane = this.#makeLane(name, this.#places.type(name));
    this.#lanes.set(name, lane);
    return lane;
  }

  #makeLane(name: string, shared: TypePlaces): TypeLane {
    const lane = new TypeLane(name, shared);
    lane.agree(this.#ask.termsOf(name), this.#since);
    lane.places = this.#ask.placesOf(name);
    return lane;
  }
}
