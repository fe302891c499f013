/**
 * The log with a journal before it. An append is durable once it is in the journal; the log in the key-value store takes up many at
 * once, and until then it does not have them. Whoever reads through this finds everything: a checkpoint comes first.
 */
import type { SealedBatch } from '../format/sealing.js';
import type { Journal } from './journal.js';
import type { KvLog } from './kv-log.js';
import type { LogEnds, RawRecord, RecordLog, RecordRange } from './record-log.js';

/** What is asked of the journal. */
export type JournalPort = Pick<Journal, 'recover' | 'fits' | 'append' | 'restart' | 'close'>;

/** Before a log whose records are durable elsewhere: nothing is written, and what is not in the log yet comes from there again. */
export const noJournal: JournalPort = {
  recover: () => [],
  fits: () => true,
  append: () => {},
  restart: () => {},
  close: () => {},
};

export class JournaledLog implements RecordLog {
  readonly #log: KvLog;
  readonly #journal: JournalPort;
  #recent: SealedBatch[] = [];
  #waitingBytes = 0;

  /**
   * Takes up what the journal has behind the log's end.
   * @throws DamagedRecord when an entry is missing
   */
  constructor(log: KvLog, journal: JournalPort) {
    this.#log = log;
    this.#journal = journal;
    this.#recent = journal.recover(log.ends()?.last ?? 0);
    this.checkpoint();
  }

  get checkpointed(): number {
    return this.#log.checkpointed;
  }

  /** Of the batches that only the journal has. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  append(batch: SealedBatch): void {
    if (!this.#journal.fits(batch)) this.checkpoint();
    if (!this.#journal.fits(batch)) {
      this.#log.appendAll([batch]);
      return;
    }
    this.#journal.append(batch);
    this.#recent.push(batch);
    this.#waitingBytes += batch.bytes;
  }

  checkpoint(): void {
    if (this.#recent.length > 0) this.#log.appendAll(this.#recent);
    this.#recent = [];
    this.#waitingBytes = 0;
    this.#journal.restart();
  }

  /** Closes the journal; what it has stays there for the next start. */
  close(): void {
    this.#journal.close();
  }

  trim(before: number, limit: number, isOver: (record: RawRecord) => boolean): number {
    if (before > this.checkpointed) this.checkpoint();
    return this.#log.trim(before, limit, isOver);
  }

  ends(): LogEnds | undefined {
    this.checkpoint();
    return this.#log.ends();
  }

  size(): number {
    this.checkpoint();
    return this.#log.size();
  }

  read(position: number): Buffer | undefined {
    if (position > this.checkpointed) this.checkpoint();
    return this.#log.read(position);
  }

  records(range: RecordRange): Iterable<RawRecord> {
    this.checkpoint();
    return this.#log.records(range);
  }
}
