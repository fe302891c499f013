/** Answers that are looked for a step at a time, among those of others. */
import type { Steps } from '../../store/queries-port.js';
import type { Turns } from '../bodies/turns.js';
import type { Exchange } from '../http/exchange.js';

/** Does the steps, unless the client has gone, and then answers with what came of them. */
export function answerInSteps<T>(
  { turns }: { readonly turns: Turns },
  exchange: Exchange,
  steps: Steps<T>,
  answer: (found: T) => void,
): void {
  const step = (): void => {
    try {
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
