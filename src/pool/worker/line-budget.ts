/**
 * Worker side: how much one thread may add to the log. Lines cost the main thread time and memory, so what is not logged
 * at the server's level ends here, and so does what is beyond a rate. What is dropped is counted.
 */
import type { LineBudgetOptions, LogLevel } from '../shared/log-lines.js';

/** From the most talkative on. */
const levels: readonly string[] = ['debug', 'info', 'warn', 'error'];

/** What was saved up in silence is as much as comes in this time, but never less than a few usual lines. */
const burstSeconds = 0.2;
const fewestLines = 200;
const fewestChars = 64 * 1024;

export class LineBudget {
  readonly #least: number;
  readonly #leastKept: number;
  readonly #options: LineBudgetOptions;
  readonly #burstLines: number;
  readonly #burstChars: number;
  #lines: number;
  #chars: number;
  #refilledMs: number;
  #dropped = 0;

  constructor(options: LineBudgetOptions, nowMs: number) {
    this.#options = options;
    this.#least = leastOf(options.level);
    this.#leastKept = leastOf(options.keptLevel);
    this.#burstLines = Math.max(fewestLines, options.linesPerSecond * burstSeconds);
    this.#burstChars = Math.max(fewestChars, options.charsPerSecond * burstSeconds);
    this.#lines = this.#burstLines;
    this.#chars = this.#burstChars;
    this.#refilledMs = nowMs;
  }

  /** Lines that were beyond the rate since `resetDropped`. */
  get dropped(): number {
    return this.#dropped;
  }

  resetDropped(): void {
    this.#dropped = 0;
  }

  /** Whether a line of this level is kept with its job, if a handler writes it. */
  keeps(level: LogLevel): boolean {
    return levels.indexOf(level) >= this.#leastKept;
  }

  /** True if a line of this level may be made now; false counts it as dropped if it would have been logged. */
  admits(level: LogLevel, nowMs: number, isKept = false): boolean {
    if (!isKept && levels.indexOf(level) < this.#least) return false;
    this.#refill(nowMs);
    if (this.#lines >= 1 && this.#chars > 0) return true;
    this.#dropped++;
    return false;
  }

  /** A line was admitted and has this length. A long one is paid for by those after it. */
  spend(chars: number): void {
    this.#lines--;
    this.#chars -= chars;
  }

  #refill(nowMs: number): void {
    const seconds = (nowMs - this.#refilledMs) / 1000;
    const { linesPerSecond, charsPerSecond } = this.#options;
    this.#refilledMs = nowMs;
    this.#lines = Math.min(this.#burstLines, this.#lines + linesPerSecond * seconds);
    this.#chars = Math.min(this.#burstChars, this.#chars + charsPerSecond * seconds);
  }
}

function leastOf(level: string): number {
  switch (level) {
    case 'trace':
      return 0;
    case 'fatal':
    case 'silent':
      return levels.length;
    default:
      return levels.indexOf(level);
  }
}
