/**
 * The journal: a file of fixed size, written ahead, that each commit goes to before LMDB has it. A commit there is one flush of blocks
 * that the file system knows already; in LMDB it would be two, and pages of every tree that it touches.
 *
 *   block 0   head: what it is, its version, its salt
 *   block 1…  entries, each from the beginning of a block, one behind the other
 *
 * Once the log has taken up all entries, the next one is written over the first. So an entry counts if it is whole and its
 * position is behind the log's end: what is left of earlier rounds is not behind it, and a torn write, which nobody was told of, is
 * not whole. Those that count follow each other without a gap, or one that was acknowledged has been lost.
 */
import { blockBytes, entryBlocks, journalEntry, readJournalEntry } from '../format/journal/entry.js';
import { readJournalHead } from '../format/journal/head.js';
import type { SealedBatch } from '../format/sealing.js';
import { DamagedRecord } from '../port.js';

/** Where a journal is kept. */
export interface JournalFile {
  /** All of it. */
  read(): Buffer;
  /** Writes the pieces one behind the other, from a byte on, and returns once they are durable. The size stays. */
  write(at: number, pieces: readonly Uint8Array[]): void;
  close(): void;
}

export class Journal {
  readonly #file: JournalFile;
  readonly #salt: Uint8Array;
  readonly #blocks: number;
  /** Where the next entry begins. */
  #next = 1;
  /** What a start found. */
  #found: Buffer | undefined;

  /** @throws DamagedRecord, NewerRecord when the file does not begin as a journal does */
  constructor(file: JournalFile) {
    this.#file = file;
    this.#found = file.read();
    const { salt, blocks } = readJournalHead(this.#found);
    this.#salt = salt;
    this.#blocks = blocks;
  }

  /**
   * What it has behind the end of the log, in order; to be called once, before anything is appended.
   * @throws DamagedRecord when one is missing
   */
  recover(logEnd: number): SealedBatch[] {
    const found = this.#found;
    if (!found) throw new Error('the journal was read before');
    this.#found = undefined;
    const behind: SealedBatch[] = [];
    for (let block = 1; block < this.#blocks; ) {
      const entry = readJournalEntry(found, block * blockBytes, this.#salt);
      if (entry && entry.batch.position > logEnd) behind.push(entry.batch);
      block += entry?.blocks ?? 1;
    }
    behind.forEach(({ position }, i) => {
      const expected = logEnd + 1 + i;
      if (position !== expected) throw new DamagedRecord(`log record ${expected}`, 'is missing in the journal');
    });
    return behind;
  }

  /** There is room for the batch behind what was appended. */
  fits(batch: SealedBatch): boolean {
    return this.#next + entryBlocks(batch) <= this.#blocks;
  }

  /** Makes a batch that fits durable, or throws. */
  append(batch: SealedBatch): void {
    const pieces = journalEntry(batch, this.#salt);
    try {
      this.#file.write(this.#next * blockBytes, pieces);
    } catch (error) {
      this.#spoil();
      throw error;
    }
    let bytes = 0;
    for (const piece of pieces) bytes += piece.length;
    this.#next += bytes / blockBytes;
  }

  /** What was refused may be there in whole: no start is to take it. The next entry goes over it in any case. */
  #spoil(): void {
    try {
      this.#file.write(this.#next * blockBytes, [Buffer.alloc(blockBytes)]);
    } catch {
      // The first failure is what is reported.
    }
  }

  /** All entries are in the log, durably: what comes next may take their place. */
  restart(): void {
    this.#next = 1;
  }

  close(): void {
    this.#file.close();
  }
}
