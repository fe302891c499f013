/** The process that a check runs in: its argument is a directory, which it opens read-only. See `check-apart`. */
import { checkStore } from './check.js';
import type { FromCheck } from './check-apart.js';
import { LmdbKv } from './kv-lmdb.js';

const [, , directory] = process.argv;
if (directory === undefined || !process.send) throw new Error('this file runs in a process that the check starts');

/** Written at once, so that nothing is lost when LMDB ends the process at the next page. */
function tell(message: FromCheck): void {
  process.send?.(message);
}

try {
  const kv = new LmdbKv(directory, { readOnly: true });
  const summary = checkStore(
    kv,
    Date.now(),
    (line) => tell({ kind: 'fault', line }),
    (what) => tell({ kind: 'reading', what }),
  );
  tell({ kind: 'checked', summary });
  await kv.close();
} catch (error) {
  tell({ kind: 'unreadable', reason: error instanceof Error ? error.message : String(error) });
}
process.disconnect();
