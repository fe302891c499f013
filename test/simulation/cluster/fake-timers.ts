/** Timers by simulated time, in place of those of the process for as long as a life lasts. A turn of the loop (`setImmediate`) stays what it is. */

class FakeTimer {
  isOver = false;

  constructor(
    public at: number,
    readonly everyMs: number | undefined,
    readonly call: () => void,
  ) {}

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }
}

type Call = (...args: unknown[]) => void;

export class FakeTimers {
  /** Monotonic milliseconds. */
  now = 0;
  #waiting: FakeTimer[] = [];

  /** @returns what brings the others back */
  install(): () => void {
    const own = { setTimeout, setInterval, clearTimeout, clearInterval };
    const set = (call: Call, ms: number, everyMs: number | undefined, args: unknown[]): FakeTimer => {
      const timer = new FakeTimer(this.now + ms, everyMs, () => call(...args));
      this.#waiting.push(timer);
      return timer;
    };
    const clear = (timer: FakeTimer | NodeJS.Timeout | undefined): void => {
      if (timer instanceof FakeTimer) timer.isOver = true;
      else own.clearTimeout(timer);
    };
    Object.assign(globalThis, {
      setTimeout: (call: Call, ms = 0, ...args: unknown[]) => set(call, ms, undefined, args),
      setInterval: (call: Call, ms = 1, ...args: unknown[]) => set(call, ms, Math.max(ms, 1), args),
      clearTimeout: clear,
      clearInterval: clear,
    });
    Object.defineProperty(performance, 'now', { value: () => this.now, configurable: true });
    return () => {
      Object.assign(globalThis, own);
      Reflect.deleteProperty(performance, 'now');
      this.#waiting = [];
    };
  }

  /** Time passes, and what is due meanwhile is called, in order. */
  advance(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      this.#waiting = this.#waiting.filter(({ isOver }) => !isOver);
      const next = this.#waiting.reduce<FakeTimer | undefined>(
        (first, timer) => (timer.at <= until && (first === undefined || timer.at < first.at) ? timer : first),
        undefined,
      );
      if (next === undefined) break;
      this.now = Math.max(this.now, next.at);
      if (next.everyMs === undefined) next.isOver = true;
      else next.at += next.everyMs;
      next.call();
    }
    this.now = until;
  }
}
