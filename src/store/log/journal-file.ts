/** The journal's file in the data directory. */

import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  renameSync,
  writeSync,
  writevSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { blockBytes, saltBytes } from '../format/journal/entry.js';
import { journalHead } from '../format/journal/head.js';
import type { JournalFile } from './journal.js';

export const journalFile = 'journal';

/** What the entries of some hundred commits take: the log takes them up long before it is full. */
const journalBytes = 4 * 1024 * 1024;

/**
 * Makes an empty journal where there is none. All of it is written ahead, since a block that was never written costs its first
 * flush a change of the file's extents as well. It is there whole or not at all.
 */
export function makeJournal(directory: string): void {
  const path = join(directory, journalFile);
  if (existsSync(path)) return;
  const file = openSync(`${path}.new`, 'w', 0o600);
  try {
    const bytes = Buffer.alloc(journalBytes);
    journalHead(randomBytes(saltBytes), journalBytes / blockBytes).copy(bytes);
    writeAll(file, bytes);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${path}.new`, path);
  flushFolder(dirname(path));
}

function writeAll(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}

/** A new name is on disk once its folder is. Windows opens no folders. */
function flushFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** Opens the journal of a directory. @throws the system's error */
export function openJournalFile(directory: string, flags: 'r' | 'r+' = 'r+'): JournalFile {
  const file = openSync(join(directory, journalFile), flags);
  return {
    read: () => {
      const bytes = Buffer.alloc(fstatSync(file).size);
      for (let at = 0; at < bytes.length; ) {
        const read = readSync(file, bytes, at, bytes.length - at, at);
        if (read === 0) break;
        at += read;
      }
      return bytes;
    },
    write: (at, pieces) => {
      const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
      const written = writevSync(file, pieces, at);
      if (written < bytes) writeRest(file, Buffer.concat(pieces), at, written);
      fdatasyncSync(file);
    },
    close: () => closeSync(file),
  };
}

/** A write may be cut short by a signal or a bound on the size of files; the next says why. */
function writeRest(file: number, bytes: Buffer, at: number, from: number): void {
  for (let done = from; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at + done);
}
