/** What can be done with a job, by what it is. */
import { useState } from 'preact/hooks';
import { type Action, act, type Whole } from '../state/api.js';
import { go, href } from '../state/router.js';
import { ask, note, tell } from '../ui/dialog.js';
import { Sign } from '../ui/icons.js';
import { EditJob } from './edit-job.js';

export function JobActions({ job, reload }: { readonly job: Whole; readonly reload: () => void }) {
  const [edits, setEdits] = useState(false);
  const { id, name, status } = job;
  const isOpen = status === 'pending' || status === 'running';
  const now = (action: Action, done: string): void => void tell(act(id, action).then(reload), done);
  return (
    <div class="actions">
      {status === 'pending' && (
        <button type="button" class="button" onClick={() => now('run', 'It is due now.')}>
          <Sign of="play" /> Run now
        </button>
      )}
      {status === 'failed' && (
        <button type="button" class="button is-main" onClick={() => now('retry', 'It is due now.')}>
          <Sign of="retry" /> Retry
        </button>
      )}
      {isOpen &&
        (job.paused ? (
          <button type="button" class="button" onClick={() => now('resume', 'It has been resumed.')}>
            <Sign of="play" /> Resume
          </button>
        ) : (
          <button
            type="button"
            class="button"
            onClick={() =>
              ask({
                title: 'Pause this job?',
                text: <p>What runs goes on. Nothing starts until it is resumed, no retry either.</p>,
                verb: 'Pause',
                asks: { label: 'Reason (optional)' },
                run: async (reason) => {
                  await act(id, 'pause', reason === '' ? undefined : { reason });
                  note('The job is paused.');
                  reload();
                },
              })
            }
          >
            <Sign of="paused" /> Pause
          </button>
        ))}
      {status === 'pending' && (
        <button type="button" class="button" onClick={() => setEdits(true)}>
          <Sign of="edit" /> Edit
        </button>
      )}
      <a class="button" href={href('/new', { from: id })}>
        <Sign of="copy" /> Duplicate
      </a>
      {isOpen && (
        <button
          type="button"
          class="button is-danger-quiet"
          onClick={() =>
            ask({
              title: `Cancel this ${name}?`,
              text: (
                <p>
                  {status === 'running' ? 'Its run is told to stop. ' : ''}
                  {job.is_repeat ? 'It does not repeat any more. ' : 'It does not run any more. '}
                  This cannot be taken back.
                </p>
              ),
              verb: 'Cancel the job',
              danger: true,
              run: async () => {
                await act(id, 'cancel');
                note('The job is cancelled.');
                reload();
              },
            })
          }
        >
          Cancel
        </button>
      )}
      {!isOpen && (
        <button
          type="button"
          class="button is-danger-quiet"
          onClick={() =>
            ask({
              title: `Remove this ${name}?`,
              text: <p>It is gone with its runs and its log. This cannot be taken back.</p>,
              verb: 'Remove the job',
              danger: true,
              run: async () => {
                await act(id, 'remove');
                note('The job is removed.');
                go('/jobs');
              },
            })
          }
        >
          Remove
        </button>
      )}
      {edits && <EditJob job={job} onClose={() => setEdits(false)} onSaved={reload} />}
    </div>
  );
}
