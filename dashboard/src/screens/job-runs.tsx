/** The runs of a job, newest first: when, how late, how long, and what came of it. */
import { listRuns, type Run, type Whole } from '../state/api.js';
import { count, duration, instant } from '../state/format.js';
import { isAbsent, useLoad } from '../state/load.js';
import { outcomes } from '../state/words.js';
import { Failed, Panel, Since, Waiting, When } from '../ui/basics.js';

const shownRuns = 100;

export function Runs({ job }: { readonly job: Whole }) {
  const runs = useLoad(`runs ${job.id}`, (signal) => listRuns(job.id, { limit: shownRuns }, signal));
  const items = runs.data?.items ?? (isAbsent(runs.error) ? known(job) : undefined);
  return (
    <Panel title="Runs" side={runs.data?.total !== undefined && <span class="faint">{count(runs.data.total)}</span>}>
      {items === undefined ? (
        runs.error ? (
          <Failed error={runs.error} retry={runs.reload} />
        ) : (
          <Waiting />
        )
      ) : items.length === 0 ? (
        <p class="quiet">
          It has not run yet
          {job.status === 'pending' && (
            <>
              ; the first start is due <When at={job.trigger_at} />
            </>
          )}
          .
        </p>
      ) : (
        <>
          <Bars runs={items} />
          <ol class="runs">
            {items.map((run) => (
              <OneRun key={`${run.run}-${run.attempt}-${run.scheduled_for}`} run={run} />
            ))}
          </ol>
        </>
      )}
    </Panel>
  );
}

/** What a server without that ledger knows: the latest attempt. */
function known(job: Whole): readonly Run[] {
  if (job.started_at === undefined) return [];
  const outcome =
    job.status === 'pending' ? (job.last_outcome ?? (job.last_error ? 'retried' : 'success')) : job.status;
  const started = Date.parse(job.started_at);
  return [
    {
      scheduled_for: job.is_repeat ? job.started_at : job.trigger_at,
      outcome,
      started_at: job.started_at,
      ...(job.finished_at !== undefined && {
        finished_at: job.finished_at,
        duration_ms: Date.parse(job.finished_at) - started,
      }),
      ...(job.last_error && (outcome === 'failed' || outcome === 'retried') && { error: job.last_error }),
    },
  ];
}

const toneOf = (outcome: string): string => outcomes[outcome]?.[1] ?? 'pending';

/** Durations of the last runs as bars, the newest at the right. @param least with fewer there is nothing to compare */
export function Bars(props: {
  readonly runs: readonly Run[];
  readonly height?: number;
  readonly width?: number;
  readonly least?: number;
}) {
  const { runs, height = 40, width = 7, least = 3 } = props;
  const timed = runs
    .filter(({ duration_ms: ms }) => ms !== undefined)
    .slice(0, 60)
    .reverse();
  if (timed.length < least) return null;
  const most = Math.max(1, ...timed.map(({ duration_ms: ms }) => ms as number));
  const step = width + 2;
  return (
    <svg
      class="bars"
      width={timed.length * step}
      height={height}
      viewBox={`0 0 ${timed.length * step} ${height}`}
      role="img"
      aria-label={`Durations of the last ${timed.length} runs, at most ${duration(most)}`}
    >
      {timed.map(({ duration_ms: ms, outcome }, at) => {
        const bar = Math.max(2, ((ms as number) / most) * (height - 2));
        return (
          <rect
            key={at}
            class={`is-${toneOf(outcome)}`}
            x={at * step + 1}
            y={height - bar}
            width={width}
            height={bar}
          />
        );
      })}
    </svg>
  );
}

function OneRun({ run }: { readonly run: Run }) {
  const [text] = outcomes[run.outcome] ?? [run.outcome];
  const many = (run.count ?? 1) > 1;
  return (
    <li class={`run is-${toneOf(run.outcome)}`}>
      <div class="run-head">
        <i class="dot" />
        <b>
          {text}
          {many && ` × ${count(run.count as number)}`}
        </b>
        {run.manual && <span class="tag">by hand</span>}
        {(run.attempt ?? 1) > 1 && <span class="tag">attempt {run.attempt}</span>}
        <span class="run-when">
          <When at={run.started_at ?? run.scheduled_for} />
        </span>
      </div>
      <dl class="run-facts">
        <div>
          <dt>due</dt>
          <dd title={run.scheduled_for}>
            {instant(Date.parse(run.scheduled_for))}
            {many && run.last_scheduled_for && ` to ${instant(Date.parse(run.last_scheduled_for))}`}
          </dd>
        </div>
        {run.lateness_ms !== undefined && (
          <div>
            <dt>late</dt>
            <dd>{duration(run.lateness_ms)}</dd>
          </div>
        )}
        {run.duration_ms !== undefined ? (
          <div>
            <dt>took</dt>
            <dd>{duration(run.duration_ms)}</dd>
          </div>
        ) : (
          run.outcome === 'running' &&
          run.started_at && (
            <div>
              <dt>for</dt>
              <dd>
                <Since at={run.started_at} />
              </dd>
            </div>
          )
        )}
      </dl>
      {run.error && (
        <p class="run-error">
          {run.error.name && <b>{run.error.name} </b>}
          {run.error.message}
        </p>
      )}
    </li>
  );
}
