/**
 * Limits of types where several processes run attempts. A type with a limit starts nothing without a place that was given for it
 * (`PlaceKeeper`): its groups are closed until then. At the end of each round what waits is asked for, and what has ended is given back, all
 * in one; there is one ask under way at a time. A place that a round could not use is given back as well: others may wait for it.
 *
 * Each ask says all that runs here of a type. So one that was lost leaves nothing behind once the next was carried out. That comes also
 * where nothing changes: a database that fails over may have lost the last one, and be on time with all else. Other types cost nothing.
 * Instants are monotonic milliseconds.
 */
import {
  type GroupCount,
  type Head,
  isLimited,
  nodesPaceOf,
  type PlaceAnswer,
  type PlaceAsk,
  type PlaceKeeper,
} from '../../domain/control/limited-places.js';
import type { TypeLimits } from '../../domain/control/settings.js';
import type { Groups } from '../admission/groups.js';
import type { StartPace } from '../admission/pacer.js';
import { GrantedPace } from './granted-pace.js';

/** Heads of one type that are asked for at a time: by far more than can start. */
const mostHeads = 64;
/** What others have is asked for again so often, in milliseconds: the longer it takes, the more seldom. */
const askAgain = { first: 25, last: 200 } as const;
/** What waits is known to the keeper for about so long. */
const headsLastMs = 900;
/**
 * What has changed is told once more after so long, in milliseconds. A node that has lost a beat begins anew; so what may be lost without a
 * word is younger than a lease, of 3 s.
 */
const tellAgainMs = 5_000;
/** After an ask that failed. */
const retryMs = 250;
/** What remains of the time that answers took lately, with each that is faster. */
const answersDecay = 0.9;

export interface NodeLimitsPorts {
  readonly keeper: PlaceKeeper;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Something may start, or is to be asked for: has a round follow. */
  readonly wake: () => void;
}

/** A type with limits, as it is used in this process. */
export interface LimitedType {
  readonly groups: Pick<Groups, 'grant' | 'runElsewhere'>;
  readonly limits: TypeLimits | undefined;
  readonly pacer: StartPace | undefined;
  /** Whether a job of it needs a place that was given. It did, where it does not any more. */
  readonly byGrant: boolean;
  /** Whether it matters how many attempts run. */
  readonly countsUses: boolean;
  /** Attempts of it in other processes. */
  elsewhere: number;
  /** Places that attempts have, or may take, by group; none where that does not matter. */
  counted(): ReadonlyMap<string | null, number>;
  /** Places that were given and are not taken are nobody's. Returns how many there were. */
  giveBack(): number;
}

/** What waits of a type. */
export type Wanted = readonly [type: string, heads: readonly Head[]];

interface Known {
  readonly places: LimitedType;
  /** What the keeper takes to run here, by group; undefined: it is not known. */
  told: ReadonlyMap<string | null, number> | undefined;
  /** When it is told that again. */
  tellAgainAt: number;
  /** Heads that it has and that got no place; what distinguishes them. */
  waiting: string;
  askAgainAt: number;
  interval: number;
  /** Something is free, and what is under way may not have found it. */
  isFree: boolean;
  /** What was given in vain is not asked for again before. */
  restsUntil: number;
}

/** See the head of this file. */
export class NodeLimits {
  readonly #ports: NodeLimitsPorts;
  readonly #types = new Map<string, Known>();
  /** The ask under way. */
  #asking: object | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;
  /** How long answers took lately, in milliseconds. */
  #answersAfter = 0;

  constructor(ports: NodeLimitsPorts) {
    this.#ports = ports;
  }

  /** A type has these limits from now on. Returns whether it needs places that are given. */
  agree(name: string, places: LimitedType, limits: TypeLimits): boolean {
    const limited = isLimited(limits);
    if (limited && !this.#types.has(name))
      this.#types.set(name, {
        ...{ places, told: new Map(), waiting: '', askAgainAt: Number.NEGATIVE_INFINITY },
        ...{
          interval: askAgain.first,
          isFree: false,
          restsUntil: Number.NEGATIVE_INFINITY,
          tellAgainAt: Number.POSITIVE_INFINITY,
        },
      });
    return limited;
  }

  /** The keeper has nothing of this process any more, and takes it for another one. */
  begunAnew(): void {
    this.#asking = undefined;
    for (const known of this.#types.values()) {
      known.told = new Map();
      known.tellAgainAt = Number.POSITIVE_INFINITY;
      known.waiting = '';
      known.places.giveBack();
    }
    this.#ports.wake();
  }

  /** Another node says that places of these types are free: asks at once for those that wait, before the next poll. */
  freed(types: readonly string[]): void {
    let isAsked = false;
    for (const type of types) {
      const known = this.#types.get(type);
      if (known === undefined || (known.waiting === '' && this.#asking === undefined)) continue;
      known.isFree = true;
      known.askAgainAt = Number.NEGATIVE_INFINITY;
      isAsked = true;
    }
    if (isAsked) this.#ports.wake();
  }

  /**
   * A round has come to its end.
   *
   * @param wanted what could start, had it a place; asked for only if there is something to be asked
   * @returns when it is to be called again though nothing happens
   */
  look(wanted: () => Iterable<Wanted>): number {
    if (this.#types.size === 0) return Number.POSITIVE_INFINITY;
    const now = this.#ports.clock();
    for (const known of this.#types.values()) this.#giveBack(known, now);
    if (this.#asking !== undefined) return Number.POSITIVE_INFINITY;
    if (now < this.#retryAt) return this.#retryAt;
    const heads = headsByType(wanted());
    const asks: PlaceAsk[] = [];
    let nextAt = Number.POSITIVE_INFINITY;
    for (const [name, known] of this.#types) {
      const own = known.places.byGrant ? (heads.get(name) ?? []) : [];
      const ask = this.#askFor(name, known, own, now);
      if (ask) {
        asks.push(ask);
        continue;
      }
      nextAt = Math.min(nextAt, known.tellAgainAt);
      if (own.length > 0) nextAt = Math.min(nextAt, Math.max(known.askAgainAt, known.restsUntil));
    }
    if (asks.length > 0) this.#send(asks, now);
    return nextAt;
  }

  /** Starts of a rate stay allowed for a moment; all else that this round could not use is for others. */
  #giveBack(known: Known, now: number): void {
    const { pacer } = known.places;
    if (pacer instanceof GrantedPace && pacer.isValid(now)) return;
    if (known.places.giveBack() > 0) known.restsUntil = now + askAgain.first;
  }

  #askFor(type: string, known: Known, heads: readonly Head[], now: number): PlaceAsk | undefined {
    const { places, told } = known;
    const uses = places.counted();
    const waiting = keyOf(heads);
    const isTold = told !== undefined && isSame(told, uses) && now < known.tellAgainAt;
    const rests = now < known.restsUntil;
    const isTime = !rests && heads.length > 0 && (now >= known.askAgainAt || isNew(waiting, known.waiting));
    const isOver = heads.length === 0 && known.waiting !== '';
    if (isTold && !isTime && !isOver) return undefined;
    known.isFree = false;
    const { concurrency, groupConcurrency, rate } = places.limits ?? unbounded;
    return {
      ...{ type, uses: [...uses], heads: rests ? [] : heads, again: isTold && waiting === known.waiting },
      concurrency: Number.isFinite(concurrency) ? concurrency : null,
      groupConcurrency: Number.isFinite(groupConcurrency) ? groupConcurrency : null,
      pace: rate && places.byGrant ? nodesPaceOf(rate, this.#answersAfter) : null,
    };
  }

  #send(asks: readonly PlaceAsk[], sentAt: number): void {
    const { keeper, clock, wake } = this.#ports;
    const asking = {};
    this.#asking = asking;
    const over = (then: () => void): void => {
      // Of one that belongs to a former life nothing holds.
      if (this.#asking !== asking) return;
      this.#asking = undefined;
      then();
      wake();
    };
    keeper.ask(asks).then(
      (answers) => over(() => this.#answered(asks, answers, sentAt, clock())),
      () =>
        over(() => {
          this.#retryAt = clock() + retryMs;
          for (const { type } of asks) this.#forget(type);
        }),
    );
  }

  /** Nothing is known of what the keeper has of a type. */
  #forget(type: string): void {
    const known = this.#types.get(type);
    if (known) known.told = undefined;
  }

  #answered(asks: readonly PlaceAsk[], answers: readonly PlaceAnswer[], sentAt: number, now: number): void {
    this.#answersAfter = Math.max(now - sentAt, this.#answersAfter * answersDecay);
    const byType = new Map(answers.map((answer) => [answer.type, answer]));
    for (const ask of asks) {
      const answer = byType.get(ask.type);
      const known = this.#types.get(ask.type);
      if (known === undefined) continue;
      if (answer) this.#given(known, ask, answer, sentAt, now);
      else this.#forget(ask.type);
    }
  }

  #given(known: Known, ask: PlaceAsk, answer: PlaceAnswer, sentAt: number, now: number): void {
    const { places } = known;
    const told = new Map(ask.uses);
    const counts = places.countsUses;
    for (const [group, count] of counts ? answer.given : []) told.set(group, (told.get(group) ?? 0) + count);
    const given = sumOf(answer.given);
    const isNews = counts && (given > 0 || known.told === undefined || !isSame(known.told, new Map(ask.uses)));
    known.tellAgainAt = isNews ? now + tellAgainMs : Number.POSITIVE_INFINITY;
    known.told = told;
    const wanted = ask.heads.reduce((sum, { jobs }) => sum + jobs, 0);
    known.waiting = given < wanted ? keyOf(ask.heads) : '';
    known.interval = given > 0 ? askAgain.first : Math.min(askAgain.last, known.interval * 2);
    known.askAgainAt = given < wanted && !known.isFree ? now + known.interval : Number.NEGATIVE_INFINITY;
    // Others are to know what waits here when the time comes.
    if (answer.startsIn !== null)
      known.askAgainAt = now + Math.max(Math.min(known.interval, answer.startsIn), answer.startsIn - headsLastMs);
    places.elsewhere = Math.max(0, answer.used - sumOf([...told]));
    for (const [group, count] of answer.groups)
      places.groups.runElsewhere(group ?? undefined, Math.max(0, count - (told.get(group) ?? 0)));
    if (!places.byGrant) return;
    const { pacer } = places;
    if (pacer instanceof GrantedPace && ask.pace !== null) {
      const validUntil = sentAt + ask.pace.lateMs + ask.pace.extraMs;
      const inTime = now <= validUntil;
      pacer.allow(inTime ? given : 0, validUntil, now + (answer.startsIn ?? 0));
      if (!inTime) return;
    }
    for (const [group, count] of answer.given) places.groups.grant(group ?? undefined, count);
  }
}

const unbounded: TypeLimits = {
  concurrency: Number.POSITIVE_INFINITY,
  groupConcurrency: Number.POSITIVE_INFINITY,
  rate: undefined,
};

/** Of all shards of the process: the first of each type. */
function headsByType(wanted: Iterable<Wanted>): ReadonlyMap<string, readonly Head[]> {
  const all = new Map<string, readonly Head[]>();
  for (const [type, heads] of wanted) all.set(type, [...(all.get(type) ?? []), ...heads]);
  for (const [type, heads] of all)
    if (heads.length > mostHeads) all.set(type, [...heads].sort(byRank).slice(0, mostHeads));
  return all;
}

const byRank = (a: Head, b: Head): number =>
  Number(b.suspect) - Number(a.suspect) || b.priority - a.priority || a.due - b.due;

/** What distinguishes heads that wait from others: with each start of a job there are others, and that says nothing new. */
function keyOf(heads: readonly Head[]): string {
  return [...new Set(heads.map(({ group, suspect, priority }) => `${group ?? ''} ${suspect} ${priority}`))]
    .sort()
    .join('\n');
}

/** Whether something waits that did not. */
function isNew(waiting: string, before: string): boolean {
  if (waiting === before) return false;
  const known = new Set(before.split('\n'));
  return waiting.split('\n').some((one) => !known.has(one));
}

function isSame(a: ReadonlyMap<string | null, number>, b: ReadonlyMap<string | null, number>): boolean {
  if (a.size !== b.size) return false;
  for (const [group, count] of a) if (b.get(group) !== count) return false;
  return true;
}

const sumOf = (counts: readonly GroupCount[]): number => counts.reduce((sum, [, count]) => sum + count, 0);
