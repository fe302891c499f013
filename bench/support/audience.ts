/** All subscribers of a bench, spread over as many processes as they need, as one. */
import type { Run } from './bench.js';
import { Helper } from './processes.js';
import type { ToSubscribers, Wave, Way } from './subscribers.js';

/** One process can read for so many; more share the work. */
const perProcess = 2500;
const maxProcesses = 2;
const waveLimitMs = 60_000;

export class Audience {
  readonly #count: number;
  readonly #helpers: Helper<ToSubscribers, Wave>[];

  constructor(count: number) {
    this.#count = count;
    const processes = Math.min(maxProcesses, Math.ceil(count / perProcess));
    this.#helpers = Array.from(
      { length: processes },
      () => new Helper<ToSubscribers, Wave>('support/subscribers.js', {}, true),
    );
  }

  /** Connects them all, each with its filter; leaves former connections. */
  async open(port: number, filterOf: (index: number) => object, way: Way = 'websocket'): Promise<void> {
    await this.#each((from, to) => ({ kind: 'open', port, way, filters: range(from, to).map(filterOf) }));
  }

  /** From here on frames are counted. */
  async expect(framesOf: (index: number) => number): Promise<void> {
    await this.#each((from, to) => ({
      kind: 'expect',
      framesEach: range(from, to).map(framesOf),
      limitMs: waveLimitMs,
    }));
  }

  /** Waits until all that is expected has come, or the limit is up. */
  async wave(): Promise<Wave> {
    const waves = await this.#each(() => ({ kind: 'wave' }));
    return {
      frames: waves.reduce((sum, { frames }) => sum + frames, 0),
      bytes: waves.reduce((sum, { bytes }) => sum + bytes, 0),
      firstAt: Math.min(...waves.map(({ firstAt }) => firstAt)),
      lastAt: Math.max(...waves.map(({ lastAt }) => lastAt)),
      wrong: waves.reduce((sum, { wrong }) => sum + wrong, 0),
      closed: waves.reduce((sum, { closed }) => sum + closed, 0),
    };
  }

  check({ wrong, closed }: Wave, what: string, run: Run): void {
    run.equal(wrong, 0, `subscribers with too many or too few frames (${what})`);
    run.equal(closed, 0, `subscribers closed by the server (${what})`);
  }

  async end(): Promise<void> {
    await Promise.all(this.#helpers.map((helper) => helper.end()));
  }

  #each(message: (from: number, to: number) => ToSubscribers): Promise<Wave[]> {
    const share = Math.ceil(this.#count / this.#helpers.length);
    return Promise.all(
      this.#helpers.map((helper, i) => helper.ask(message(i * share, Math.min(this.#count, (i + 1) * share)))),
    );
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}
