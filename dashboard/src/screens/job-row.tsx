/** A job as a row of a list. */
import type { CSSProperties, TargetedEvent } from 'preact';
import type { Listed } from '../state/api.js';
import { jobHref } from '../state/router.js';
import { waitingWords } from '../state/words.js';
import { Since, Status, When } from '../ui/basics.js';
import { Sign } from '../ui/icons.js';
import type { Selecting } from './job-list.js';

export interface RowProps extends Selecting {
  readonly job: Listed;
  readonly index: number;
  /** Where it stands. */
  readonly style?: CSSProperties;
}

export function ListHead() {
  return (
    <thead>
      <tr class="row list-head">
        <th class="cell-select">
          <span class="unseen">Selected</span>
        </th>
        <th class="cell-status">Status</th>
        <th class="cell-name">Job</th>
        <th class="cell-id">Id</th>
        <th class="cell-tries num">Retries</th>
        <th class="cell-when">When</th>
        <th class="cell-made">Made</th>
      </tr>
    </thead>
  );
}

export function JobRow({ job, index, style, selection, onSelect }: RowProps) {
  const isSelected = selection !== undefined && (selection.all || selection.ids.has(job.id));
  const toggle = (event: TargetedEvent<HTMLInputElement>): void => {
    const ids = new Set(selection?.ids);
    if (event.currentTarget.checked) ids.add(job.id);
    else ids.delete(job.id);
    onSelect?.({ ids, all: false });
  };
  const { waiting_for: waits } = job;
  return (
    <tr class={isSelected ? 'row is-selected' : 'row'} aria-rowindex={index + 2} data-row {...(style && { style })}>
      <td class="cell-select">
        {selection && <input type="checkbox" checked={isSelected} onChange={toggle} aria-label={`Select ${job.id}`} />}
      </td>
      <td class="cell-status">
        <Status of={job.paused && job.status === 'pending' ? 'paused' : job.status} />
      </td>
      <td class="cell-name">
        <a href={jobHref(job.id)} data-open title={job.name}>
          {job.name}
        </a>
        {job.is_repeat && (
          <span class="hint" title={job.cron_expr ?? `every ${job.delay}`}>
            <Sign of="repeat" size={12} />
          </span>
        )}
        {job.status === 'failed' && job.last_error && (
          <span class="row-text is-error" title={job.last_error.message.slice(0, 1000)}>
            {job.last_error.message}
          </span>
        )}
        {job.key !== undefined && (
          <span class="tag is-key" title={`key ${job.key}`}>
            {job.key}
          </span>
        )}
        {job.group !== undefined && (
          <span class="tag is-group" title={`group ${job.group}`}>
            {job.group}
          </span>
        )}
        {job.tags?.map((tag) => (
          <span class="tag" key={tag}>
            {tag}
          </span>
        ))}
        {waits !== undefined && (
          <span class="row-text" title={waitingWords[waits]}>
            waits for {waits.replaceAll('_', ' ')}
          </span>
        )}
        <Progress of={job} />
      </td>
      <td class="cell-id mono">{job.id}</td>
      <td class="cell-tries num">
        {job.retry_count > 0 ? `${job.retry_count} of ${job.max_retries}` : <span class="faint cell-none">–</span>}
      </td>
      <td class="cell-when">
        <RowTime job={job} />
      </td>
      <td class="cell-made faint">
        <When at={job.created_at} />
      </td>
    </tr>
  );
}

function RowTime({ job }: { readonly job: Listed }) {
  if (job.status === 'running' && job.started_at)
    return (
      <>
        for <Since at={job.started_at} />
      </>
    );
  return <When at={job.status === 'pending' ? job.trigger_at : (job.finished_at ?? job.updated_at)} />;
}

function Progress({ of: { progress, status } }: { readonly of: Listed }) {
  if (status !== 'running' || typeof progress !== 'number') return null;
  return (
    <progress class="row-progress" max={100} value={progress} aria-label={`${progress}%`} title={`${progress}%`} />
  );
}
