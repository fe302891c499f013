/** Which job has a key, or had it last, as bytes: the `seq` of the job and until when the key is kept, both u48, sealed. */
import type { KeyHolder } from '../../../domain/control/keys.js';
import { ByteReader, ByteWriter } from '../bytes.js';
import { type Put, seal, unseal } from '../layout.js';

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
  const out = new ByteWriter(12);
  out.u48(seq);
  out.u48(keptUntil);
  return seal(out.since(0), under);
}

/** @throws DamagedRecord */
export function readKeyHolder(sealed: Buffer, under: Uint8Array): KeyHolder {
  const input = new ByteReader(unseal(sealed, under, 'the key of a job'));
  return { seq: input.u48(), keptUntil: input.u48() };
}
