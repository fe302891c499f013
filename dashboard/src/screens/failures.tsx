/** Failed jobs by type and message: what goes wrong most, and all of it retried or removed at once. */
import { type Failure, listFailures } from '../state/api.js';
import { count } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { href, jobHref, place, setParams } from '../state/router.js';
import { has, mayAct } from '../state/session.js';
import { Empty, Failed, Screen, Waiting, When } from '../ui/basics.js';
import { askBulk, BulkProgress } from '../ui/bulk.js';

export function FailuresScreen() {
  const { name } = place.value.params;
  const failures = useLoad(`failures ${name}`, (signal) => listFailures({ name, limit: 100 }, signal));
  const items = failures.data?.items;
  const most = Math.max(1, ...(items ?? []).map((failure) => failure.count));
  return (
    <Screen title="Failures">
      {name && (
        <div class="filters">
          <span class="chip">
            type <b>{name}</b>
            <button type="button" aria-label="Without type" onClick={() => setParams({ name: undefined })}>
              ×
            </button>
          </span>
        </div>
      )}
      {failures.error && items === undefined ? (
        <Failed error={failures.error} retry={failures.reload} />
      ) : items === undefined ? (
        <Waiting lines={8} />
      ) : items.length === 0 ? (
        <Empty title="Nothing has failed">
          <p>Jobs that use up their retries stand here, together by what went wrong.</p>
        </Empty>
      ) : (
        <ul class="failures">
          {items.map((failure) => (
            <One key={`${failure.name} ${failure.error_group}`} failure={failure} most={most} />
          ))}
        </ul>
      )}
      <BulkProgress />
    </Screen>
  );
}

function One({ failure, most }: { readonly failure: Failure; readonly most: number }) {
  const { name, error_group: group, message, first_at: first, last_at: last, job_id: id } = failure;
  const filter = { status: 'failed', name, error_group: group };
  return (
    <li class="failure" data-row>
      <div class="failure-count">
        <b>{count(failure.count)}</b>
        <meter min={0} max={most} value={failure.count} aria-label="Share" />
      </div>
      <div class="failure-what">
        <a class="failure-message" href={href('/jobs', filter)} data-open>
          {message || 'no message'}
        </a>
        <p class="faint">
          <a href={href('/failures', { name })}>{name}</a> · last <When at={last} />, first <When at={first} /> ·{' '}
          <a href={jobHref(id)}>a sample</a>
        </p>
      </div>
      {mayAct.value && has('bulk') && (
        <div class="actions">
          <button type="button" class="button" onClick={() => void askBulk('retry', filter)}>
            Retry all
          </button>
          <button type="button" class="button is-danger-quiet" onClick={() => void askBulk('remove', filter)}>
            Remove all
          </button>
        </div>
      )}
    </li>
  );
}
