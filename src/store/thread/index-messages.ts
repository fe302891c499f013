/** Between the main thread and the thread of local indexes; each index has a port of its own. Types only. */

import type { MessagePort } from 'node:worker_threads';
import type { UnreadableRecord } from '../port.js';
import type { IndexPages, IndexRecord } from '../trees/local-index.js';
import type { FromStorage, ToStorage } from './storage-messages.js';

/** To the thread itself. */
export interface OpenIndex {
  /** Whatever is there goes. */
  readonly directory: string;
  /** As of `IndexEngine`. */
  readonly logShare: number;
  readonly port: MessagePort;
}

export type ToIndex =
  | { readonly kind: 'loadPages'; readonly packed: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'loadRecords'; readonly records: readonly IndexRecord[]; readonly merged: number }
  | { readonly kind: 'open'; readonly merged: number }
  | { readonly kind: 'pagesWritten' }
  | Exclude<ToStorage, { readonly kind: 'backup' }>;

export type FromIndex =
  /** Answers each part of a load. */
  | { readonly kind: 'taken' }
  | ({ readonly kind: 'pages'; readonly packed: Uint8Array<ArrayBuffer> } & Omit<IndexPages, 'puts'>)
  /** The last message but for `closed`. */
  /** `record`: what could not be read, as of `UnreadableRecord`; absent: that was not why. */
  | { readonly kind: 'lost'; readonly message: string; readonly record?: LostRecord | undefined }
  | FromStorage;

/** A record that the thread could not read: an error loses its class on the way. */
export type LostRecord = Pick<UnreadableRecord, 'what' | 'how' | 'state'>;
