/**
 * What runs one engine on a storage thread: takes messages, answers them, and between commits goes on with checkpoints and the merge,
 * slice by slice.
 */
import { Refusal } from '../../domain/errors.js';
import type { BackupDone } from '../directory/write-backup.js';
import { unpackIndex } from '../format/batch-index.js';
import type { SealedBatch } from '../format/sealing.js';
import { hasRoom, whyForGood } from '../kv/disk.js';
import type { LogOrder } from '../trees/job-logs.js';
import type { IndexPages } from '../trees/local-index.js';
import type { MergeOrder } from '../trees/storage.js';
import type { FromStorage, ToStorage } from './storage-messages.js';

/** How long a merge, or checkpointing, waits when it failed: there may be room again. */
const retryMs = 250;
/** A checkpoint comes this long after a commit, or when so much waits for it: readers hold it in memory meanwhile. */
const checkpointAfterMs = 100;
const checkpointBytes = 1024 * 1024;

/** As `StoreEngine` and `IndexEngine` say. */
export interface HostedEngine {
  commit(batch: SealedBatch): void;
  readonly checkpointed: number;
  checkpoint(): void;
  /** Bytes of what waits for a checkpoint. */
  readonly waitingBytes: number;
  writeLogs(order: LogOrder): number;
  startMerge(order: MergeOrder): void;
  readonly merging: boolean;
  step(): number | undefined;
  markClean(clean: boolean): void;
}

export interface EngineHostPorts {
  readonly directory: string;
  readonly engine: HostedEngine;
  post(message: FromStorage): void;
  backUp(target: string): Promise<BackupDone>;
  /** Called once, behind all else. */
  close(): Promise<void>;
  /** Of an engine whose changes are told: what is to be told now. The next slice comes when it was written. */
  readonly pages?: { take(): IndexPages | undefined; tell(pages: IndexPages): void };
  /** Hears of what will not get better; without it, that ends the thread. */
  readonly failed?: (error: Error) => void;
}

export class EngineHost {
  readonly #ports: EngineHostPorts;
  readonly #engine: HostedEngine;
  #stepping = false;
  #checkpointing: NodeJS.Timeout | undefined;
  #closing = false;
  /** What was posted last. */
  #checkpointed = 0;
  /** The last write was refused. */
  #full = false;
  /** Pages were told and are not written. */
  #isTelling = false;
  /** Ends with the backup that is being written, if one is. */
  #backup: Promise<void> = Promise.resolve();

  constructor(ports: EngineHostPorts) {
    this.#ports = ports;
    this.#engine = ports.engine;
  }

  take(message: ToStorage): void {
    switch (message.kind) {
      case 'commit':
        return this.#commit({ ...message.batch, ...unpackIndex(message.index) });
      case 'logs':
        return this.#writeLogs(message.order);
      case 'merge':
        this.#engine.startMerge(message.order);
        return this.#stepSoon();
      case 'backup':
        this.#backup = this.#backUp(message.target);
        return;
      case 'close':
        return void this.#close(message.clean);
      default:
        message satisfies never;
    }
  }

  pagesWritten(): void {
    this.#isTelling = false;
    this.#stepSoon();
  }

  #commit(batch: SealedBatch): void {
    const { directory, post } = this.#ports;
    const { position } = batch;
    // A small write may still find a free page: taking that for room would start jobs that cannot be written down.
    if (this.#full && !hasRoom(directory, batch.buffer.byteLength)) {
      post({ kind: 'failed', position, message: 'there is no room on the disk', broken: false });
      return;
    }
    try {
      this.#engine.commit(batch);
      this.#full = false;
    } catch (error) {
      this.#full = true;
      const why = whyForGood(error, directory, batch.buffer.byteLength);
      const message = why ?? (error instanceof Error ? error.message : String(error));
      post({ kind: 'failed', position, message, broken: why !== undefined });
      return;
    }
    post({ kind: 'committed', position });
    this.#reportCheckpoint();
    if (this.#engine.checkpointed >= position) return;
    if (this.#engine.waitingBytes >= checkpointBytes) setImmediate(() => this.#checkpoint());
    else this.#checkpointing ??= setTimeout(() => this.#checkpoint(), checkpointAfterMs);
  }

  /** They may wait: nobody waits for them. */
  #writeLogs(order: LogOrder): void {
    const { post } = this.#ports;
    try {
      post({ kind: 'logsWritten', bytes: this.#engine.writeLogs(order) });
    } catch (error) {
      this.#failedInBackground(error);
      post({ kind: 'logsRefused' });
    }
    this.#tellSoon();
  }

  #reportCheckpoint(): void {
    const { checkpointed } = this.#engine;
    if (checkpointed === this.#checkpointed) return;
    this.#checkpointed = checkpointed;
    this.#ports.post({ kind: 'checkpointed', position: checkpointed });
    this.#tellSoon();
  }

  #checkpoint(): void {
    clearTimeout(this.#checkpointing);
    this.#checkpointing = undefined;
    if (this.#closing) return;
    try {
      this.#engine.checkpoint();
    } catch (error) {
      this.#failedInBackground(error);
      this.#checkpointing = setTimeout(() => this.#checkpoint(), retryMs);
      return;
    }
    this.#reportCheckpoint();
  }

  /** Nothing is lost: what was committed is in the journal or the log, and there may be room later. */
  #failedInBackground(error: unknown): void {
    this.#full = true;
    // What will not get better ends this thread, and with it the server, which says why.
    const why = whyForGood(error, this.#ports.directory, 0);
    if (why === undefined) return;
    if (!this.#ports.failed) throw new Error(why);
    this.#ports.failed(new Error(why));
  }

  /** One slice per turn of the loop: a commit that has come meanwhile is taken before the next. */
  #step(): void {
    this.#stepping = false;
    if (this.#closing || this.#isTelling || this.#tell() || !this.#engine.merging) return;
    let merged: number | undefined;
    try {
      merged = this.#engine.step();
    } catch (error) {
      this.#failedInBackground(error);
      this.#stepping = true;
      setTimeout(() => this.#step(), retryMs);
      return;
    }
    this.#reportCheckpoint();
    if (merged !== undefined) this.#ports.post({ kind: 'merged', position: merged });
    if (!this.#tell() && merged === undefined) this.#stepSoon();
  }

  /** Returns whether there was something to be told. */
  #tell(): boolean {
    const pages = this.#ports.pages?.take();
    if (!pages) return false;
    this.#isTelling = true;
    this.#ports.pages?.tell(pages);
    return true;
  }

  #tellSoon(): void {
    if (this.#ports.pages) this.#stepSoon();
  }

  #stepSoon(): void {
    if (this.#stepping) return;
    this.#stepping = true;
    setImmediate(() => this.#step());
  }

  async #backUp(target: string): Promise<void> {
    const { post } = this.#ports;
    try {
      this.#engine.checkpoint();
      this.#reportCheckpoint();
      post({ kind: 'backedUp', done: await this.#ports.backUp(target) });
    } catch (error) {
      const { code, detail } =
        error instanceof Refusal ? error : { code: 'internal_error' as const, detail: String(error) };
      post({ kind: 'notBackedUp', refused: { code, detail } });
    }
  }

  async #close(clean: boolean): Promise<void> {
    this.#closing = true;
    clearTimeout(this.#checkpointing);
    try {
      if (clean) {
        while (this.#engine.merging) {
          const merged = this.#engine.step();
          if (merged !== undefined) this.#ports.post({ kind: 'merged', position: merged });
        }
        this.#engine.checkpoint();
        this.#engine.markClean(true);
      }
    } catch {
      // An unmarked directory is replayed and checked at the next start, which is all that is lost.
    }
    // The copy reads from the store that is about to be closed.
    await this.#backup;
    await this.#ports.close();
    this.#ports.post({ kind: 'closed' });
  }
}
