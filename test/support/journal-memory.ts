/** A journal's file in memory. A write that ends the process leaves some of its sectors; one that finds no room leaves nothing. */

import { blockBytes, saltBytes } from '../../src/store/format/journal/entry.js';
import { journalHead } from '../../src/store/format/journal/head.js';
import type { JournalFile } from '../../src/store/log/journal.js';
import { DiskFull } from './disk-faults.js';

const sectorBytes = 512;

export class MemoryJournal implements JournalFile {
  bytes: Buffer;
  /** Called before each write; throws as a disk would, or as a process that ends there. */
  readonly #beforeWrite: () => void;

  constructor(beforeWrite: () => void, bytes = 16 * 4096) {
    this.#beforeWrite = beforeWrite;
    this.bytes = Buffer.alloc(bytes);
    journalHead(Buffer.alloc(saltBytes, 7), bytes / blockBytes).copy(this.bytes);
  }

  read(): Buffer {
    return Buffer.from(this.bytes);
  }

  write(at: number, pieces: readonly Uint8Array[]): void {
    const bytes = Buffer.concat(pieces);
    if (at + bytes.length > this.bytes.length) throw new RangeError('the journal does not grow');
    try {
      this.#beforeWrite();
    } catch (error) {
      if (error instanceof DiskFull) throw error;
      for (let from = 0; from < bytes.length; from += sectorBytes) {
        const sector = bytes.subarray(from, from + sectorBytes);
        if ((sector[0] as number) % 2 === 0) sector.copy(this.bytes, at + from);
      }
      throw error;
    }
    bytes.copy(this.bytes, at);
  }

  /** As if nothing had ever been written. */
  empty(): void {
    this.bytes.fill(0, blockBytes);
  }

  close(): void {}
}
