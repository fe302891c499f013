/** Idempotency keys on disk: which job a key made, from which body, and until when it is remembered. */
import { limits } from '../../domain/limits.js';
import { ByteReader, ByteWriter } from '../format/bytes.js';
import { seal, unseal } from '../format/layout.js';
import { key, keyPart } from '../format/numbers.js';
import type { KvReader, KvWriter } from '../kv/kv.js';
import type { SealedBatch } from '../port.js';

export interface KeyUse {
  readonly seq: number;
  /** Of the body that the key came with. */
  readonly digest: string;
  /** Unix milliseconds. */
  readonly at: number;
}

/** What a commit writes to remember a key. */
export function rememberKey(name: string, use: KeyUse): SealedBatch['puts'] {
  const out = new ByteWriter(96);
  out.u48(use.seq);
  out.u48(use.at);
  out.text(use.digest);
  const bytes = Buffer.from(name, 'latin1');
  return [
    { tree: 'keys', key: bytes, value: seal(out.since(0), bytes) },
    {
      tree: 'keyExpiry',
      key: Buffer.concat([key(use.at + limits.idempotencyKeptMs), bytes]),
      value: Buffer.alloc(1),
    },
  ];
}

/** The use of a key that is still remembered at `now`. */
export function findKey(kv: KvReader, name: string, now: number): KeyUse | undefined {
  const under = Buffer.from(name, 'latin1');
  const sealed = kv.get('keys', under);
  if (!sealed) return undefined;
  const input = new ByteReader(unseal(sealed, under, 'an idempotency key'));
  const use = { seq: input.u48(), at: input.u48(), digest: input.text() };
  return use.at + limits.idempotencyKeptMs > now ? use : undefined;
}

/**
 * Removes at most `limit` expiry entries, and returns how many. A key used again after its time has an older entry too: only
 * the one that its present use made removes it.
 */
export function dropExpiredKeys(tx: KvWriter, now: number, limit: number): number {
  const expired = [...tx.keys('keyExpiry', { to: key(now), limit })];
  for (const expiry of expired) {
    tx.remove('keyExpiry', expiry);
    const name = expiry.subarray(6).toString('latin1');
    const use = findKey(tx, name, Number.NEGATIVE_INFINITY);
    if (use && use.at + limits.idempotencyKeptMs === keyPart(expiry, 0)) tx.remove('keys', expiry.subarray(6));
  }
  return expired.length;
}
