/**
 * Looking at the pages of the data file themselves. LMDB reads a page whose head says that a commit to come wrote it, but
 * ends the process that has to write to it; so a check that only reads the trees would not notice.
 */
import { closeSync, openSync, readSync } from 'node:fs';

/** Where the build of LMDB that lmdb-js has keeps things in its header pages and in the heads of pages. */
const meta = { pageSize: 48, lastCommit: 152, bytes: 160 } as const;
const head = { number: 0, commit: 8 } as const;
/** Read at a time. */
const pieceBytes = 4 * 1024 * 1024;

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
