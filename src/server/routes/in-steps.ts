/** Answers that take more than a turn of the event loop: they are put together in steps, between those of others. */
import type { Steps } from '../../store/queries-port.js';
import type { Turns } from '../bodies/turns.js';
import type { Exchange } from '../http/exchange.js';

/** Has `answer` called with what the last step gives, unless the client has gone by then. What a step throws is answered. */
export function answerInSteps<T>(turns: Turns, exchange: Exchange, steps: Steps<T>, answer: (value: T) => void): void {
  const step = (): void => {
    try {
      // What it holds is let go.
      if (exchange.over) return void steps.return?.();
      const { done, value } = steps.next();
      if (done) answer(value);
      else turns.add(step);
    } catch (error) {
      exchange.fail(error);
    }
  };
  turns.add(step);
}
