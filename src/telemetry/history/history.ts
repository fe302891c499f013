/**
 * What happened over hours and days, for charts: a point for each ten seconds of the last three hours, and one for each five minutes
 * of the last week. The points are in a file of the data directory, each in a place that follows from its instant, and are written
 * there as they are made; after a kill at any moment the file holds what was written, and a point that was not is not there. Nothing
 * else depends on it: where it cannot be written, the history is that of this process.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { within } from '../../within.js';
import { latenessBounds } from '../counts.js';
import { type Point, pointBytes, readPoint, type Step, steps, together, writePoint } from './point.js';

export const historyFile = 'history';

/** Totals that only grow, and what is now. */
export interface Totals {
  readonly created: number;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly pending: number;
  readonly running: number;
  readonly lateness: readonly number[];
}

export interface HistoryOptions {
  /** The data directory. */
  readonly directory: string;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly totals: () => Totals;
  /** The file cannot be used, from now on or at all. */
  readonly onFailure: (error: unknown) => void;
}

/** How long its end may take. */
const mostWaitMs = 1000;
const buckets = latenessBounds.length + 1;
const bytesOfPoint = pointBytes(buckets);
const places = { '10s': steps['10s'].keptMs / steps['10s'].ms, '5m': steps['5m'].keptMs / steps['5m'].ms } as const;
/** What the file begins with: another form of it is begun anew. */
const head = Buffer.from(`escapement history 1 ${latenessBounds.join()}\n`.padEnd(256, ' '));
const offsets = { '10s': head.length, '5m': head.length + places['10s'] * bytesOfPoint } as const;
const fileBytes = offsets['5m'] + places['5m'] * bytesOfPoint;

export class History {
  readonly #options: HistoryOptions;
  readonly #points = { '10s': new Map<number, Point>(), '5m': new Map<number, Point>() };
  #file: FileHandle | undefined;
  #before: Totals;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  private constructor(options: HistoryOptions) {
    this.#options = options;
    this.#before = options.totals();
  }

  /** Reads what there is. */
  static async open(options: HistoryOptions): Promise<History> {
    const history = new History(options);
    try {
      await history.#open();
    } catch (error) {
      options.onFailure(error);
    }
    return history;
  }

  /** From now on points are made. */
  start(): void {
    this.#before = this.#options.totals();
    this.#wait();
  }

  /** Makes the last point, of the step that has begun, and closes the file. */
  async stop(): Promise<void> {
    if (this.#timer !== undefined) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.record();
    }
    const file = this.#file;
    // A disk that hangs must not keep the process.
    await within(
      mostWaitMs,
      this.#writing.then(() => file?.close().catch(() => {})),
    );
    this.#file = undefined;
  }

  /**
   * What is known of steps that began in a time and are over, in order.
   *
   * @param from Unix milliseconds, and `to`; both included
   */
  points(step: Step, from: number, to: number): Point[] {
    const now = this.#options.now();
    const oldest = Math.max(from, now - steps[step].keptMs - steps[step].ms);
    return [...this.#points[step].values()]
      .filter(({ at }) => at >= oldest && at <= to && at + steps[step].ms <= now)
      .sort((a, b) => a.at - b.at);
  }

  /** Makes a point of what happened since the last one. It stands at the step that has just ended, or is about to. */
  record(): void {
    const { now, totals } = this.#options;
    const [before, after] = [this.#before, totals()];
    this.#before = after;
    const grown = (name: 'created' | 'started' | 'succeeded' | 'failed'): number =>
      Math.max(0, after[name] - before[name]);
    const made: Omit<Point, 'at'> = {
      created: grown('created'),
      started: grown('started'),
      succeeded: grown('succeeded'),
      failed: grown('failed'),
      pending: after.pending,
      running: after.running,
      lateness: after.lateness.map((count, index) => Math.max(0, count - (before.lateness[index] ?? 0))),
    };
    // The timer fires a little after its time: what it tells of lies before.
    const end = now() - 1000;
    for (const step of ['10s', '5m'] as const) this.#put(step, { ...made, at: end - (end % steps[step].ms) });
  }

  #put(step: Step, made: Point): void {
    const place = (made.at / steps[step].ms) % places[step];
    const there = this.#points[step].get(place);
    const point = there?.at === made.at ? together(there, made) : made;
    this.#points[step].set(place, point);
    const file = this.#file;
    if (file === undefined) return;
    const bytes = writePoint(point);
    this.#writing = this.#writing
      .then(async () => {
        await file.write(bytes, 0, bytes.length, offsets[step] + place * bytesOfPoint);
      })
      .catch((error: unknown) => {
        if (this.#file === undefined) return;
        this.#file = undefined;
        void file.close().catch(() => {});
        this.#options.onFailure(error);
      });
  }

  #wait(): void {
    const { ms } = steps['10s'];
    const untilEnd = ms - (this.#options.now() % ms);
    this.#timer = setTimeout(() => {
      this.record();
      this.#wait();
    }, untilEnd + 20);
    this.#timer.unref();
  }

  async #open(): Promise<void> {
    const path = join(this.#options.directory, historyFile);
    const file = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
      return open(path, 'wx+', 0o600);
    });
    try {
      const bytes = Buffer.alloc(fileBytes);
      const { bytesRead } = await file.read(bytes, 0, fileBytes, 0);
      if (bytesRead < head.length || !bytes.subarray(0, head.length).equals(head)) {
        await file.truncate(0);
        // Written ahead: later writes take no room, so that a full disk does not end them.
        head.copy(bytes.fill(0));
        await file.write(bytes, 0, fileBytes, 0);
      } else this.#read(bytes);
      this.#file = file;
    } catch (error) {
      await file.close().catch(() => {});
      throw error;
    }
  }

  #read(bytes: Buffer): void {
    for (const step of ['10s', '5m'] as const) {
      for (let place = 0; place < places[step]; place++) {
        const at = offsets[step] + place * bytesOfPoint;
        const point = readPoint(bytes.subarray(at, at + bytesOfPoint));
        if (point) this.#points[step].set(place, point);
      }
    }
  }
}
