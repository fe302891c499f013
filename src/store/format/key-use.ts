/** What an idempotency key stands for, as bytes, and the entry that says until when it is remembered. */
import { limits } from '../../domain/limits.js';
import type { KeyUse } from '../port.js';
import { ByteReader, ByteWriter } from './bytes.js';
import { type Put, seal, unseal } from './layout.js';
import { key } from './numbers.js';

/** Where a key stands in its tree. */
export const keyOfName = (name: string): Buffer => Buffer.from(name, 'latin1');

/** What a commit writes to remember a key. */
export function keyUsePuts(name: string, use: KeyUse): Put[] {
  const out = new ByteWriter(96);
  out.u48(use.seq);
  out.u48(use.at);
  out.text(use.digest);
  const under = keyOfName(name);
  return [
    { tree: 'keys', key: under, value: seal(out.since(0), under) },
    {
      tree: 'keyExpiry',
      key: Buffer.concat([key(use.at + limits.idempotencyKeptMs), under]),
      value: Buffer.alloc(1),
    },
  ];
}

/** @throws DamagedRecord */
export function readKeyUse(sealed: Buffer, under: Uint8Array): KeyUse {
  const input = new ByteReader(unseal(sealed, under, 'an idempotency key'));
  return { seq: input.u48(), at: input.u48(), digest: input.text() };
}
