/**
 * Ceiling of `lateness`: `setTimeout` alone, one timer for each instant. A process of its own; tells how late they fired,
 * in milliseconds (negative: early, which a bare timer can be).
 */
import { wallMs } from '../support/wall-clock.js';

interface Dues {
  /** Unix milliseconds. */
  readonly from: number;
  readonly offsets: readonly number[];
}

process.once('message', ({ from, offsets }: Dues) => {
  const lateness: number[] = [];
  for (const offset of offsets) {
    const due = from + offset;
    setTimeout(() => {
      lateness.push(wallMs() - due);
      if (lateness.length === offsets.length) process.send?.({ lateness });
    }, due - Date.now());
  }
});
