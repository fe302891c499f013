/** Filters of jobs. Their values stand in the address, and each can be taken away by itself. */
import type { TargetedEvent } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { listTypes } from '../state/api.js';
import { clockTime, instant } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { jobHref, setParams } from '../state/router.js';
import { Sign } from '../ui/icons.js';

const idForm = /^job_\d+_[0-9a-f]{8}$/;
const typingMs = 350;

const names: Readonly<Record<string, string>> = {
  name: 'type',
  tag: 'tag',
  group: 'group',
  key: 'key',
  paused: 'paused',
  is_repeat: 'repeats',
  last_outcome: 'last outcome',
  error_group: 'failures like',
  created_after: 'made after',
  created_before: 'made before',
  due_after: 'due after',
  due_before: 'due before',
  sort: 'sorted by',
  order: 'order',
};

type Params = Readonly<Record<string, string>>;

export function Filters({ params }: { readonly params: Params }) {
  const [open, setOpen] = useState(false);
  const types = useLoad('types of filters', (signal) => listTypes(signal), { live: false });
  const active = Object.keys(names).filter((name) => params[name]);
  return (
    <div class="filters">
      <Search params={params} />
      <select
        aria-label="Type"
        value={params.name ?? ''}
        onChange={(event) => setParams({ name: event.currentTarget.value })}
      >
        <option value="">All types</option>
        {withValue(types.data?.items.map(({ name }) => name) ?? [], params.name).map((name) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      <button type="button" class="button" aria-expanded={open} onClick={() => setOpen(!open)}>
        <Sign of="filter" /> Filters
      </button>
      {active.map((name) => (
        <span class="chip" key={name}>
          {names[name]} <b title={params[name]}>{shown(name, params[name] as string)}</b>
          <button type="button" aria-label={`Without ${names[name]}`} onClick={() => setParams({ [name]: undefined })}>
            <Sign of="close" size={11} />
          </button>
        </span>
      ))}
      {active.length > 1 && (
        <button
          type="button"
          class="link"
          onClick={() => setParams(Object.fromEntries(active.map((name) => [name, undefined])))}
        >
          Clear all
        </button>
      )}
      {open && <More params={params} />}
    </div>
  );
}

function shown(name: string, value: string): string {
  if (!/_(after|before)$/.test(name)) return value;
  const ms = Date.parse(value);
  if (Number.isNaN(ms)) return value;
  return Math.abs(Date.now() - ms) < 43_200_000 ? clockTime(ms) : instant(ms);
}

/** What is chosen can be chosen, even where it is not known yet or any more. */
export const withValue = (list: readonly string[], value: string | undefined): readonly string[] =>
  value === undefined || value === '' || list.includes(value) ? list : [value, ...list];

function Search({ params }: { readonly params: Params }) {
  const [text, setText] = useState(params.q ?? '');
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => setText(params.q ?? ''), [params.q]);
  useEffect(() => {
    if (params.focus === undefined) return;
    field.current?.focus();
    setParams({ focus: undefined });
  }, [params.focus]);
  const search = (value: string): void => {
    clearTimeout(timer.current);
    const wanted = value.trim();
    if (idForm.test(wanted)) location.hash = jobHref(wanted);
    else setParams({ q: wanted });
  };
  return (
    <form
      class="search"
      role="search"
      onSubmit={(event) => {
        event.preventDefault();
        search(text);
      }}
    >
      <Sign of="search" />
      <input
        ref={field}
        data-search
        type="search"
        value={text}
        aria-label="Search payloads, results and errors, or an id"
        placeholder="Payload, result, error, or an id"
        onInput={(event) => {
          const { value } = event.currentTarget;
          setText(value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => search(value), typingMs);
        }}
      />
      <kbd>/</kbd>
    </form>
  );
}

function More({ params }: { readonly params: Params }) {
  const text = (name: string) => (
    <label class="field">
      <span>{names[name]}</span>
      <input value={params[name] ?? ''} onChange={(event) => setParams({ [name]: event.currentTarget.value.trim() })} />
    </label>
  );
  const choice = (name: string, options: readonly (readonly [string, string])[]) => (
    <label class="field">
      <span>{names[name]}</span>
      <select value={params[name] ?? ''} onChange={(event) => setParams({ [name]: event.currentTarget.value })}>
        <option value="">any</option>
        {options.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
  const time = (name: string) => (
    <label class="field">
      <span>{names[name]}</span>
      <input
        type="datetime-local"
        value={localForm(params[name])}
        onChange={(event: TargetedEvent<HTMLInputElement>) => {
          const ms = Date.parse(event.currentTarget.value);
          setParams({ [name]: Number.isNaN(ms) ? undefined : new Date(ms).toISOString() });
        }}
      />
    </label>
  );
  const yes = [
    ['true', 'yes'],
    ['false', 'no'],
  ] as const;
  return (
    <fieldset class="more-filters">
      <legend class="unseen">More filters</legend>
      {text('tag')}
      {text('group')}
      {text('key')}
      {choice('paused', yes)}
      {choice('is_repeat', yes)}
      {choice('last_outcome', [
        ['success', 'success'],
        ['failed', 'failed'],
      ])}
      <label class="field">
        <span>made within</span>
        <select
          value=""
          onChange={(event) => {
            const ms = Number(event.currentTarget.value);
            setParams({ created_after: ms === 0 ? undefined : new Date(Date.now() - ms).toISOString() });
          }}
        >
          <option value="">choose</option>
          <option value={900_000}>15 minutes</option>
          <option value={3_600_000}>an hour</option>
          <option value={86_400_000}>a day</option>
          <option value={604_800_000}>a week</option>
        </select>
      </label>
      {time('created_after')}
      {time('created_before')}
      {time('due_after')}
      {time('due_before')}
      {choice('sort', [
        ['created', 'time made'],
        ['due', 'time due'],
      ])}
      {choice('order', [
        ['asc', 'earliest first'],
        ['desc', 'latest first'],
      ])}
    </fieldset>
  );
}

/** As fields for a date and a time take it: local, without an offset. */
function localForm(value: string | undefined): string {
  const ms = Date.parse(value ?? '');
  if (Number.isNaN(ms)) return '';
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
