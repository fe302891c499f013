/**
 * The jobs of one set in one block of 65,536, as bytes: a bitmap in the portable format of Roaring
 * (https://github.com/RoaringBitmap/RoaringFormatSpec), sealed. Its key says the set and the block.
 */
import { RoaringBitmap32 } from 'roaring-wasm';
import { seal, unseal } from '../layout.js';
import { key, keyPart } from '../numbers.js';

/** Jobs in a block. A bitmap holds their places in it. The keys on disk count in blocks, so it never changes. */
export const blockSize = 0x1_0000;

export const blockOf = (seq: number): number => Math.floor(seq / blockSize);

export const setKey = (set: number, block: number): Buffer => key(set, block);

/** The set, by the key of one of its blocks. */
export const setOfKey = (of: Uint8Array): number => keyPart(of, 0);
/** The number of the block, by its key. */
export const blockOfKey = (of: Uint8Array): number => keyPart(of, 1);

/** A bitmap as bytes, on the thread that has it; not sealed yet. */
export const packSet = (bitmap: RoaringBitmap32): Uint8Array => bitmap.serialize('portable');

/** What `packSet` made, as it is stored. */
export const sealSet = (packed: Uint8Array, under: Uint8Array): Buffer => seal(packed, under);

/** The bitmap is the caller's to dispose of. @throws DamagedRecord */
export function decodeSet(sealed: Buffer, under: Uint8Array): RoaringBitmap32 {
  return RoaringBitmap32.deserialize('portable', unseal(sealed, under, 'a set of jobs'));
}
