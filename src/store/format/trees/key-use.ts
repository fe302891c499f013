/** What an idempotency key stands for, as bytes, and the entry that says until when it is remembered. */
import { limits } from '../../../domain/limits.js';
import type { KeyUse } from '../../port.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { type Put, seal, unseal } from '../layout.js';
import { key } from '../numbers.js';

/** Of an entry's key; the key that it is about follows. */
const instantBytes = 6;

/** Where a key stands in its tree. */
export const keyOfName = (name: string): Buffer => Buffer.from(name, 'latin1');

/** The text of a key, by where it stands. */
export const nameOfKey = (of: Buffer): string => of.toString('latin1');

/** Unix milliseconds. */
export const rememberedUntil = ({ at }: KeyUse): number => at + limits.idempotencyKeptMs;

/** Where the entry stands that says when a key is forgotten: in order of that instant. */
export function expiryKey(use: KeyUse, under: Uint8Array): Buffer {
  return Buffer.concat([expiredBefore(rememberedUntil(use)), under]);
}

/** Behind all entries of keys that are forgotten before `at`. */
export const expiredBefore = (at: number): Buffer => key(at);

/** Where the key of an entry stands in its own tree. */
export const keyOfExpiry = (of: Buffer): Buffer => of.subarray(instantBytes);

/** For one use after the other: what is sealed is a copy. */
const out = new ByteWriter(96);
const nothing = Buffer.alloc(1);

/** What a commit writes to remember a key. */
export function keyUsePuts(name: string, use: KeyUse): Put[] {
  out.clear();
  out.u48(use.seq);
  out.u48(use.at);
  out.text(use.digest);
  const under = keyOfName(name);
  return [
    { tree: 'keys', key: under, value: seal(out.since(0), under) },
    { tree: 'keyExpiry', key: expiryKey(use, under), value: nothing },
  ];
}

/** @throws DamagedRecord */
export function readKeyUse(sealed: Buffer, under: Uint8Array): KeyUse {
  const input = new ByteReader(unseal(sealed, under, 'an idempotency key'));
  return { seq: input.u48(), at: input.u48(), digest: input.text() };
}
