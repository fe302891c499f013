/**
 * What is done with many jobs at once, as bytes. The tree `bulk` has an entry for each such request, under (number, 0): format version (u8),
 * then JSON, sealed. As long as it has not ended, the jobs that it is about stand under (number, 1 + block) as the sets of jobs do.
 */
import { RoaringBitmap32 } from 'roaring-wasm';
import type { BulkRecord } from '../../../domain/control/bulk.js';
import { type BulkChange, type BulkJobs, NewerRecord } from '../../port.js';
import { type Put, seal, unseal } from '../layout.js';
import { key, keyPart } from '../numbers.js';
import { packSet, sealSet } from './set-block.js';

const version = 1;

const recordKey = (id: number): Buffer => key(id, 0);
const jobsKey = (id: number, block: number): Buffer => key(id, block + 1);

/** Which request an entry is of, and which block of its jobs; undefined: the request itself. */
export function placeOfBulk(of: Uint8Array): { readonly id: number; readonly block: number | undefined } {
  const second = keyPart(of, 1);
  return { id: keyPart(of, 0), block: second === 0 ? undefined : second - 1 };
}

/** What a commit writes of one. */
export function bulkPuts({ id, record, jobs, dropped = [] }: BulkChange): Put[] {
  const under = recordKey(id);
  const puts: Put[] = dropped.map((block) => ({ tree: 'bulk', key: jobsKey(id, block), value: null }));
  for (const { block, places } of jobs ?? []) {
    const bitmap = new RoaringBitmap32(places);
    const of = jobsKey(id, block);
    puts.push({ tree: 'bulk', key: of, value: sealSet(packSet(bitmap), of) });
    bitmap.dispose();
  }
  const value =
    record === undefined ? null : seal(Buffer.concat([Buffer.of(version), Buffer.from(JSON.stringify(record))]), under);
  puts.push({ tree: 'bulk', key: under, value });
  return puts;
}

/** @throws DamagedRecord, NewerRecord */
export function readBulkRecord(sealed: Buffer, under: Uint8Array): BulkRecord {
  const what = `the request number ${keyPart(under, 0)} about many jobs`;
  const bytes = unseal(sealed, under, what);
  const found = bytes[0] ?? 0;
  if (found > version) throw new NewerRecord(what, { found, known: version });
  return JSON.parse(bytes.toString('utf8', 1)) as BulkRecord;
}

/** @throws DamagedRecord */
export function readBulkJobs(sealed: Buffer, under: Uint8Array): BulkJobs {
  const bitmap = RoaringBitmap32.deserialize('portable', unseal(sealed, under, 'the jobs of a request about many'));
  const places = bitmap.toUint32Array();
  bitmap.dispose();
  return { block: keyPart(under, 1) - 1, places };
}
