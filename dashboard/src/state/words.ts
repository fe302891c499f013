/** What the server's words mean, as sentences. */

import { durationText } from './format.js';

/** Why a due job has not started. */
export const waitingWords: Readonly<Record<string, string>> = {
  paused: 'The job is paused.',
  type_paused: 'Its type is paused.',
  server_paused: 'The server is paused.',
  handler: 'There is no handler for its type.',
  previous_run: 'Its last run, or the one with the same key, has not ended.',
  rate: 'Its type has started as many as its rate allows.',
  type_concurrency: 'As many of its type run as its concurrency allows.',
  group_concurrency: 'As many of its group run as the concurrency of groups allows.',
  thread: 'All threads are busy.',
};

/** What became of a run, and the colour it has. */
export const outcomes: Readonly<Record<string, readonly [text: string, colour: string]>> = {
  running: ['running', 'running'],
  success: ['success', 'success'],
  failed: ['failed', 'failed'],
  retried: ['failed, retried', 'retried'],
  timeout: ['timed out', 'failed'],
  cancelled: ['cancelled', 'cancelled'],
  interrupted: ['interrupted', 'retried'],
  snoozed: ['snoozed', 'pending'],
  skipped_overlap: ['skipped: the last one ran', 'cancelled'],
  skipped_paused: ['skipped: paused', 'paused'],
  missed: ['missed', 'cancelled'],
  expired: ['expired', 'failed'],
};

/** A schedule in words, without asking. */
export function triggerWords(job: {
  readonly cron_expr?: string | undefined;
  readonly delay?: string | undefined;
  readonly is_repeat: boolean;
}): string {
  if (job.cron_expr !== undefined) return job.cron_expr;
  return job.is_repeat && job.delay !== undefined ? `every ${durationText(job.delay)}` : 'once';
}
