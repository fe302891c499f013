/**
 * The events that a screen follows: every one of them up to some rate, and beyond it a few of each second, so that neither the page nor
 * the server has more to do the more happens. Each event is either taken or counted as left out, by its number; none is taken twice.
 *
 *   all   every event comes. Too many in a second: some
 *   some  once a second a few come. Few enough happen: all
 *   held  none comes. What came meanwhile comes with `goOn`, unless that is more than a list keeps
 */
import { effect } from '@preact/signals';
import type { EventFilter, EventPlace, Gap, JobEvent, Stats } from '../../../src/client/client.js';
import { countOf, placeBehind } from '../../../src/client/event-place.js';
import { listen, look, rest, stats, visible } from './live.js';

/** What happened, what is not known any more, and how many events were left out before `seq`. */
export type Line =
  | JobEvent
  | Gap
  | { readonly type: 'left_out'; readonly from: number; readonly to: number; readonly count: number };

/** Events a second: above the first only some are taken, below the second all again. */
export const mostPerSecond = 1000;
const calmPerSecond = 700;
/** Lines in memory. What came while it was held may be as many. */
const mostKept = 5000;
/** Of what happened just before, so that something is seen. */
const fewAtOnce = 50;

/** A tail as it is at a moment. */
export interface View {
  readonly mode: 'all' | 'some' | 'held';
  /** Oldest first. */
  readonly lines: readonly Line[];
  readonly taken: number;
  /** Of all events: under a filter, how many of them it would have let through is not known. */
  readonly leftOut: number;
  /** What has come since it was held, whatever the filter. */
  readonly waiting: number;
}

export class Tail {
  readonly #filter: EventFilter;
  readonly #changed: () => void;
  readonly #stop: () => void;
  #mode: 'all' | 'some' = 'all';
  #isHeld = false;
  #unlisten = (): void => {};
  /** Oldest first; too many are cut off now and then. */
  #lines: Line[] = [];
  #taken = 0;
  #leftOut = 0;
  /** Up to here each event is taken or counted as left out; undefined: that is to be where the next subscription begins. */
  #place: EventPlace | undefined;
  /** The same as a number: of a server of several shards, of the events of all. Undefined: nothing is known yet. */
  #covered: number | undefined;
  /** The latest event when the subscription began: up to there it is what was missed, which says nothing about the rate. */
  #began = Number.POSITIVE_INFINITY;
  #missed = 0;
  #windowAt = 0;
  #inWindow = 0;
  /** The figures before, for the rate. */
  #before: { readonly at: number; readonly last: number } | undefined;
  /** The last look: the number of the event that it began behind, and how many events it brought. */
  #looked = { from: 0, taken: 0 };
  /** The server did not know the number that was asked from: the one it named before that. */
  #refused = false;
  #named: EventPlace | undefined;

  /** @param changed called whenever there is something new to draw, which may be thousands of times a second */
  constructor(filter: EventFilter, changed: () => void) {
    this.#filter = filter;
    this.#changed = changed;
    const stops = [
      effect(() => {
        const given = stats.value;
        if (given !== undefined) this.#tick(given);
      }),
      effect(() => {
        if (visible.value) this.#start();
        else this.#pause();
      }),
    ];
    this.#stop = () => {
      for (const stop of stops) stop();
      this.#pause();
    };
  }

  get view(): View {
    const isSome = this.#mode === 'some' && !this.#isHeld;
    return {
      mode: this.#isHeld ? 'held' : this.#mode,
      lines: this.#lines.slice(-mostKept),
      taken: this.#taken,
      leftOut: this.#leftOut + (isSome ? this.#ahead : 0),
      waiting: this.#isHeld ? this.#ahead : 0,
    };
  }

  hold(): void {
    this.#isHeld = true;
    this.#pause();
    this.#changed();
  }

  goOn(): void {
    this.#isHeld = false;
    this.#start();
    this.#changed();
  }

  close(): void {
    this.#stop();
  }

  /** Events that the server has beyond those that are accounted for. */
  get #ahead(): number {
    const last = stats.peek()?.last_event;
    return this.#covered === undefined || last === undefined ? 0 : Math.max(0, Number(last) - this.#covered);
  }

  #pause(): void {
    this.#unlisten();
    this.#unlisten = () => {};
    this.#before = undefined;
  }

  #start(): void {
    if (this.#isHeld) return;
    this.#pause();
    this.#mode = 'all';
    // Of all events the newest are wanted. Which of them a filter lets through only the server knows.
    if (this.#isUnfiltered && this.#ahead > mostKept)
      this.#skipTo(this.#near(Number(stats.peek()?.last_event) - mostKept));
    this.#began = Number.POSITIVE_INFINITY;
    this.#missed = 0;
    this.#unlisten = listen({
      filter: this.#filter,
      since: () => this.#place,
      resume: true,
      onEvent: (event) => this.#take(event),
      onSubscribed: (place) => this.#subscribed(place),
      onError: () => {
        this.#refused = true;
        this.#takeSome();
      },
    });
  }

  /** Of several shards there are only places that the server has named. */
  #near(seq: number): EventPlace {
    return typeof this.#named === 'string' ? this.#named : seq;
  }

  get #isUnfiltered(): boolean {
    return Object.keys(this.#filter).length === 0;
  }

  #subscribed(place: EventPlace): void {
    this.#named = place;
    if (this.#place === undefined) this.#skipTo(place);
    this.#began = countOf(place);
    this.#missed = 0;
    this.#windowAt = performance.now();
    this.#inWindow = 0;
  }

  #take(event: JobEvent | Gap): void {
    const place = placeBehind(this.#place, event);
    const seq = countOf(place);
    if (this.#isHeld || (this.#covered !== undefined && seq <= this.#covered)) return;
    this.#place = place;
    this.#covered = seq;
    this.#add(event);
    if (event.type !== 'gap') this.#taken += 1;
    if (this.#mode === 'some') this.#looked.taken += 1;
    else if (this.#isTooMuch(seq)) this.#takeSome();
    this.#changed();
  }

  #isTooMuch(seq: number): boolean {
    if (seq <= this.#began) {
      this.#missed += 1;
      return this.#missed > mostKept;
    }
    const now = performance.now();
    if (now - this.#windowAt > 1000) {
      this.#windowAt = now;
      this.#inWindow = 0;
    }
    this.#inWindow += 1;
    return this.#inWindow > mostPerSecond;
  }

  #takeSome(): void {
    this.#mode = 'some';
    this.#looked = { from: this.#covered ?? 0, taken: 0 };
    rest();
    this.#changed();
  }

  /** Once a second, with the server's figures. */
  #tick({ last_event }: Stats): void {
    if (last_event === undefined || !visible.peek()) return;
    const last = Number(last_event);
    const at = performance.now();
    const before = this.#before;
    this.#before = { at, last };
    this.#changed();
    if (typeof this.#place === 'number' && last < this.#place) {
      // A server with another past: its numbers are others.
      this.#place = last;
      this.#covered = last;
      return this.#start();
    }
    if (this.#isHeld || this.#mode !== 'some' || before === undefined) return;
    const perSecond = ((last - before.last) / Math.max(1, at - before.at)) * 1000;
    const { from, taken } = this.#looked;
    const wentThrough = (this.#covered ?? 0) - from;
    // Under a filter, what the last look brought says how many of them it lets through.
    const share =
      this.#isUnfiltered || taken === 0 || wentThrough <= 0 ? (this.#isUnfiltered ? 1 : 0) : taken / wentThrough;
    const since = this.#refused ? (this.#named ?? last) : this.#near(Math.max(this.#covered ?? 0, last - fewAtOnce));
    this.#refused = false;
    if (perSecond * share < calmPerSecond) {
      // What is little enough is not left out.
      if (this.#ahead > mostPerSecond) this.#skipTo(since);
      this.#start();
      return;
    }
    this.#skipTo(since);
    this.#looked = { from: countOf(since), taken: 0 };
    look(since);
  }

  /** Counts what lies before as left out. */
  #skipTo(place: EventPlace): void {
    const seq = countOf(place);
    const from = (this.#covered ?? seq) + 1;
    this.#place ??= place;
    this.#covered ??= seq;
    if (seq < from) return;
    const count = seq - from + 1;
    this.#leftOut += count;
    this.#place = place;
    this.#covered = seq;
    const newest = this.#lines.at(-1);
    if (newest?.type !== 'left_out') return this.#add({ type: 'left_out', from, to: seq, count });
    this.#lines = [...this.#lines.slice(0, -1), { ...newest, to: seq, count: newest.count + count }];
  }

  #add(line: Line): void {
    this.#lines.push(line);
    if (this.#lines.length > mostKept * 2) this.#lines = this.#lines.slice(-mostKept);
  }
}
