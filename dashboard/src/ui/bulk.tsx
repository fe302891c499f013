/** One action on many jobs: asked about with their number, done by the server, watched here and stopped if wished. */
import { signal } from '@preact/signals';
import { type Action, type Bulk, type BulkFilter, countBulk, getBulk, startBulk, stopBulk } from '../state/api.js';
import { count, plural } from '../state/format.js';
import { changes } from '../state/live.js';
import { ask, note } from './dialog.js';

const current = signal<Bulk | undefined>(undefined);
const pollMs = 500;

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

async function watch(bulk: Bulk): Promise<void> {
  current.value = bulk;
  try {
    for (let at = bulk; at.status === 'pending' || at.status === 'running'; ) {
      await new Promise((resolve) => setTimeout(resolve, pollMs));
      at = await getBulk(bulk.id);
      current.value = at;
    }
    const { action, done, skipped, failed, status } = current.value as Bulk;
    const parts = [
      `${count(done)} done`,
      skipped > 0 && `${count(skipped)} skipped`,
      failed > 0 && `${count(failed)} failed`,
    ];
    note(
      `${verbs[action as Action]}: ${parts.filter(Boolean).join(', ')}${status === 'cancelled' ? ', then stopped' : ''}.`,
      failed > 0,
    );
  } catch (error) {
    note((error as Error).message, true);
  }
  current.value = undefined;
  changes.value += 1;
}

export function BulkProgress() {
  const bulk = current.value;
  if (bulk === undefined) return null;
  const { id, action, matched, done, skipped, failed } = bulk;
  const over = done + skipped + failed;
  return (
    <div class="bulk-progress" role="region" aria-label="Action on many jobs">
      <span>
        {verbs[action as Action]}: {count(over)} of {count(matched)}
      </span>
      <progress max={matched} value={over} aria-label="Progress" />
      <button
        type="button"
        class="button"
        onClick={() => void stopBulk(id).catch((error: Error) => note(error.message, true))}
      >
        Stop
      </button>
    </div>
  );
}
