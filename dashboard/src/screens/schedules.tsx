/** Jobs that repeat: when, in words, and how their last runs went. */
import { act, type Listed, listTypes, previewCron } from '../state/api.js';
import { durationText, localZone } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { href, jobHref, place, setParams } from '../state/router.js';
import { mayAct } from '../state/session.js';
import { Empty, Screen, Segments, Shell, Status, When } from '../ui/basics.js';
import { tell } from '../ui/dialog.js';
import { Sign } from '../ui/icons.js';
import { JobList } from './job-list.js';
import type { RowProps } from './job-row.js';
import { LastRuns } from './last-runs.js';
import { jobCommand } from './overview.js';

const kinds = {
  active: { status: 'pending,running' },
  paused: { paused: 'true' },
  ended: { status: 'success,failed,cancelled' },
};
type Kind = keyof typeof kinds;

export function SchedulesScreen() {
  const asked = place.value.params.show as Kind | undefined;
  const kind: Kind = asked !== undefined && asked in kinds ? asked : 'active';
  return (
    <Screen
      title="Schedules"
      side={
        mayAct.value && (
          <a class="button is-main" href={href('/new', { repeat: 'cron' })}>
            <Sign of="plus" /> New schedule
          </a>
        )
      }
    >
      <div class="filters">
        <Segments
          label="Which"
          value={kind}
          options={[
            ['active', 'Active'],
            ['paused', 'Paused'],
            ['ended', 'Ended'],
          ]}
          onChange={(value) => setParams({ show: value === 'active' ? undefined : value })}
        />
      </div>
      <JobList
        key={kind}
        filter={{ is_repeat: 'true', ...kinds[kind] }}
        order={kind === 'ended' ? {} : { sort: 'due' }}
        row={ScheduleRow}
        head={ScheduleHead}
        kind="schedules"
        none={<NoSchedules kind={kind} />}
      />
    </Screen>
  );
}

const noneOf: Readonly<Record<Kind, string>> = {
  active: 'No schedules yet',
  paused: 'No schedule is paused',
  ended: 'No schedule has ended',
};

function NoSchedules({ kind }: { readonly kind: Kind }) {
  const types = useLoad('types of no schedule', (signal) => listTypes(signal), { live: false });
  const type = types.data?.items.find(({ handler }) => handler !== null);
  return (
    <Empty title={noneOf[kind]}>
      {kind === 'active' && (
        <>
          <p>A schedule is a job that repeats. A program makes one with one request, here for nine each morning:</p>
          <Shell
            text={jobCommand(
              `"name": "${type?.name ?? 'my_job'}", "cron_expr": "0 0 9 * * *", "timezone": "${localZone}", "is_repeat": true, "payload": {}`,
            )}
          />
        </>
      )}
    </Empty>
  );
}

function ScheduleHead() {
  return (
    <thead>
      <tr class="row list-head">
        <th class="cell-select" aria-label="Selected" />
        <th class="cell-status">Last</th>
        <th class="cell-name">Schedule</th>
        <th class="cell-words">In words</th>
        <th class="cell-last">Last runs</th>
        <th class="cell-tries num">Runs</th>
        <th class="cell-when">Next</th>
        <th class="cell-act" aria-label="Actions" />
      </tr>
    </thead>
  );
}

/** Asked for once for each expression, whatever the number of jobs that have it. */
const words = new Map<string, Promise<string>>();
function wordsOf(expr: string, timezone: string | undefined): Promise<string> {
  const key = `${expr} ${timezone}`;
  let known = words.get(key);
  if (known === undefined) {
    known = previewCron({ expr, timezone, count: 1 }).then(({ description }) => description);
    known.catch(() => words.delete(key));
    if (words.size > 500) words.clear();
    words.set(key, known);
  }
  return known;
}

function Words({ job }: { readonly job: Listed }) {
  const { cron_expr: expr, timezone } = job;
  const loaded = useLoad(`words ${expr} ${timezone}`, expr === undefined ? undefined : () => wordsOf(expr, timezone), {
    live: false,
  });
  if (expr === undefined) return <>Every {durationText(job.delay ?? '')}</>;
  const text = loaded.data ?? expr;
  return (
    <span title={`${expr} (${timezone})`}>
      {text}
      {timezone !== undefined && timezone !== localZone && <span class="faint"> {timezone}</span>}
    </span>
  );
}

function ScheduleRow({ job, index, style }: RowProps) {
  const shown = job.status === 'running' ? 'running' : (job.last_outcome ?? (job.run_count ? job.status : undefined));
  return (
    <tr class="row" aria-rowindex={index + 2} data-row {...(style && { style })}>
      <td class="cell-select" />
      <td class="cell-status">
        {job.paused ? <Status of="paused" /> : shown ? <Status of={shown} /> : <span class="faint">not yet</span>}
      </td>
      <td class="cell-name">
        <a href={jobHref(job.id)} data-open title={job.name}>
          {job.name}
        </a>
        {job.key !== undefined && <span class="tag">{job.key}</span>}
        {job.cron_expr !== undefined && <code class="expr">{job.cron_expr}</code>}
      </td>
      <td class="cell-words">
        <Words job={job} />
      </td>
      <td class="cell-last">
        <LastRuns job={job} />
      </td>
      <td class="cell-tries num" title={`${job.skipped_count ?? 0} skipped, ${job.missed_count ?? 0} missed`}>
        {job.run_count ?? 0}
      </td>
      <td class="cell-when">
        {job.status === 'pending' || job.status === 'running' ? (
          <When at={job.trigger_at} />
        ) : (
          <span class="faint">ended</span>
        )}
      </td>
      <td class="cell-act">{mayAct.value && job.status === 'pending' && <Quick job={job} />}</td>
    </tr>
  );
}

function Quick({ job }: { readonly job: Listed }) {
  return (
    <>
      <button
        type="button"
        class="icon-button"
        title="Run now, beside its schedule"
        aria-label={`Run ${job.name} now`}
        onClick={() => void tell(act(job.id, 'run'), `${job.name} is due now.`)}
      >
        <Sign of="play" />
      </button>
      <button
        type="button"
        class="icon-button"
        title={job.paused ? 'Resume' : 'Pause'}
        aria-label={`${job.paused ? 'Resume' : 'Pause'} ${job.name}`}
        onClick={() =>
          void tell(
            act(job.id, job.paused ? 'resume' : 'pause'),
            `${job.name} ${job.paused ? 'has been resumed' : 'is paused'}.`,
          )
        }
      >
        <Sign of={job.paused ? 'retry' : 'paused'} />
      </button>
    </>
  );
}
