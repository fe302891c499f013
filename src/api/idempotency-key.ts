/** The form of idempotency keys, in a header or an item of a batch. */
import { limits } from '../domain/limits.js';
import type { Faults } from './faults.js';

/** Visible characters only: what a header can carry without being changed on its way. */
const form = new RegExp(`^[\\x21-\\x7e]{1,${limits.idempotencyKeyChars}}$`);

/** Adds a fault at `at` where `key` is none. */
export function readIdempotencyKey(key: unknown, faults: Faults, at: string): void {
  if (typeof key === 'string' && form.test(key)) return;
  faults.add(at, `must have 1 to ${limits.idempotencyKeyChars} visible ASCII characters`);
}
