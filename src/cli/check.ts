/** `escapement check` and `escapement restore`: work on directories that no server uses. */
import type { CheckSummary } from '../store/check/check.js';
import { checkDirectory } from '../store/directory/check-directory.js';
import { restoreBackup } from '../store/directory/restore-backup.js';

type Report = (line: string) => void;

/**
 * Checks a directory and reports what is wrong with it, then how it is on the whole.
 *
 * @returns true when nothing is wrong
 * @throws Error whose message is for the user
 */
export async function check(directory: string, report: Report): Promise<boolean> {
  const summary = await checkDirectory(directory, report);
  const { faults } = summary;
  if (faults === 0) report(`${directory} is whole: ${contents(summary)}`);
  else
    report(
      `${directory} is damaged: ${number(faults, 'fault', 'faults')}, beside ${contents(summary)}. Restore it from a backup; the lines above say what would be lost or wrong without one`,
    );
  return faults === 0;
}

/** As `check`, of a cluster. */
export async function checkOfCluster(store: string, report: Report): Promise<boolean> {
  const { checkCluster } = await import('../store/postgres/check/check-cluster.js');
  const { where, shards, ...summary } = await checkCluster(store, report);
  const { faults } = summary;
  const what = `the cluster in PostgreSQL at ${where}`;
  const has = `${contents(summary)}, in ${number(shards, 'shard', 'shards')}`;
  if (faults === 0) report(`${what} is whole: ${has}`);
  else
    report(
      `${what} is damaged: ${number(faults, 'fault', 'faults')}, beside ${has}. Restore the database from a backup`,
    );
  return faults === 0;
}

/**
 * Makes a data directory from a backup.
 *
 * @throws Error whose message is for the user
 */
export async function restore(backup: string, dataDir: string, report: Report): Promise<void> {
  const summary = await restoreBackup(backup, dataDir, report);
  report(`${dataDir} is as the backup was: ${contents(summary)}`);
}

/**
 * Brings the jobs of a directory into a cluster.
 *
 * @throws Error whose message is for the user
 */
export async function move(dataDir: string, store: string, report: Report): Promise<void> {
  // PostgreSQL's library is loaded only here.
  const { moveDirectory } = await import('../store/postgres/move/move-directory.js');
  const { settingRows } = await import('../cluster/settings/setting-rows.js');
  const { where, jobs } = await moveDirectory(dataDir, store, report, settingRows);
  report(
    `${jobsIn(jobs)} of ${dataDir} are in PostgreSQL at ${where}: start nodes with --store. No server starts on ${dataDir} any more`,
  );
}

function contents({ jobs, records, events }: CheckSummary): string {
  return `${jobsIn(jobs)}, ${number(records, 'log record', 'log records')}, ${number(events, 'event', 'events')}`;
}

/** How many jobs there are, in all and by status. */
function jobsIn(jobs: CheckSummary['jobs']): string {
  const counted = Object.entries(jobs).filter(([, count]) => count > 0);
  const total = counted.reduce((sum, [, count]) => sum + count, 0);
  const each = counted.map(([status, count]) => `${count.toLocaleString('en-US')} ${status}`).join(', ');
  const some = total > 0 ? ` (${each})` : '';
  return `${number(total, 'job', 'jobs')}${some}`;
}

function number(count: number, one: string, many: string): string {
  return `${count.toLocaleString('en-US')} ${count === 1 ? one : many}`;
}
