/** Job types: what waits and runs of each, how it goes, and what bounds it. */
import { useState } from 'preact/hooks';
import type { EscapementError } from '../../../src/client/client.js';
import { getType, holdType, listGroups, listTypes, setType, type TypeInfo } from '../state/api.js';
import { count, duration, durationText, plural } from '../state/format.js';
import { isAbsent, useLoad } from '../state/load.js';
import { href, place, setParams, typeHref } from '../state/router.js';
import { has, mayAct } from '../state/session.js';
import { Empty, Fact, Facts, Failed, Panel, Screen, Shell, Status, Waiting } from '../ui/basics.js';
import { ask, Dialog, DialogFoot, note, tell } from '../ui/dialog.js';
import { Sign } from '../ui/icons.js';
import { Json } from '../ui/tree.js';
import { JobList } from './job-list.js';

const handlerSource = `// jobs/greet.mjs
export default async ({ name }, ctx) => {
  ctx.log.info(\`hello, \${name}\`);
  return { greeted: name };
};`;

/** Where there are more, most are not looked at. */
const fewTypes = 12;
const atOnce = 100;

export function TypesScreen() {
  const types = useLoad('types', (signal) => listTypes(signal), { every: 5000 });
  const [most, setMost] = useState(atOnce);
  const all = types.data?.items;
  const text = (place.value.params.q ?? '').toLowerCase();
  const items = all?.filter(({ name }) => name.toLowerCase().includes(text));
  return (
    <Screen title="Types">
      {all && (all.length > fewTypes || text !== '') && (
        <div class="filters">
          <label class="search">
            <Sign of="search" />
            <input
              data-search
              type="search"
              value={place.value.params.q ?? ''}
              aria-label="Search types"
              placeholder="Name of a type"
              onInput={(event) => setParams({ q: event.currentTarget.value })}
            />
            <kbd>/</kbd>
          </label>
          <span class="faint" role="status">
            {text === '' ? plural(all.length, 'type') : `${count(items?.length ?? 0)} of ${plural(all.length, 'type')}`}
          </span>
        </div>
      )}
      {types.error && items === undefined ? (
        <Failed error={types.error} retry={types.reload} />
      ) : items === undefined ? (
        <Waiting lines={8} />
      ) : items.length === 0 && text !== '' ? (
        <Empty title="No type has this in its name" />
      ) : items.length === 0 ? (
        <Empty title="No handlers yet">
          <p>A module in the handlers folder does the work of a job type, and gives it its name:</p>
          <Shell text={handlerSource} what="the handler" />
        </Empty>
      ) : (
        <div class="scroller">
          <table class="plain wide">
            <thead>
              <tr>
                <th>Type</th>
                <th class="num">Due</th>
                <th class="num">Pending</th>
                <th class="num">Running</th>
                <th class="num">Limit</th>
                <th class="num">Rate</th>
                <th class="num">Started</th>
                <th class="num">Failed</th>
                <th class="num">Late p99</th>
                <th class="num">Took p50</th>
                <th class="num">Took p99</th>
              </tr>
            </thead>
            <tbody>
              {items.slice(0, most).map((type) => (
                <Row key={type.name} type={type} />
              ))}
            </tbody>
          </table>
          {items.length > most && (
            <p class="quiet">
              <button type="button" class="link" onClick={() => setMost(most + atOnce * 2)}>
                Show more of {plural(items.length, 'type')}
              </button>
            </p>
          )}
          <p class="quiet">Started, failed, lateness and duration are of the last minute.</p>
        </div>
      )}
    </Screen>
  );
}

const shown = (value: number | undefined | null): string =>
  value === undefined || value === null ? '–' : count(value);
const shownMs = (value: number | undefined | null): string =>
  value === undefined || value === null ? '–' : duration(value);
const limit = (value: number | undefined | null): string =>
  value === undefined || value === null ? '∞' : count(value);

function Row({ type }: { readonly type: TypeInfo }) {
  const { name, description, counts, recent, concurrency, rate } = type;
  const running = counts?.running ?? 0;
  return (
    <tr data-row>
      <td class="type-cell">
        <a href={typeHref(name)} data-open title={name}>
          {name}
        </a>{' '}
        {type.paused && <Status of="paused" />}
        {type.handler === null && <span class="tag is-warning">no handler</span>}
        {description && <span class="sub">{description}</span>}
      </td>
      <td class={counts?.due ? 'num is-due' : 'num faint'}>{shown(counts?.due)}</td>
      <td class="num">{shown(counts?.pending)}</td>
      <td class={running > 0 ? 'num' : 'num faint'}>{shown(counts?.running)}</td>
      <td class="num faint">{limit(concurrency)}</td>
      <td class="num faint">{rate ?? '–'}</td>
      <td class="num">{shown(recent?.started)}</td>
      <td class={recent && recent.failed > 0 ? 'num is-bad' : 'num faint'}>{shown(recent?.failed)}</td>
      <td class="num">{shownMs(recent?.lateness_p99_ms)}</td>
      <td class="num">{shownMs(recent?.duration_p50_ms)}</td>
      <td class="num">{shownMs(recent?.duration_p99_ms)}</td>
    </tr>
  );
}

export function TypeScreen({ name }: { readonly name: string }) {
  const loaded = useLoad(`type ${name}`, (signal) => getType(name, signal), { every: 5000 });
  const [edits, setEdits] = useState(false);
  const { data: type, error } = loaded;
  if (isAbsent(error))
    return (
      <Screen title="Type">
        <Empty title="There is no such type">
          <p>
            <code>{name}</code> has neither a handler nor jobs. <a href={href('/types')}>All types</a>
          </p>
        </Empty>
      </Screen>
    );
  if (type === undefined) return error ? <Failed error={error} retry={loaded.reload} /> : <Waiting lines={10} />;
  return (
    <Screen
      title={
        <span class="job-title">
          {type.name} {type.paused && <Status of="paused" />}
        </span>
      }
      side={
        mayAct.value && (
          <>
            <a class="button" href={href('/new', { name })}>
              <Sign of="plus" /> New job
            </a>
            <button type="button" class="button" onClick={() => setEdits(true)}>
              <Sign of="edit" /> Limits
            </button>
            <Hold type={type} reload={loaded.reload} />
          </>
        )
      }
    >
      {type.paused && (
        <div class="notice is-paused">
          <Sign of="paused" />
          <p>Nothing of this type starts{type.pause_reason !== undefined && <>: {type.pause_reason}</>}.</p>
        </div>
      )}
      {type.handler === null && (
        <div class="notice is-bad">
          <Sign of="warn" />
          <p>No handler of this name is loaded. Its jobs wait.</p>
        </div>
      )}
      <div class="columns is-two">
        <Numbers type={type} />
        <Defaults type={type} />
        {has('groups') && <Groups name={name} />}
        {type.payload_schema && (
          <Panel title="Payload schema">
            <Json value={type.payload_schema} name="payload schema" />
          </Panel>
        )}
      </div>
      <h2 class="section">
        Jobs <a href={href('/jobs', { name })}>all of them, with filters</a>
      </h2>
      <JobList filter={{ name }} />
      {edits && <Limits type={type} onClose={() => setEdits(false)} onSaved={loaded.reload} />}
    </Screen>
  );
}

function Hold({ type, reload }: { readonly type: TypeInfo; readonly reload: () => void }) {
  const { name } = type;
  if (type.paused)
    return (
      <button
        type="button"
        class="button is-main"
        onClick={() => void tell(holdType(name, false).then(reload), `${name} has been resumed.`)}
      >
        <Sign of="play" /> Resume
      </button>
    );
  return (
    <button
      type="button"
      class="button"
      onClick={() =>
        ask({
          title: `Pause ${name}?`,
          text: <p>No job of this type starts until it is resumed, also after a restart. What runs goes on.</p>,
          verb: 'Pause the type',
          asks: { label: 'Reason (optional)' },
          run: async (reason) => {
            await holdType(name, true, reason);
            note(`${name} is paused.`);
            reload();
          },
        })
      }
    >
      <Sign of="paused" /> Pause
    </button>
  );
}

function Numbers({ type: { counts, recent } }: { readonly type: TypeInfo }) {
  return (
    <Panel title="Now" side={<span class="faint">and in the last minute</span>}>
      <Facts>
        <Fact name="Pending">
          {shown(counts?.pending)}
          {counts?.due ? <span class="is-due"> {count(counts.due)} due</span> : ''}
        </Fact>
        <Fact name="Running">{shown(counts?.running)}</Fact>
        {recent && (
          <>
            <Fact name="Started">{shown(recent.started)}</Fact>
            <Fact name="Succeeded">{shown(recent.succeeded)}</Fact>
            <Fact name="Failed">
              <span class={recent.failed > 0 ? 'is-bad' : ''}>{shown(recent.failed)}</span>
            </Fact>
            <Fact name="Lateness p99">{shownMs(recent.lateness_p99_ms)}</Fact>
            <Fact name="Duration p50, p99">
              {shownMs(recent.duration_p50_ms)}, {shownMs(recent.duration_p99_ms)}
            </Fact>
          </>
        )}
      </Facts>
    </Panel>
  );
}

function Defaults({ type }: { readonly type: TypeInfo }) {
  const { handler } = type;
  const differs = (own: unknown, now: unknown): boolean => handler != null && own !== undefined && own !== now;
  return (
    <Panel title="Settings">
      <Facts>
        {type.description && <Fact name="About">{type.description}</Fact>}
        <Fact name="Concurrency">
          {limit(type.concurrency)}
          {differs(handler?.concurrency, type.concurrency) && (
            <span class="faint"> set here, the handler has {limit(handler?.concurrency)}</span>
          )}
        </Fact>
        <Fact name="Of a group">
          {limit(type.group_concurrency)}
          {differs(handler?.group_concurrency, type.group_concurrency) && (
            <span class="faint"> set here, the handler has {limit(handler?.group_concurrency)}</span>
          )}
        </Fact>
        <Fact name="Rate">
          {type.rate ?? 'any'}
          {differs(handler?.rate, type.rate) && (
            <span class="faint"> set here, the handler has {handler?.rate ?? 'none'}</span>
          )}
        </Fact>
        {type.timeout && <Fact name="Timeout">{durationText(type.timeout)}</Fact>}
        {type.max_retries !== undefined && (
          <Fact name="Retries">
            {type.max_retries} <span class="faint">after {durationText(type.retry_delay ?? '0s')}</span>
          </Fact>
        )}
        {type.priority !== undefined && <Fact name="Priority">{type.priority}</Fact>}
        {type.expires_after && <Fact name="Expires after">{durationText(type.expires_after)}</Fact>}
      </Facts>
    </Panel>
  );
}

const shownGroups = 20;

function Groups({ name }: { readonly name: string }) {
  const groups = useLoad(`groups ${name}`, (signal) => listGroups(name, signal));
  const items = groups.data?.items;
  const total = groups.data?.total ?? items?.length ?? 0;
  if (items === undefined || items.length === 0) return null;
  return (
    <Panel title="Groups" side={<span class="faint">{count(total)}</span>}>
      <table class="plain">
        <thead>
          <tr>
            <th>Group</th>
            <th class="num">Due</th>
            <th class="num">Pending</th>
            <th class="num">Running</th>
          </tr>
        </thead>
        <tbody>
          {items.slice(0, shownGroups).map(({ group, pending, due, running }) => (
            <tr key={group}>
              <td class="clip">
                <a href={href('/jobs', { name, group })}>{group ?? <i>none</i>}</a>
              </td>
              <td class={due > 0 ? 'num is-due' : 'num faint'}>{count(due)}</td>
              <td class="num">{count(pending)}</td>
              <td class="num">{count(running)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {total > shownGroups && (
        <p class="quiet">
          The {shownGroups} with most to run of {count(total)}. <a href={href('/jobs', { name })}>Jobs</a> can be
          filtered by any group.
        </p>
      )}
    </Panel>
  );
}

const fields = [
  ['concurrency', 'Concurrency', 'runs at once'],
  ['group_concurrency', 'Concurrency of a group', 'runs at once of one group'],
  ['rate', 'Rate', 'such as 100/1m'],
] as const;

/** What is empty is what the handler says. */
function Limits(props: { readonly type: TypeInfo; readonly onClose: () => void; readonly onSaved: () => void }) {
  const { type, onClose, onSaved } = props;
  const now = (name: 'concurrency' | 'group_concurrency' | 'rate'): string =>
    type.handler && type.handler[name] === type[name] ? '' : String(type[name] ?? '');
  const [before] = useState<Record<string, string>>(() =>
    Object.fromEntries(fields.map(([name]) => [name, now(name)])),
  );
  const [values, setValues] = useState(before);
  const [error, setError] = useState<string>();
  const save = async (event: Event): Promise<void> => {
    event.preventDefault();
    const change = Object.fromEntries(
      Object.entries(values)
        .filter(([name, value]) => value !== before[name])
        .map(([name, value]) => [name, value.trim() === '' ? null : name === 'rate' ? value.trim() : Number(value)]),
    );
    if (Object.keys(change).length === 0) return onClose();
    try {
      await setType(type.name, change);
      note(`The limits of ${type.name} are changed. They hold from now on.`);
      onSaved();
      onClose();
    } catch (failure) {
      const { message, errors = [] } = failure as EscapementError;
      setError(errors.map((one) => `${one.path.slice(1)} ${one.message}`).join('. ') || message);
    }
  };
  return (
    <Dialog title={`Limits of ${type.name}`} onClose={onClose}>
      <form onSubmit={save}>
        <div class="form-column">
          {fields.map(([name, label, hint]) => (
            <label class="field" key={name}>
              <span>{label}</span>
              <input
                value={values[name]}
                placeholder={`as the handler says (${type.handler?.[name] ?? 'none'})`}
                onInput={(event) => setValues({ ...values, [name]: event.currentTarget.value })}
              />
              <small>{hint}</small>
            </label>
          ))}
        </div>
        <p class="dialog-text">They change at once. What runs goes on, also above a lowered limit.</p>
        <DialogFoot error={error} verb="Save" onClose={onClose} />
      </form>
    </Dialog>
  );
}
