/** What a sealed batch says beside its buffer, as bytes: where its specs are, and what it puts into the trees. */
import { ByteReader, ByteWriter } from './bytes.js';
import { treeCodes, treeOfCode } from './codes.js';
import type { Put } from './layout.js';
import type { SealedBatch } from './sealing.js';

type Index = Pick<SealedBatch, 'specs' | 'puts'>;

const none = 0xffff_ffff;

/** Room for an index, so that it need not grow while it is written. */
export const roomForIndex = ({ specs, puts }: Index): number => 8 + specs.length * 5 + puts.length * 128;

export function writeBatchIndex(out: ByteWriter, { specs, puts }: Index): void {
  out.u32(specs.length / 3);
  for (let i = 0; i < specs.length; i += 3) {
    out.u48(specs[i] as number);
    out.u32(specs[i + 1] as number);
    out.u32(specs[i + 2] as number);
  }
  out.u32(puts.length);
  for (const { tree, key, value } of puts) {
    const code: number | undefined = treeCodes[tree];
    if (code === undefined) throw new RangeError(`there is no tree ${tree}`);
    out.u8(code);
    out.u16(key.length);
    out.bytes(key);
    out.u32(value ? value.length : none);
    if (value) out.bytes(value);
  }
}

/** Keys and values are views of what was read. */
export function readBatchIndex(input: ByteReader): Index {
  const specs: number[] = [];
  for (let left = input.u32(); left > 0; left--) specs.push(input.u48(), input.u32(), input.u32());
  const puts = Array.from({ length: input.u32() }, (): Put => {
    const tree = treeOfCode[input.u8()];
    if (tree === undefined) throw new RangeError('a tree that there is not');
    const key = input.bytes(input.u16());
    const length = input.u32();
    return { tree, key, value: length === none ? null : input.bytes(length) };
  });
  return { specs, puts };
}

/** An index as one piece of memory, which changes hands at once: many small pieces are copied one by one. */
export function packIndex(index: Index): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(roomForIndex(index));
  writeBatchIndex(out, index);
  return new Uint8Array(out.buffer.buffer as ArrayBuffer, 0, out.length);
}

export function unpackIndex(packed: Uint8Array<ArrayBuffer>): Index {
  return readBatchIndex(new ByteReader(Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)));
}
