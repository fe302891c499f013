/** A stretch of the list of finished jobs as bytes: `seq` (u48) and finishing instant (u48) of each job, sealed. */
import type { FinishedJob, FinishedPlace } from '../../port.js';
import { ByteWriter } from '../bytes.js';
import { seal, unseal } from '../layout.js';
import { getU48, key, keyPart } from '../numbers.js';

const entryBytes = 12;

/** Where a stretch stands in its tree. */
export const keyOfPlace = ({ merge, from }: FinishedPlace): Buffer => key(merge, from);

/** Before whatever stands behind a stretch: the first key after one is that with a zero byte more. */
export const keyBehind = (place: FinishedPlace): Buffer => Buffer.concat([keyOfPlace(place), Buffer.alloc(1)]);

export function placeOfKey(under: Uint8Array): FinishedPlace {
  return { merge: keyPart(under, 0), from: keyPart(under, 1) };
}

export function encodeFinished(jobs: readonly FinishedJob[], under: Uint8Array): Buffer {
  const out = new ByteWriter(jobs.length * entryBytes);
  for (const { seq, at } of jobs) {
    out.u48(seq);
    out.u48(at);
  }
  return seal(out.since(0), under);
}

/** @throws DamagedRecord */
export function decodeFinished(sealed: Buffer, under: Uint8Array): FinishedJob[] {
  const bytes = unseal(sealed, under, 'the list of finished jobs');
  const jobs: FinishedJob[] = [];
  for (let at = 0; at < bytes.length; at += entryBytes) {
    jobs.push({ seq: getU48(bytes, at), at: getU48(bytes, at + 6) });
  }
  return jobs;
}
