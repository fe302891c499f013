/** Jobs: filtered by what stands in the address, live, and acted on one by one or all at once. */
import { useEffect, useState } from 'preact/hooks';
import { type Action, listJobs, statuses } from '../state/api.js';
import { compact, count } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { href, place } from '../state/router.js';
import { has, mayAct } from '../state/session.js';
import { Screen, useInView } from '../ui/basics.js';
import { askBulk, BulkProgress, verbs } from '../ui/bulk.js';
import { Sign } from '../ui/icons.js';
import { Filters } from './filters.js';
import { Found } from './found.js';
import { JobList, type Selection } from './job-list.js';

/** Parameters of the address that are parameters of `GET /jobs`. */
const filterNames = [
  ...['status', 'name', 'tag', 'group', 'key', 'paused', 'is_repeat', 'last_outcome', 'error_group'],
  ...['created_after', 'created_before', 'due_after', 'due_before'],
] as const;
const orderNames = ['sort', 'order'];

const pick = (from: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(names.flatMap((name) => (from[name] ? [[name, from[name]]] : [])));

export function JobsScreen() {
  const { params } = place.value;
  const filter = pick(params, filterNames);
  const order = pick(params, orderNames);
  const text = params.q ?? '';
  const key = JSON.stringify([filter, order, text]);
  const [selection, setSelection] = useState<Selection>({ ids: new Set(), all: false });
  const clear = (): void => setSelection({ ids: new Set(), all: false });
  useEffect(clear, [key]);
  const selects = mayAct.value && has('bulk');
  return (
    <Screen
      title="Jobs"
      side={
        mayAct.value && (
          <a class="button is-main" href={href('/new')}>
            <Sign of="plus" /> New job
          </a>
        )
      }
      below={<Tabs filter={filter} />}
    >
      <Filters params={params} />
      {text === '' ? (
        <JobList key={key} filter={filter} order={order} {...(selects && { selection, onSelect: setSelection })} />
      ) : (
        <Found key={key} filter={filter} text={text} {...(selects && { selection, onSelect: setSelection })} />
      )}
      {selects && (selection.all || selection.ids.size > 0) && (
        <SelectionBar selection={selection} filter={filter} onSelect={setSelection} searched={text !== ''} />
      )}
      <BulkProgress />
    </Screen>
  );
}

/** Statuses with how many jobs there are, under the other filters. */
function Tabs({ filter }: { readonly filter: Readonly<Record<string, string>> }) {
  const { status, ...rest } = filter;
  const counts = useLoad(`tabs ${JSON.stringify(rest)}`, async (signal) => {
    const totals = await Promise.all(
      [undefined, ...statuses].map(async (one) => {
        const { total } = await listJobs({ ...rest, status: one, limit: 1 }, signal);
        return [one ?? 'all', total ?? 0] as const;
      }),
    );
    return Object.fromEntries(totals) as Record<string, number>;
  });
  useInView('.tabs [aria-current]', status);
  return (
    <nav class="tabs" aria-label="Status">
      {[undefined, ...statuses].map((one) => {
        const total = counts.data?.[one ?? 'all'];
        return (
          <a
            key={one ?? 'all'}
            href={href('/jobs', { ...place.value.params, status: one })}
            aria-current={status === one ? 'page' : undefined}
            class={one && `is-${one}`}
          >
            {one && <Sign of={one} />}
            {one ?? 'all'}
            <span class="tab-count" title={total === undefined ? undefined : count(total)}>
              {total === undefined ? '\u00a0' : total < 1_000_000 ? count(total) : compact(total)}
            </span>
          </a>
        );
      })}
    </nav>
  );
}

const actions: readonly Action[] = ['retry', 'run', 'pause', 'resume', 'cancel', 'remove'];

function SelectionBar(props: {
  readonly selection: Selection;
  readonly filter: Readonly<Record<string, string>>;
  readonly searched: boolean;
  readonly onSelect: (selection: Selection) => void;
}) {
  const { selection, filter, searched, onSelect } = props;
  const total = useLoad(
    `matching ${JSON.stringify(filter)}`,
    searched ? undefined : async (signal) => (await listJobs({ ...filter, limit: 1 }, signal)).total ?? 0,
  );
  const clear = (): void => onSelect({ ids: new Set(), all: false });
  const act = (action: Action): void => {
    const all = Object.keys(filter).length === 0 ? { all: true } : asBulk(filter);
    void askBulk(action, selection.all ? all : { id: [...selection.ids] }, clear);
  };
  return (
    <div class="selection" role="region" aria-label="Selected jobs">
      <span class="selection-count">
        {selection.all ? `All ${count(total.data ?? 0)} that match` : `${count(selection.ids.size)} selected`}
      </span>
      {!selection.all && total.data !== undefined && total.data > selection.ids.size && (
        <button
          type="button"
          class="link"
          onClick={({ currentTarget }) => {
            // This button goes; whoever came to it by keyboard goes on beside it.
            currentTarget.parentElement?.querySelector<HTMLElement>('.selection-actions button')?.focus();
            onSelect({ ids: new Set(), all: true });
          }}
        >
          Select all {count(total.data)} that match
        </button>
      )}
      <span class="selection-actions">
        {actions.map((action) => (
          <button type="button" key={action} class="button" onClick={() => act(action)}>
            {verbs[action]}
          </button>
        ))}
        <button type="button" class="icon-button" aria-label="Clear the selection" onClick={clear}>
          <Sign of="close" />
        </button>
      </span>
    </div>
  );
}

/** In a body, several values are an array and yes is `true`. */
function asBulk(filter: Readonly<Record<string, string>>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(filter).map(([name, value]) => {
      if (name === 'paused' || name === 'is_repeat') return [name, value === 'true'];
      if (/^(tag|status|name|id)$/.test(name) && value.includes(',')) return [name, value.split(',')];
      return [name, value];
    }),
  );
}
