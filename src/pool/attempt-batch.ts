/** Attempts on their way to one thread, laid out for a cheap clone: see `thread-messages`. */
import { slotsPerThread } from './slots.js';
import type { ToThread } from './thread-messages.js';

/** Numbers an attempt: slot, index of the handler, attempt, scheduledFor. */
export const numbersPerAttempt = 4;
/** Texts an attempt: job id, payload. */
export const textsPerAttempt = 2;

/** Main's side: gathers what leaves with the next message. */
export class AttemptBatch {
  readonly #numbers = new Float64Array(slotsPerThread * numbersPerAttempt);
  #texts: string[] = [];
  #size = 0;

  get isEmpty(): boolean {
    return this.#size === 0;
  }

  add(slot: number, handler: number, attempt: number, scheduledFor: number, jobId: string, payload: string): void {
    const at = this.#size++ * numbersPerAttempt;
    this.#numbers[at] = slot;
    this.#numbers[at + 1] = handler;
    this.#numbers[at + 2] = attempt;
    this.#numbers[at + 3] = scheduledFor;
    this.#texts.push(jobId, payload);
  }

  /** The message; the batch is empty again. */
  take(): ToThread {
    const numbers = this.#numbers.slice(0, this.#size * numbersPerAttempt);
    const texts = this.#texts;
    this.#size = 0;
    this.#texts = [];
    return { kind: 'run', numbers, texts };
  }
}
