/** A job: what it is, how its runs went, why it waits, and what can be done about it. */
import { useEffect, useState } from 'preact/hooks';
import type { JobEvent } from '../../../src/client/client.js';
import { getJob, previewCron, type Whole } from '../state/api.js';
import { durationText, localZone } from '../state/format.js';
import { listen } from '../state/live.js';
import { isAbsent, useLoad } from '../state/load.js';
import { href, jobHref, typeHref } from '../state/router.js';
import { has, mayAct } from '../state/session.js';
import { triggerWords, waitingWords } from '../state/words.js';
import { Copy, Empty, Fact, Facts, Failed, Panel, Screen, Since, Status, Waiting, When } from '../ui/basics.js';
import { Sign } from '../ui/icons.js';
import { Json } from '../ui/tree.js';
import { JobActions } from './job-actions.js';
import { type LiveLine, Log } from './job-log.js';
import { Runs } from './job-runs.js';

const mostLiveLines = 1000;

export function JobScreen({ id }: { readonly id: string }) {
  const job = useLoad(`job ${id}`, (signal) => getJob(id, signal));
  const [progress, setProgress] = useState<unknown>();
  const [lines, setLines] = useState<readonly LiveLine[]>([]);
  useEffect(() => {
    // A handler may log thousands of lines a second: they are drawn once a frame.
    let fresh: LiveLine[] = [];
    let frame = 0;
    const draw = (): void => {
      const drawn = fresh;
      frame = 0;
      fresh = [];
      setLines((old) => [...old, ...drawn].slice(-mostLiveLines));
    };
    const stop = listen({
      filter: { job_ids: [id], event_types: ['job.progress', 'job.log'] as never },
      onEvent: (event) => {
        if (event.type === 'gap') return;
        const { data = {}, timestamp } = event as JobEvent;
        if ((event.type as string) === 'job.progress') return setProgress(data.progress);
        fresh.push({ time: timestamp, ...data } as LiveLine);
        if (fresh.length > mostLiveLines * 2) fresh = fresh.slice(-mostLiveLines);
        frame ||= requestAnimationFrame(draw);
      },
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [id]);
  const { data, error } = job;
  if (isAbsent(error))
    return (
      <Screen title="Job">
        <Empty title="There is no such job">
          <p>
            <code>{id}</code> was never made, or is gone: finished jobs are kept for a while only.{' '}
            <a href={href('/jobs')}>All jobs</a>
          </p>
        </Empty>
      </Screen>
    );
  if (data === undefined) return error ? <Failed error={error} retry={job.reload} /> : <Waiting lines={12} />;
  const isOpen = data.status === 'pending' || data.status === 'running';
  return (
    <Screen
      title={
        <span class="job-title">
          <a href={typeHref(data.name)}>{data.name}</a>{' '}
          <Status of={data.paused && data.status === 'pending' ? 'paused' : data.status} />
        </span>
      }
      side={mayAct.value && <JobActions job={data} reload={job.reload} />}
      below={
        <p class="job-id">
          <code>{data.id}</code>
          <Copy text={data.id} what="the id" />
        </p>
      }
    >
      <Why job={data} />
      <Progress value={progress ?? data.progress} running={data.status === 'running'} />
      <div class="split">
        <div class="split-main">
          <Runs job={data} />
          <Log job={data} live={lines} />
        </div>
        <div class="split-side">
          <About job={data} />
          <Panel title="Payload">
            <Json value={data.payload} name="payload" />
          </Panel>
          <Result job={data} />
          {data.is_repeat && data.cron_expr !== undefined && isOpen && <Upcoming job={data} />}
        </div>
      </div>
    </Screen>
  );
}

/** What keeps it, or what went wrong. */
function Why({ job }: { readonly job: Whole }) {
  const { status, waiting_for: waits, last_error: failed } = job;
  return (
    <>
      {job.paused && (
        <div class="notice is-paused">
          <Sign of="paused" />
          <p>
            Paused{job.pause_reason !== undefined && <>: {job.pause_reason}</>}
            {job.paused_until !== undefined && (
              <>
                {' '}
                – until <When at={job.paused_until} exact />
              </>
            )}
          </p>
        </div>
      )}
      {status === 'pending' && waits !== undefined && (
        <div class="notice">
          <Sign of="clock" />
          <p>
            Due <When at={job.trigger_at} /> and not started. {waitingWords[waits] ?? waits}
          </p>
        </div>
      )}
      {failed !== undefined && (status === 'failed' || job.retry_count > 0) && (
        <div class={status === 'failed' ? 'notice is-bad' : 'notice'}>
          <Sign of="failed" />
          <p class="error-text">
            <b>{failed.name}</b> {failed.message}
            <span class="faint">
              {' '}
              {failed.code}, <When at={failed.at} />
            </span>
          </p>
        </div>
      )}
    </>
  );
}

function Progress({ value, running }: { readonly value: unknown; readonly running: boolean }) {
  if (value === undefined || !running) return null;
  if (typeof value !== 'number')
    return (
      <Panel title="Progress">
        <Json value={value} name="progress" />
      </Panel>
    );
  return (
    <div class="progress">
      <progress max={100} value={value} aria-label="Progress" />
      <span class="num">{Math.round(value)}%</span>
    </div>
  );
}

function About({ job }: { readonly job: Whole }) {
  const options: readonly (readonly [name: string, value: unknown])[] = [
    ['Group', job.group],
    ['Key', job.key],
    ['Priority', job.priority],
    ['Backoff', job.backoff === 'fixed' ? 'fixed' : undefined],
    ['Longest retry delay', job.max_retry_delay && durationText(job.max_retry_delay)],
    ['Retry jitter', job.retry_jitter],
    ['Expires after', job.expires_after && durationText(job.expires_after)],
    ['Jitter', job.jitter && durationText(job.jitter)],
    ['Overlap', job.overlap],
    ['Misfire', job.misfire],
    ['Most runs', job.max_runs],
  ];
  return (
    <Panel title="About">
      <Facts>
        <Fact name={job.status === 'pending' ? 'Next start' : 'Due'}>
          <When at={job.trigger_at} />{' '}
          <span class="faint">{job.status === 'pending' && <When at={job.trigger_at} exact />}</span>
        </Fact>
        {job.status === 'running' && job.started_at && (
          <Fact name="Running for">
            <Since at={job.started_at} />
          </Fact>
        )}
        <Fact name="Schedule">
          <code>{triggerWords(job)}</code> {job.timezone && <span class="faint">{job.timezone}</span>}
        </Fact>
        {job.is_repeat && (
          <Fact name="Runs">
            {job.run_count ?? 0}
            <span class="faint">
              {' '}
              {job.skipped_count ? `${job.skipped_count} skipped ` : ''}
              {job.missed_count ? `${job.missed_count} missed` : ''}
            </span>
          </Fact>
        )}
        {job.last_outcome && (
          <Fact name="Last outcome">
            <Status of={job.last_outcome} />
          </Fact>
        )}
        {job.start_at && (
          <Fact name="Not before">
            <When at={job.start_at} exact />
          </Fact>
        )}
        {job.end_at && (
          <Fact name="Not after">
            <When at={job.end_at} exact />
          </Fact>
        )}
        <Fact name="Retries">
          {job.retry_count} of {job.max_retries} <span class="faint">after {durationText(job.retry_delay)}</span>
        </Fact>
        <Fact name="Timeout">{durationText(job.timeout)}</Fact>
        {options
          .filter(([, value]) => value !== undefined)
          .map(([name, value]) => (
            <Fact key={name} name={name}>
              {String(value)}
            </Fact>
          ))}
        {job.tags && job.tags.length > 0 && (
          <Fact name="Tags">
            {job.tags.map((tag) => (
              <a class="tag" key={tag} href={href('/jobs', { tag })}>
                {tag}
              </a>
            ))}
          </Fact>
        )}
        {job.parent_id !== undefined && (
          <Fact name="Made by">
            <a class="mono" href={jobHref(job.parent_id)}>
              {job.parent_id}
            </a>
          </Fact>
        )}
        <Fact name="Made">
          <When at={job.created_at} />
        </Fact>
        {job.finished_at && (
          <Fact name="Finished">
            <When at={job.finished_at} />
          </Fact>
        )}
      </Facts>
    </Panel>
  );
}

function Result({ job }: { readonly job: Whole }) {
  if (job.result_omitted !== undefined)
    return (
      <Panel title="Result">
        <p class="quiet">Not kept: {job.result_omitted}</p>
      </Panel>
    );
  if (job.result === undefined) return null;
  return (
    <Panel title="Result">
      <Json value={job.result} name="result" />
    </Panel>
  );
}

function Upcoming({ job }: { readonly job: Whole }) {
  const next = useLoad(
    `next ${job.cron_expr} ${job.timezone} ${job.trigger_at}`,
    has('cron') ? (signal) => previewCron({ expr: job.cron_expr, timezone: job.timezone }, signal) : undefined,
    { live: false },
  );
  if (next.data === undefined) return null;
  return (
    <Panel title="Next occurrences">
      <p class="panel-text">{next.data.description}</p>
      <Occurrences items={next.data.items} zone={next.data.timezone} />
    </Panel>
  );
}

/** In the zone of the schedule, and in that of whoever looks. */
export function Occurrences(props: {
  readonly items: readonly { at: string; local: string }[];
  readonly zone: string;
}) {
  const { items, zone } = props;
  const both = zone !== localZone;
  return (
    <table class="plain">
      <thead>
        <tr>
          <th>{zone}</th>
          {both && <th>Here</th>}
          <th class="num">In</th>
        </tr>
      </thead>
      <tbody>
        {items.map(({ at, local }) => (
          <tr key={at}>
            <td>{local.replace('T', ' ')}</td>
            {both && (
              <td>
                <When at={at} exact />
              </td>
            )}
            <td class="num faint is-short">
              <When at={at} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
