/** Failed jobs by type and message: what goes wrong most, and all of it retried or removed at once. */
import { type Failure, listFailures, listTypes } from '../state/api.js';
import { count } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { href, jobHref, place, setParams } from '../state/router.js';
import { has, mayAct } from '../state/session.js';
import { Empty, Failed, Screen, Waiting, When } from '../ui/basics.js';
import { askBulk, BulkProgress } from '../ui/bulk.js';
import { withValue } from './filters.js';

const mostShown = 100;

export function FailuresScreen() {
  const { name } = place.value.params;
  const failures = useLoad(`failures ${name}`, (signal) => listFailures({ name, limit: mostShown }, signal));
  const { total = 0 } = failures.data ?? {};
  const types = useLoad('types of failures', (signal) => listTypes(signal), { live: false });
  const items = failures.data?.items;
  const most = Math.max(1, ...(items ?? []).map((failure) => failure.count));
  return (
    <Screen title="Failures">
      {(name !== undefined || items?.some((item) => item.name !== items[0]?.name)) && (
        <div class="filters">
          <select
            aria-label="Type"
            value={name ?? ''}
            onChange={(event) => setParams({ name: event.currentTarget.value })}
          >
            <option value="">All types</option>
            {withValue(types.data?.items.map((type) => type.name) ?? [], name).map((type) => (
              <option key={type}>{type}</option>
            ))}
          </select>
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
        <>
          <ul class="failures">
            {items.map((failure) => (
              <One key={`${failure.name} ${failure.error_group}`} failure={failure} most={most} />
            ))}
          </ul>
          {total > items.length && (
            <p class="quiet">
              The {count(items.length)} most frequent of {count(total)}, by type and message. Choose a type to see
              others.
            </p>
          )}
        </>
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
