/** What a simulated process has around it: clocks that drift and are set, pauses, and a connection whose answers it hears only while it runs. */
import type { Clock } from '../../../src/clock.js';
import { leaseTimes, type MovedDeadline } from '../../../src/cluster/leases/lease.js';
import type { BeginDeadline } from '../../../src/pool/shared/deadline.js';
import { type Database, UnknownEnd } from '../../../src/store/postgres/database.js';
import type { Random } from '../random.js';

/** True time of a simulated life, in milliseconds. */
export interface Time {
  now: number;
}

const epochMs = 1_700_000_000_000;

/** The clocks of one machine. */
export class DriftingClock implements Clock {
  readonly #time: Time;
  readonly #rate: number;
  readonly #base: number;
  #offset: number;

  constructor(time: Time, random: Random) {
    this.#time = time;
    this.#rate = 0.9 + 0.2 * random.next();
    this.#base = random.between(0, 1_000_000);
    this.#offset = random.between(-200, 200);
  }

  now(): number {
    return Math.floor(epochMs + this.#time.now + this.#offset);
  }

  monotonic(): number {
    return this.#base + this.#time.now * this.#rate;
  }

  /** The wall clock is set. */
  set(offset: number): void {
    this.#offset = offset;
  }
}

/** After so long without an answer a connection gives up, by true time. */
const giveUpAfter = 5000;

interface Call {
  readonly sentAt: number;
  fail(error: Error): void;
}

/** A process that runs, stands still, or is gone. */
export class Process {
  readonly #time: Time;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  isGone = false;
  /** What came while it stood still. */
  #arrived: (() => void)[] = [];
  readonly #calls = new Set<Call>();

  constructor(time: Time) {
    this.#time = time;
  }

  get runs(): boolean {
    return !this.isGone && this.#time.now >= this.#pausedUntil;
  }

  pause(ms: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#time.now + ms);
  }

  /** Hears what came while it stood still; what else it does may come before. */
  hear(): void {
    if (!this.runs) return;
    const arrived = this.#arrived;
    this.#arrived = [];
    for (const each of arrived) each();
  }

  /** Calls without an answer for too long come to an unknown end. */
  giveUp(): void {
    for (const call of this.#calls)
      if (this.#time.now - call.sentAt > giveUpAfter) call.fail(new UnknownEnd('there was no answer in time'));
  }

  /** The database as this process hears it. */
  hears(database: Database): Database {
    return eachMethod((name, args) => this.#call(() => ask(database, name, args)));
  }

  #call<T>(send: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const over = (then: () => void): void => {
        this.#calls.delete(call);
        if (this.isGone) return;
        if (this.runs) then();
        else this.#arrived.push(then);
      };
      const call: Call = { sentAt: this.#time.now, fail: (error) => over(() => reject(error)) };
      this.#calls.add(call);
      send().then(
        (value) => over(() => resolve(value)),
        (error: unknown) => over(() => reject(error)),
      );
    });
  }
}

type Method = keyof Database;

/** A database each of whose methods does the same. */
export function eachMethod(does: (name: Method, args: readonly unknown[]) => Promise<unknown>): Database {
  const get = (_: object, name: string) => {
    return (...args: readonly unknown[]): Promise<unknown> => does(name as Method, args);
  };
  return new Proxy({}, { get }) as Database;
}

/** Calls a method by its name. */
export function ask(database: Database, name: Method, args: readonly unknown[]): Promise<unknown> {
  const method = database[name] as (...args: readonly unknown[]) => Promise<unknown>;
  return method.apply(database, [...args]);
}

/** Planted: a lease counts from the answer to its beat. */
export function fromTheAnswer(deadline: BeginDeadline, clock: DriftingClock): MovedDeadline {
  return {
    set: () => deadline.set(clock.monotonic() + leaseTimes.lease, clock.now() + leaseTimes.lease),
    end: () => deadline.end(),
    hasPassed: (monotonicNow, wallNow) => deadline.hasPassed(monotonicNow, wallNow),
  };
}
