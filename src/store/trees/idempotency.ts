/** Idempotency keys on disk: which job a key made, from which body, and until when it is remembered. */
import { limits } from '../../domain/limits.js';
import { expiredBefore, expiryKey, keyOfExpiry, keyOfName, nameOfKey, readKeyUse } from '../format/trees/key-use.js';
import type { KvReader, KvWriter } from '../kv/kv.js';
import type { KeyUse } from '../port.js';

/** The use of a key that is still remembered at `now`. */
export function findKey(kv: KvReader, name: string, now: number): KeyUse | undefined {
  const under = keyOfName(name);
  const sealed = kv.get('keys', under);
  if (!sealed) return undefined;
  const use = readKeyUse(sealed, under);
  return isRemembered(use, now) ? use : undefined;
}

export function isRemembered(use: KeyUse, now: number): boolean {
  return use.at + limits.idempotencyKeptMs > now;
}

/**
 * Removes at most `limit` expiry entries, and returns how many. A key used again after its time has an older entry too: only
 * the one that its present use made removes it.
 */
export function dropExpiredKeys(tx: KvWriter, now: number, limit: number): number {
  const expired = [...tx.keys('keyExpiry', { to: expiredBefore(now), limit })];
  for (const expiry of expired) {
    tx.remove('keyExpiry', expiry);
    const under = keyOfExpiry(expiry);
    const use = findKey(tx, nameOfKey(under), Number.NEGATIVE_INFINITY);
    if (use && expiryKey(use, under).equals(expiry)) tx.remove('keys', under);
  }
  return expired.length;
}
