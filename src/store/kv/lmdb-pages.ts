/**
 * Looking at the data file itself, and not through LMDB: at its header, before LMDB reads the file, and at its pages. LMDB reads a page whose head says that a commit to come wrote it, but
 * ends the process that has to write to it; so a check that only reads the trees would not notice.
 */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

/** Where the build of LMDB that lmdb-js has keeps things in its header pages and in the heads of pages. */
const meta = { magic: 24, pageSize: 48, lastPage: 144, lastCommit: 152, bytes: 160 } as const;
const magic = 0xbeefc0de;
const head = { number: 0, commit: 8 } as const;
/** Read at a time. */
const pieceBytes = 4 * 1024 * 1024;

/**
 * What is wrong with a data file as a whole; undefined when it may be read. It must reach as far as its own header says, or the
 * first read past its end kills the process (SIGBUS).
 */
export function faultOfDataFile(file: string): string | undefined {
  const fd = openSync(file, 'r');
  try {
    const { size } = fstatSync(fd);
    if (size === 0) return 'it is empty';
    const first = readAt(fd, 0, meta.bytes);
    if (!isHeader(first)) return 'its header is not that of a store';
    const pageSize = first.readUInt32LE(meta.pageSize);
    const second = readAt(fd, pageSize, meta.bytes);
    if (!isHeader(second)) return 'the second page of its header is not that of a store';
    const [a, b] = [first.readBigUInt64LE(meta.lastPage), second.readBigUInt64LE(meta.lastPage)];
    const needed = (Number(a > b ? a : b) + 1) * pageSize;
    return size < needed ? `it is ${size} bytes long and should have at least ${needed}` : undefined;
  } finally {
    closeSync(fd);
  }
}

function isHeader(page: Buffer): boolean {
  return page.length === meta.bytes && page.readUInt32LE(meta.magic) === magic;
}

/**
 * Returns how many pages have a head that cannot be. What lies inside of a long value has no head, and is told from one by
 * the page's own number, which a head begins with.
 */
export function countWrongHeads(file: string): number {
  const fd = openSync(file, 'r');
  try {
    const first = readAt(fd, 0, meta.bytes);
    const pageSize = first.readUInt32LE(meta.pageSize);
    const second = readAt(fd, pageSize, meta.bytes);
    const [a, b] = [first.readBigUInt64LE(meta.lastCommit), second.readBigUInt64LE(meta.lastCommit)];
    // One that was interrupted leaves pages behind, to be written over, that name the commit after the last.
    const lastCommit = (a > b ? a : b) + 1n;
    const pagesAtOnce = Math.max(1, Math.floor(pieceBytes / pageSize));
    let wrong = 0;
    for (let page = 2; ; page += pagesAtOnce) {
      const piece = readAt(fd, page * pageSize, pagesAtOnce * pageSize);
      for (let at = 0; at + pageSize <= piece.length; at += pageSize) {
        if (piece.readBigUInt64LE(at + head.number) !== BigInt(page + at / pageSize)) continue;
        if (piece.readBigUInt64LE(at + head.commit) > lastCommit) wrong++;
      }
      if (piece.length < pagesAtOnce * pageSize) return wrong;
    }
  } finally {
    closeSync(fd);
  }
}

function readAt(fd: number, from: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  return buffer.subarray(0, readSync(fd, buffer, 0, bytes, from));
}
