/** One action on many jobs: asked about with their number, done by the server, watched here and stopped if wished. */
import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { EscapementError } from '../../../src/client/client.js';
import {
  type Action,
  type Bulk,
  type BulkFilter,
  countBulk,
  getBulk,
  listBulk,
  startBulk,
  stopBulk,
} from '../state/api.js';
import { count, plural } from '../state/format.js';
import { changes } from '../state/live.js';
import { has, mayAct } from '../state/session.js';
import { ask, note } from './dialog.js';

/** Those that have not ended, by their ids. */
const watched = signal<ReadonlyMap<string, Bulk>>(new Map());
const pollMs = 500;
const answerWithinMs = 10_000;
/** What came of very many jobs is not to be missed. */
const outcomeShownMs = 20_000;

export const verbs: Readonly<Record<Action, string>> = {
  cancel: 'Cancel',
  retry: 'Retry',
  run: 'Run now',
  pause: 'Pause',
  resume: 'Resume',
  remove: 'Remove',
};

const meanings: Readonly<Record<Action, string>> = {
  cancel: 'They do not run any more. What runs now is told to stop. This cannot be taken back.',
  retry: 'Failed jobs are due now, with all their retries before them.',
  run: 'They are due now, whatever their time is.',
  pause: 'Nothing of them starts until they are resumed.',
  resume: 'They start again at their times; what is overdue starts now.',
  remove: 'They are gone with their runs and logs. This cannot be taken back.',
};

/** Counts first what would be done, then asks. */
export async function askBulk(action: Action, filter: BulkFilter, done?: () => void): Promise<void> {
  try {
    const { matched } = await countBulk(action, filter);
    if (matched === 0) return note(`No job here can be acted on so: ${verbs[action].toLowerCase()}.`, true);
    ask({
      title: `${verbs[action]} ${plural(matched, 'job')}?`,
      text: <p>{meanings[action]}</p>,
      verb: `${verbs[action]} ${count(matched)}`,
      danger: action === 'cancel' || action === 'remove',
      run: async () => {
        void watch(await startBulk(action, filter));
        done?.();
      },
    });
  } catch (error) {
    note((error as Error).message, true);
  }
}

const isOpen = ({ status }: Bulk): boolean => status === 'pending' || status === 'running';
/** The server said so; that it did not answer says nothing of what it does. */
const isRefused = (error: unknown): boolean =>
  error instanceof EscapementError && error.status >= 400 && error.status < 500;

function show(id: string, bulk: Bulk | undefined): void {
  const next = new Map(watched.peek());
  if (bulk) next.set(id, bulk);
  else next.delete(id);
  watched.value = next;
}

/** Follows it to its end, also over a lost connection: the server goes on with it. */
async function watch(begun: Bulk): Promise<void> {
  const { id } = begun;
  if (watched.peek().has(id)) return;
  let bulk = begun;
  show(id, bulk);
  try {
    while (isOpen(bulk)) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      try {
        bulk = await getBulk(id, AbortSignal.timeout(answerWithinMs));
        show(id, bulk);
      } catch (error) {
        if (isRefused(error)) throw error;
      }
    }
    const { action, done, skipped, failed, status } = bulk;
    const parts = [
      `${count(done)} done`,
      skipped > 0 && `${count(skipped)} skipped`,
      failed > 0 && `${count(failed)} failed`,
    ];
    note(
      `${verbOf(action)}: ${parts.filter(Boolean).join(', ')}${status === 'cancelled' ? ', then stopped' : ''}.`,
      failed > 0,
      outcomeShownMs,
    );
  } catch (error) {
    note((error as Error).message, true);
  }
  show(id, undefined);
  changes.value += 1;
}

const verbOf = (action: string): string => verbs[action as Action] ?? action;

/** Also of those that were begun before this page was opened, or elsewhere. */
export function BulkProgress() {
  useEffect(() => {
    if (!has('bulk')) return;
    const stop = new AbortController();
    listBulk(stop.signal).then(
      ({ items }) => {
        for (const bulk of items) if (isOpen(bulk)) void watch(bulk);
      },
      // What begins here is followed all the same.
      () => {},
    );
    return () => stop.abort();
  }, []);
  if (watched.value.size === 0) return null;
  return (
    <div class="bulk-progress" role="region" aria-label="Actions on many jobs">
      {[...watched.value.values()].map((bulk) => (
        <OneBulk key={bulk.id} bulk={bulk} />
      ))}
    </div>
  );
}

function OneBulk({ bulk: { id, action, matched, done, skipped, failed } }: { readonly bulk: Bulk }) {
  const over = done + skipped + failed;
  return (
    <div>
      <span>
        {verbOf(action)}: {count(over)} of {count(matched)}
      </span>
      <progress max={Math.max(1, matched)} value={over} aria-label="Progress" />
      {mayAct.value && (
        <button
          type="button"
          class="button"
          onClick={() => void stopBulk(id).catch((error: Error) => note(error.message, true))}
        >
          Stop
        </button>
      )}
    </div>
  );
}
