/** Changes a pending job: what differs from what it is goes to the server. */
import { useState } from 'preact/hooks';
import type { EscapementError } from '../../../src/client/client.js';
import { changeJob, type Whole } from '../state/api.js';
import { Dialog, DialogFoot, note } from '../ui/dialog.js';

type Fields = Record<string, string>;

const texts = ['cron_expr', 'timezone', 'retry_delay', 'timeout', 'backoff', 'tags', 'group'] as const;
const numbers = ['max_retries', 'priority'] as const;
const labels: Readonly<Record<string, string>> = {
  trigger_at: 'Next start',
  cron_expr: 'Cron expression',
  timezone: 'Time zone',
  delay: 'Every',
  max_retries: 'Retries at most',
  retry_delay: 'Retry delay',
  backoff: 'Backoff',
  timeout: 'Timeout',
  priority: 'Priority',
  tags: 'Tags, with commas',
  group: 'Group',
};

function fieldsOf(job: Whole): Fields {
  const fields: Fields = {};
  if (job.cron_expr !== undefined) Object.assign(fields, { cron_expr: job.cron_expr, timezone: job.timezone ?? '' });
  if (job.is_repeat && job.delay !== undefined) fields.delay = job.delay;
  if (job.cron_expr === undefined && !job.is_repeat) fields.trigger_at = job.trigger_at;
  Object.assign(fields, {
    max_retries: String(job.max_retries),
    retry_delay: job.retry_delay,
    timeout: job.timeout,
    priority: String(job.priority ?? 0),
    tags: job.tags?.join(', ') ?? '',
    group: job.group ?? '',
  });
  return fields;
}

function changeOf(before: Fields, after: Fields, payload: string, oldPayload: string): Record<string, unknown> {
  const change: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(after)) {
    if (value === before[name]) continue;
    if (name === 'tags') change.tags = value.trim() === '' ? null : value.split(',').map((tag) => tag.trim());
    else if ((numbers as readonly string[]).includes(name)) change[name] = value === '' ? null : Number(value);
    else change[name] = value.trim() === '' && (texts as readonly string[]).includes(name) ? null : value.trim();
  }
  if (payload !== oldPayload) change.payload = JSON.parse(payload);
  return change;
}

export function EditJob(props: { readonly job: Whole; readonly onClose: () => void; readonly onSaved: () => void }) {
  const { job, onClose, onSaved } = props;
  const [before] = useState(() => fieldsOf(job));
  const [oldPayload] = useState(() => JSON.stringify(job.payload, null, 2));
  const [fields, setFields] = useState(before);
  const [payload, setPayload] = useState(oldPayload);
  const [error, setError] = useState<string>();
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    try {
      const change = changeOf(before, fields, payload, oldPayload);
      if (Object.keys(change).length === 0) return onClose();
      await changeJob(job.id, change);
      note('The job is changed.');
      onSaved();
      onClose();
    } catch (failure) {
      const { message, errors = [] } = failure as EscapementError;
      setError(
        errors.length > 0 ? errors.map((one) => `${one.path.replace(/^\//, '')} ${one.message}`).join('. ') : message,
      );
    }
  };
  return (
    <Dialog title={`Edit ${job.name}`} onClose={onClose} wide>
      <form onSubmit={save}>
        <div class="form-grid">
          {Object.entries(fields).map(([name, value]) => (
            <label class="field" key={name}>
              <span>{labels[name]}</span>
              <input
                value={value}
                onInput={(event) => setFields({ ...fields, [name]: event.currentTarget.value })}
                {...((numbers as readonly string[]).includes(name) && { inputMode: 'numeric' as const })}
              />
            </label>
          ))}
        </div>
        <label class="field">
          <span>Payload</span>
          <textarea
            class="mono"
            rows={10}
            spellcheck={false}
            value={payload}
            onInput={(event) => setPayload(event.currentTarget.value)}
          />
        </label>
        <DialogFoot error={error} verb="Save" onClose={onClose} />
      </form>
    </Dialog>
  );
}
