/**
 * Chance that is none: a fraction that follows from numbers, so that whoever decides the same thing again decides it the same
 * way, and that looks random over many jobs.
 */

const two32 = 0x1_0000_0000;

/** 32 bits, mixed: the finalizer of MurmurHash3 (Appleby, public domain). */
function mixed(bits: number): number {
  let x = bits | 0;
  x = Math.imul(x ^ (x >>> 16), 0x85eb_ca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2_ae35);
  return x ^ (x >>> 16);
}

/** From 0 up to, and without, 1. @param parts whole numbers of at most 53 bits */
export function fractionOf(...parts: readonly number[]): number {
  let hash = 0x9e37_79b9;
  for (const part of parts) {
    hash = mixed(hash ^ (part % two32));
    hash = mixed(hash ^ Math.floor(part / two32));
  }
  return (hash >>> 0) / two32;
}
