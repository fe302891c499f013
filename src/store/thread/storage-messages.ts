/** Between the main thread and the storage thread. Types only. */

import type { BackupDone, BackupRefused } from '../directory/write-backup.js';
import type { SealedBatch } from '../format/sealing.js';
import type { LogOrder } from '../trees/job-logs.js';
import type { MergeOrder } from '../trees/storage.js';

export interface StorageThreadOptions {
  readonly directory: string;
}

export type ToStorage =
  | {
      readonly kind: 'commit';
      readonly batch: Omit<SealedBatch, 'specs' | 'puts'>;
      /** The rest of the batch: see `format/batch-index`. */
      readonly index: Uint8Array<ArrayBuffer>;
    }
  | { readonly kind: 'merge'; readonly order: MergeOrder }
  | { readonly kind: 'logs'; readonly order: LogOrder }
  | { readonly kind: 'backup'; readonly target: string }
  | { readonly kind: 'close'; readonly clean: boolean };

export type FromStorage =
  | { readonly kind: 'ready'; readonly clean: boolean }
  | { readonly kind: 'committed'; readonly position: number }
  | { readonly kind: 'checkpointed'; readonly position: number }
  | { readonly kind: 'failed'; readonly position: number; readonly message: string; readonly broken: boolean }
  | { readonly kind: 'merged'; readonly position: number }
  | { readonly kind: 'logsWritten'; readonly bytes: number }
  | { readonly kind: 'logsRefused' }
  | { readonly kind: 'backedUp'; readonly done: BackupDone }
  | { readonly kind: 'notBackedUp'; readonly refused: BackupRefused }
  | { readonly kind: 'closed' };
