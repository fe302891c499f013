/** What goes on: counts, rates and lateness, what waits, what failed last. */
import { listJobs, listTypes, type TypeInfo } from '../state/api.js';
import { count, duration, durationText, perSecond } from '../state/format.js';
import { pace, stats } from '../state/live.js';
import { useLoad } from '../state/load.js';
import { href, jobHref, typeHref } from '../state/router.js';
import { client, has, mayAct, root } from '../state/session.js';
import { Empty, Fact, Facts, Failed, Panel, Screen, Shell, Waiting, When } from '../ui/basics.js';
import { ask, note } from '../ui/dialog.js';
import { Sign } from '../ui/icons.js';
import { Charts } from './charts.js';

export function Overview() {
  const types = useLoad('types', (signal) => listTypes(signal));
  const given = stats.value;
  const isNew =
    given !== undefined && given.pending + given.running + given.completed + given.failed + given.cancelled === 0;
  return (
    <Screen title="Overview" side={mayAct.value && <PauseServer />}>
      <Counts />
      {isNew && <FirstJob types={types.data?.items ?? []} />}
      {has('history') && <Charts />}
      <div class="columns">
        <Busiest types={types.data?.items} error={types.error} />
        <Latest />
        <State types={types.data?.items ?? []} />
      </div>
    </Screen>
  );
}

function PauseServer() {
  return (
    <button
      type="button"
      class="button"
      onClick={() =>
        ask({
          title: 'Pause the server',
          text: (
            <p>
              No job starts until it is resumed, also after a restart. What runs goes on, and new jobs are taken in.
            </p>
          ),
          verb: 'Pause the server',
          asks: { label: 'Reason (optional)' },
          run: async (reason) => {
            await client.pause(reason === '' ? {} : { reason });
            note('The server is paused.');
          },
        })
      }
    >
      <Sign of="paused" /> Pause server
    </button>
  );
}

const tiles = [
  ['pending', 'pending', 'pending'],
  ['running', 'running', 'running'],
  ['completed', 'success', 'completed'],
  ['failed', 'failed', 'failed'],
  ['cancelled', 'cancelled', 'cancelled'],
] as const;

function Counts() {
  const given = stats.value;
  const rates = pace.value;
  return (
    <ul class="tiles">
      {tiles.map(([name, status, text]) => {
        const rate = name === 'completed' || name === 'failed' || name === 'cancelled' ? rates?.[name] : undefined;
        return (
          <li key={name}>
            <a href={href('/jobs', { status })} class={`tile is-${status}`}>
              <span class="tile-name">
                <Sign of={status} /> {text}
              </span>
              <b class="tile-value">{given ? count(given[name]) : '–'}</b>
              <span class="tile-rate">{rate !== undefined && rate > 0 ? `${perSecond(rate)}/s` : '\u00a0'}</span>
            </a>
          </li>
        );
      })}
    </ul>
  );
}

export function FirstJob({ types }: { readonly types: readonly TypeInfo[] }) {
  const type = types.find(({ handler }) => handler !== null);
  const name = type?.name ?? 'my_job';
  return (
    <Empty title="No jobs yet">
      <p>
        {type
          ? 'A program makes a job with one request. This one runs in ten seconds:'
          : 'There are no handlers: a module in the handlers folder does the work of a job type. A program then makes a job with one request:'}
      </p>
      <Shell text={jobCommand(`"name": "${name}", "delay": "10s", "payload": {}`)} />
    </Empty>
  );
}

/** What makes a job. @param fields of the body, as JSON */
export const jobCommand = (fields: string): string =>
  `curl -s ${root}/api/v1/jobs -H 'Content-Type: application/json' \\\n  -d '{${fields}}'`;

const mostShown = 8;

function Busiest({
  types,
  error,
}: {
  readonly types: readonly TypeInfo[] | undefined;
  readonly error: Error | undefined;
}) {
  const waiting = (types ?? [])
    .map((type) => ({
      type,
      due: type.counts?.due ?? 0,
      pending: type.counts?.pending ?? 0,
      running: type.counts?.running ?? 0,
    }))
    .filter(({ pending, running }) => pending + running > 0)
    .sort((a, b) => b.due - a.due || b.pending - a.pending)
    .slice(0, mostShown);
  return (
    <Panel title="Most waiting" side={<a href={href('/types')}>All types</a>}>
      {error && types === undefined ? (
        <Failed error={error} />
      ) : types === undefined ? (
        <Waiting />
      ) : waiting.length === 0 ? (
        <p class="quiet">Nothing waits.</p>
      ) : (
        <table class="plain">
          <thead>
            <tr>
              <th>Type</th>
              <th class="num">Due</th>
              <th class="num">Pending</th>
              <th class="num">Running</th>
            </tr>
          </thead>
          <tbody>
            {waiting.map(({ type, due, pending, running }) => (
              <tr key={type.name}>
                <td class="clip">
                  <a href={typeHref(type.name)}>{type.name}</a>
                </td>
                <td class={due > 0 ? 'num is-due' : 'num faint'}>{count(due)}</td>
                <td class="num">{count(pending)}</td>
                <td class="num">{count(running)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function Latest() {
  const failed = useLoad('latest', (signal) => listJobs({ status: 'failed', limit: mostShown }, signal));
  const items = failed.data?.items;
  return (
    <Panel title="Latest failures" side={<a href={href('/jobs', { status: 'failed' })}>All failed</a>}>
      {failed.error && items === undefined ? (
        <Failed error={failed.error} retry={failed.reload} />
      ) : items === undefined ? (
        <Waiting />
      ) : items.length === 0 ? (
        <p class="quiet">No job has failed.</p>
      ) : (
        <ul class="lines">
          {items.map((job) => (
            <li key={job.id}>
              <a href={jobHref(job.id)}>
                <span class="line-head">
                  <b>{job.name}</b>
                  <When at={job.last_error?.at ?? job.finished_at} />
                </span>
                <span class="line-text">{job.last_error?.message ?? job.last_error?.code}</span>
              </a>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  );
}

function State({ types }: { readonly types: readonly TypeInfo[] }) {
  const given = stats.value;
  const paused = types.filter((type) => type.paused === true);
  const without = types.filter((type) => type.handler === null);
  const [busy, threads] = [given?.threads_busy, given?.threads];
  const overdue = given?.oldest_overdue_ms;
  return (
    <Panel title="Server" {...(has('system') && { side: <a href={href('/system')}>System</a> })}>
      {given === undefined ? (
        <Waiting />
      ) : (
        <Facts>
          {overdue !== undefined && (
            <Fact name="Oldest overdue">
              {Number(overdue) > 0 ? (
                <span class={Number(overdue) > 10_000 ? 'is-bad' : ''}>{duration(Number(overdue))}</span>
              ) : (
                'none'
              )}
            </Fact>
          )}
          {threads !== undefined && (
            <Fact name="Threads busy">
              <span class="with-bar">
                {String(busy)} of {String(threads)}
                <meter min={0} max={Number(threads)} value={Number(busy)} aria-label="Threads busy" />
              </span>
            </Fact>
          )}
          <Fact name="Up for">{durationText(String(given.uptime))}</Fact>
          <Fact name="Connections">{count(Number(given.connections ?? 0))}</Fact>
          <Fact name="Paused types">{paused.length === 0 ? 'none' : <Names types={paused} />}</Fact>
          {without.length > 0 && (
            <Fact name="Without handler">
              <Names types={without} />
            </Fact>
          )}
        </Facts>
      )}
    </Panel>
  );
}

function Names({ types }: { readonly types: readonly TypeInfo[] }) {
  return (
    <span class="names">
      {types.slice(0, mostShown).map(({ name }) => (
        <a key={name} href={typeHref(name)}>
          {name}
        </a>
      ))}
      {types.length > mostShown && <span class="faint">and {types.length - mostShown} more</span>}
    </span>
  );
}
