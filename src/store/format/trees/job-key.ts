/** Which job has a key, or had it last, as bytes: the `seq` of the job and until when the key is kept, both u48, sealed. */
import type { KeyHolder } from '../../../domain/control/keys.js';
import { type Put, seal, unseal } from '../layout.js';
import { getU48, putU48 } from '../numbers.js';

/** Where a key stands in its tree: as in tables, the name of the type, a space, the key. */
export const underOfJobKey = (place: string): Buffer => Buffer.from(place, 'latin1');

/** Where a key stands in tables, by where it stands in its tree. */
export const placeOfUnder = (under: Buffer): string => under.toString('latin1');

/** What a commit writes when a key has another holder, or none any more. */
export function jobKeyPut(place: string, holder: KeyHolder | undefined): Put {
  const key = underOfJobKey(place);
  return { tree: 'jobKeys', key, value: holder === undefined ? null : encode(holder, key) };
}

function encode({ seq, keptUntil }: KeyHolder, under: Buffer): Buffer {
  const out = Buffer.allocUnsafe(12);
  putU48(out, 0, seq);
  putU48(out, 6, keptUntil);
  return seal(out, under);
}

/** @throws DamagedRecord */
export function readKeyHolder(sealed: Buffer, under: Uint8Array): KeyHolder {
  const bytes = unseal(sealed, under, 'the key of a job');
  return { seq: getU48(bytes, 0), keptUntil: getU48(bytes, 6) };
}
