/**
 * Cursors of lists: a job's `seq` and a proof that it came from here, for this filter. Clients can neither make one up nor carry
 * one over to another list.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Refusal } from '../domain/errors.js';

const keyBytes = 8;
const proofBytes = 10;

export class Cursors {
  readonly #secret: string | Uint8Array;

  /** @param secret as long as it stays the same, so do cursors */
  constructor(secret: string | Uint8Array) {
    this.#secret = secret;
  }

  /** @param filter any text that tells one filter from another */
  write(before: number, filter: string): string {
    const key = Buffer.alloc(keyBytes);
    key.writeBigUInt64BE(BigInt(before));
    return Buffer.concat([key, this.#prove(key, filter)]).toString('base64url');
  }

  /** @throws Refusal `validation_failed` when it is not one of ours for this filter */
  read(text: string, filter: string): number {
    const bytes = Buffer.from(text, 'base64url');
    // The decoder passes over what it does not know: only the text that it would write itself counts.
    if (bytes.length === keyBytes + proofBytes && bytes.toString('base64url') === text) {
      const key = bytes.subarray(0, keyBytes);
      if (timingSafeEqual(bytes.subarray(keyBytes), this.#prove(key, filter))) return Number(key.readBigUInt64BE());
    }
    const message =
      'is not one that this list gave out: take next_cursor of its last page, with the same status and name';
    throw new Refusal('validation_failed', `The cursor ${message}.`, [{ path: 'query.cursor', message }]);
  }

  #prove(key: Uint8Array, filter: string): Buffer {
    return createHmac('sha256', this.#secret).update(key).update(filter).digest().subarray(0, proofBytes);
  }
}
