/** Records that are whole, damaged or the same. */

import fc from 'fast-check';
import { DamagedRecord } from '../../src/store/port.js';

/** One bit turned over, or the end cut off: where, as a fraction of the record. */
export const anyDamage = fc.record({
  cut: fc.boolean(),
  place: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  bit: fc.integer({ min: 0, max: 7 }),
});

export function damage(record: Buffer, { cut, place, bit }: { cut: boolean; place: number; bit: number }): Buffer {
  const at = Math.floor(place * record.length);
  if (cut) return Buffer.from(record.subarray(0, at));
  const damaged = Buffer.from(record);
  damaged[at] = (damaged[at] as number) ^ (1 << bit);
  return damaged;
}

/** True when `read` refuses with DamagedRecord; what else it throws is thrown on. */
export function refuses(read: () => unknown): boolean {
  try {
    read();
    return false;
  } catch (error) {
    if (error instanceof DamagedRecord) return true;
    throw error;
  }
}

export const same = (a: unknown, b: unknown): boolean => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, of]) => [name, sorted(of)]),
  );
}
