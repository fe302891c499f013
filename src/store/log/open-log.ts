/** The log of a directory, opened for writing: that of the key-value store with the journal before it. */
import type { Kv } from '../kv/kv.js';
import { Journal } from './journal.js';
import { openJournalFile } from './journal-file.js';
import { JournaledLog } from './journaled-log.js';
import { KvLog } from './kv-log.js';

/** Takes up what the journal has. @throws DamagedRecord, NewerRecord, the system's error */
export function openLog(kv: Kv, directory: string): JournaledLog {
  return new JournaledLog(new KvLog(kv), new Journal(openJournalFile(directory)));
}
