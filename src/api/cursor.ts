/**
 * Cursors of lists: one number, a job's `seq`, or two, and a proof that it came from here, for this filter. Clients can neither make one up nor carry
 * one over to another list.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../domain/errors.js';

const numberBytes = 8;
const proofBytes = 10;

export class Cursors {
  readonly #secret: string | Uint8Array;

  /** @param secret as long as it stays the same, so do cursors */
  constructor(secret: string | Uint8Array) {
    this.#secret = secret;
  }

  /**
   * @param place the place behind which the next page begins
   * @param filter any text that tells one filter from another
   */
  write(place: readonly number[], filter: string): string {
    const key = Buffer.alloc(numberBytes * place.length);
    place.forEach((number, i) => {
      // The first is a seq; an instant may have a fraction, or lie before 1970.
      if (i === 0) key.writeBigUInt64BE(BigInt(number), 0);
      else key.writeDoubleBE(number, numberBytes * i);
    });
    return Buffer.concat([key, this.#prove(key, filter)]).toString('base64url');
  }

  /**
   * @param numbers how many there are to be
   * @throws Refusal `validation_failed` when it is not one of ours for this filter
   */
  read(text: string, filter: string, numbers = 1): number[] {
    const bytes = Buffer.from(text, 'base64url');
    const keyBytes = numberBytes * numbers;
    // The decoder passes over what it does not know: only the text that it would write itself counts.
    if (bytes.length === keyBytes + proofBytes && bytes.toString('base64url') === text) {
      const key = bytes.subarray(0, keyBytes);
      if (timingSafeEqual(bytes.subarray(keyBytes), this.#prove(key, filter)))
        return Array.from({ length: numbers }, (_, i) =>
          i === 0 ? Number(key.readBigUInt64BE()) : key.readDoubleBE(numberBytes * i),
        );
    }
    const message =
      'is not one that this list gave out: take next_cursor of its last page, with the same other parameters';
    throw new Refusal('validation_failed', `The cursor ${message}.`, [{ path: 'query.cursor', message }]);
  }

  #prove(key: Uint8Array, filter: string): Buffer {
    return createHmac('sha256', this.#secret).update(key).update(filter).digest().subarray(0, proofBytes);
  }
}
