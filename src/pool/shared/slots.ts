/**
 * Shared memory between the main thread and one worker thread: a slot for each attempt on that thread, and the thread's
 * signs of life. It still says who had begun when a thread dies without a word.
 *
 * The life of a slot (who moves it):
 *
 *     free ──main──► queued ──worker──► begun ──worker──► settled ──main──► free
 *                      ├────main──► recalled ──────────────────────main──► free
 *                      └───worker─► refused ───────────────────────main──► free
 *
 * Both sides leave `queued` by compare-and-swap, so that an attempt is either run or taken back, never both. A recalled
 * slot is free only after the worker has reported that it skipped it: until then a message that names it is under way.
 */

/** Attempts that one thread may hold, begun or not, where nothing else is said. */
export const slotsPerThread = 256;

const slotState = { free: 0, queued: 1, begun: 2, recalled: 3, settled: 4, refused: 5 } as const;

const header = { beat: 0, current: 1, count: 2 } as const;
const headerInts = 3;
/** After header and states (slot 0 included), rounded up to the alignment of a Float64Array. */
const sinceOffset = (count: number): number => 8 * Math.ceil((headerInts + count + 1) / 2);

/** On a busy machine a thread may lose its processor between two looks at a clock: the closest pair of many counts. */
const originMs = (() => {
  const machineMs = (): number => {
    const [seconds, nanos] = process.hrtime();
    return seconds * 1000 + nanos / 1e6;
  };
  let originMs = 0;
  let closestMs = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20; look++) {
    const before = machineMs();
    const own = performance.now();
    const after = machineMs();
    if (after - before >= closestMs) continue;
    closestMs = after - before;
    originMs = (before + after) / 2 - own;
  }
  return originMs;
})();

/**
 * Milliseconds of the machine's monotonic clock: one scale for all threads, where `performance.now()` counts from the
 * start of the thread that asks. Two threads agree to a fraction of a millisecond.
 */
export function monotonicMs(): number {
  return performance.now() + originMs;
}

/** One thread's slots, numbered from 1; 0 is no slot. Main makes them, and the thread makes its own over the same memory. */
export class Slots {
  readonly memory: SharedArrayBuffer;
  /** How many there are. */
  readonly count: number;
  readonly #header: Int32Array;
  readonly #states: Int32Array;
  readonly #since: Float64Array;

  /** @param made how many there are to be, or the memory of those that the other side has made */
  constructor(made: number | SharedArrayBuffer = slotsPerThread) {
    const isNew = typeof made === 'number';
    this.memory = isNew ? new SharedArrayBuffer(sinceOffset(made) + 8 * (made + 1)) : made;
    this.#header = new Int32Array(this.memory, 0, headerInts);
    if (isNew) this.#header[header.count] = made;
    this.count = isNew ? made : (this.#header[header.count] as number);
    this.#states = new Int32Array(this.memory, 4 * headerInts, this.count + 1);
    this.#since = new Float64Array(this.memory, sinceOffset(this.count), this.count + 1);
  }

  /** Main: before the message that carries the attempt. */
  queue(slot: number): void {
    Atomics.store(this.#states, slot, slotState.queued);
  }

  /** Main: takes an attempt back; false if it has begun. */
  recall(slot: number): boolean {
    return this.#swap(slot, slotState.queued, slotState.recalled);
  }

  /** Main: once nothing under way names the slot any more. */
  free(slot: number): void {
    Atomics.store(this.#states, slot, slotState.free);
  }

  /** Worker: right before the handler is called; false if the attempt was taken back. */
  begin(slot: number, nowMs: number): boolean {
    // Written first, so that whoever reads `begun` reads this too.
    this.#since[slot] = nowMs;
    if (!this.#swap(slot, slotState.queued, slotState.begun)) return false;
    Atomics.store(this.#header, header.current, slot);
    return true;
  }

  /** Worker: it may not begin any more; false if the attempt was taken back. */
  refuse(slot: number): boolean {
    return this.#swap(slot, slotState.queued, slotState.refused);
  }

  /** Worker: the handler's code has given control back. */
  leave(): void {
    Atomics.store(this.#header, header.current, 0);
  }

  /** Worker: the thread is about to end, and it is this attempt's doing. */
  blame(slot: number): void {
    Atomics.store(this.#header, header.current, slot);
  }

  /** Worker: the handler is through; its outcome is about to be sent. */
  settle(slot: number): void {
    Atomics.store(this.#states, slot, slotState.settled);
  }

  /** Worker: a sign that its event loop turns. */
  beat(): void {
    Atomics.add(this.#header, header.beat, 1);
  }

  /** Changes whenever the thread's event loop turns while it has attempts that began. */
  get beats(): number {
    return Atomics.load(this.#header, header.beat);
  }

  /** The slot whose handler is being called synchronously right now, 0 for none. */
  get current(): number {
    return Atomics.load(this.#header, header.current);
  }

  isQueued(slot: number): boolean {
    return Atomics.load(this.#states, slot) === slotState.queued;
  }

  /** Begun and not through: true from the call of the handler until it returned or its promise settled. */
  isRunning(slot: number): boolean {
    return Atomics.load(this.#states, slot) === slotState.begun;
  }

  /** True also for attempts that are through but whose outcome has not been taken in. */
  hasBegun(slot: number): boolean {
    const state = Atomics.load(this.#states, slot);
    return state === slotState.begun || state === slotState.settled;
  }

  /** When the attempt began, in `monotonicMs`; meaningful once it has begun. */
  since(slot: number): number {
    return this.#since[slot] as number;
  }

  #swap(slot: number, from: number, to: number): boolean {
    return Atomics.compareExchange(this.#states, slot, from, to) === from;
  }
}
