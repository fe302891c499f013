/** The runs of a job: what its attempts came to, and which slots it passed over. */
import type { Transport } from './transport.js';

/** Of an attempt, and of slots of which none was made. */
export type RunOutcome =
  | 'running'
  | 'success'
  | 'failed'
  | 'retried'
  | 'timeout'
  | 'cancelled'
  | 'interrupted'
  | 'snoozed'
  | 'skipped_overlap'
  | 'skipped_paused'
  | 'missed'
  | 'expired';

/** An attempt; or slots that were passed over for one reason: these have `count` and `last_scheduled_for`, and nothing of an attempt. */
export interface JobRun {
  /** The number of the attempt over the life of the job. */
  readonly run?: number;
  readonly scheduled_for: string;
  /** Its number within its occurrence. */
  readonly attempt?: number;
  /** Of an extra occurrence, which was asked for. */
  readonly manual: boolean;
  readonly outcome: RunOutcome;
  readonly started_at?: string;
  readonly finished_at?: string;
  readonly lateness_ms?: number;
  readonly duration_ms?: number;
  readonly error?: { readonly name: string; readonly message: string; readonly code: string };
  readonly count?: number;
  readonly last_scheduled_for?: string;
}

const pageRuns = 100;

/** All that the server has kept, the newest first, page by page as they are asked for. @param path of the job */
export async function* runsOf(
  transport: Transport,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<JobRun, void, undefined> {
  const query = new URLSearchParams({ limit: String(pageRuns) });
  for (;;) {
    const page = await transport.send<{ items: JobRun[]; next_cursor?: string }>('GET', `${path}/runs?${query}`, {
      signal,
      repeatable: true,
    });
    yield* page.items;
    if (page.next_cursor === undefined) return;
    query.set('cursor', page.next_cursor);
  }
}
