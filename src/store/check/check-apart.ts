/**
 * A check in a process of its own: where pages of the data file are damaged, LMDB does not report an error but ends the
 * process that reads them.
 */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Status, statuses } from '../../domain/lifecycle.js';
import { dataFile } from '../kv/kv-lmdb.js';
import type { CheckSummary } from './check.js';

/** What the process reports, one message after the other. */
export type FromCheck =
  | { readonly kind: 'reading'; readonly what: string }
  | { readonly kind: 'fault'; readonly line: string }
  | { readonly kind: 'checked'; readonly summary: CheckSummary }
  /** Before the first `reading`: the data file cannot even be opened. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/**
 * Checks the store in a directory that is locked, or that nobody else knows of.
 *
 * @param idKey the directory's, so that jobs are called by their ids
 * @param report is called with one line for each fault
 */
export async function checkApart(
  directory: string,
  idKey: string | undefined,
  report: (line: string) => void,
): Promise<CheckSummary> {
  const file = join(directory, dataFile);
  // LMDB writes its last words to standard error; they are about its source, not about the data.
  const child = fork(
    fileURLToPath(new URL('./check-process.js', import.meta.url)),
    [directory, ...(idKey === undefined ? [] : [idKey])],
    {
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    },
  );
  let faults = 0;
  let summary: CheckSummary | undefined;
  let reading: string | undefined;
  let reason: string | undefined;
  child.on('message', (message: FromCheck) => {
    switch (message.kind) {
      case 'reading':
        reading = message.what;
        return;
      case 'fault':
        faults++;
        return report(message.line);
      case 'checked':
        summary = message.summary;
        return;
      case 'unreadable':
        reason = message.reason;
        return;
      default:
        message satisfies never;
    }
  });
  const how = await new Promise<string>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  });
  if (summary) return summary;
  const why = reason ?? how;
  if (reading === undefined) report(`${file} cannot be opened (${why}): it is damaged`);
  else
    report(`pages of ${file} are damaged: reading ${reading} ended the check (${why}), and the rest was not checked`);
  return { ...nothing, faults: faults + 1 };
}

const nothing: Omit<CheckSummary, 'faults'> = {
  jobs: Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>,
  records: 0,
  events: 0,
  position: 0,
};
