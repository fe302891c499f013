/**
 * The process that a check runs in: its arguments are a directory, which it opens read-only, and the key of its ids where it
 * has one. See `check-apart`.
 */
import { join } from 'node:path';
import { useIdKey } from '../../domain/id.js';
import type { KvReader } from '../kv/kv.js';
import { dataFile, LmdbKv } from '../kv/kv-lmdb.js';
import { countWrongHeads } from '../kv/lmdb-pages.js';
import { checkStore } from './check.js';
import type { FromCheck } from './check-apart.js';
import { withJournal } from './with-journal.js';

const [, , directory, idKey] = process.argv;
if (directory === undefined || !process.send) throw new Error('this file runs in a process that the check starts');
useIdKey(idKey);

/** Written at once, so that nothing is lost when LMDB ends the process at the next page. */
function post(message: FromCheck): void {
  process.send?.(message);
}

/** Without a journal that cannot be read, which is a fault of its own, the rest is checked. */
let journalFaults = 0;
function whole(kv: LmdbKv): KvReader {
  try {
    return withJournal(kv, directory as string);
  } catch (error) {
    journalFaults = 1;
    post({ kind: 'fault', line: error instanceof Error ? error.message : String(error) });
    return kv;
  }
}

try {
  const kv = new LmdbKv(directory, { readOnly: true });
  const wrongHeads = countWrongHeads(join(directory, dataFile));
  if (wrongHeads > 0) {
    const line = `the heads of ${wrongHeads} pages of ${dataFile} are damaged: writing to these ends the server`;
    post({ kind: 'fault', line });
  }
  const summary = checkStore(
    whole(kv),
    Date.now(),
    (line) => post({ kind: 'fault', line }),
    (what) => post({ kind: 'reading', what }),
  );
  const faults = summary.faults + journalFaults + (wrongHeads > 0 ? 1 : 0);
  post({ kind: 'checked', summary: { ...summary, faults } });
  await kv.close();
} catch (error) {
  post({ kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) });
}
process.disconnect();
