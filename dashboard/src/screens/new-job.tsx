/** Makes a job: by fields, or from another one; with the request that does the same. */
import { useEffect, useState } from 'preact/hooks';
import type { EscapementError } from '../../../src/client/client.js';
import { createJob, getJob, listTypes, previewCron, type Whole } from '../state/api.js';
import { localZone } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { go, jobHref, place } from '../state/router.js';
import { hasToken, mayAct, root } from '../state/session.js';
import { Empty, Failed, Panel, Screen, Segments, Shell, Waiting } from '../ui/basics.js';
import { note } from '../ui/dialog.js';
import { Occurrences } from './job.js';
import { PayloadForm, type Schema } from './payload-form.js';

type Kind = 'now' | 'delay' | 'at' | 'interval' | 'cron';

export interface Draft {
  readonly name: string;
  readonly kind: Kind;
  readonly delay: string;
  readonly at: string;
  readonly cron: string;
  readonly timezone: string;
  readonly payload: string;
  /** Fields by their name in the API, as they were typed. */
  readonly options: Readonly<Record<string, string>>;
}

const empty: Draft = {
  name: '',
  kind: 'now',
  delay: '10m',
  at: '',
  cron: '0 0 9 * * *',
  timezone: localZone,
  payload: '{}',
  options: {},
};

const optionFields: readonly (readonly [name: string, label: string, hint: string])[] = [
  ['max_retries', 'Retries at most', '0 to 100'],
  ['retry_delay', 'Retry delay', 'such as 1m'],
  ['timeout', 'Timeout', 'such as 5m'],
  ['priority', 'Priority', '-100 to 100, larger first'],
  ['expires_after', 'Expires after', 'such as 1h'],
  ['tags', 'Tags', 'with commas'],
  ['group', 'Group', 'a tenant, an account'],
  ['key', 'Key', 'one job of a key at a time'],
];
const numbers = new Set(['max_retries', 'priority']);

function draftOf(job: Whole): Draft {
  const kind: Kind = job.cron_expr !== undefined ? 'cron' : job.is_repeat ? 'interval' : 'now';
  const options = Object.fromEntries(
    optionFields.flatMap(([name]) => {
      const value = (job as unknown as Record<string, unknown>)[name];
      // Two jobs do not have one key.
      return value === undefined || name === 'key'
        ? []
        : [[name, Array.isArray(value) ? value.join(', ') : String(value)]];
    }),
  );
  return {
    ...empty,
    name: job.name,
    kind,
    options,
    delay: job.delay ?? empty.delay,
    cron: job.cron_expr ?? empty.cron,
    timezone: job.timezone ?? empty.timezone,
    payload: JSON.stringify(job.payload, null, 2),
  };
}

/** The body of the request. @throws SyntaxError when the payload is not JSON */
function bodyOf(draft: Draft): Record<string, unknown> {
  const trigger: Record<Kind, object> = {
    now: { delay: '0s' },
    delay: { delay: draft.delay },
    at: { trigger_at: draft.at === '' ? '' : new Date(draft.at).toISOString() },
    interval: { delay: draft.delay, is_repeat: true },
    cron: { cron_expr: draft.cron, timezone: draft.timezone, is_repeat: true },
  };
  const options = Object.entries(draft.options)
    .filter(([, value]) => value.trim() !== '')
    .map(([name, value]) => {
      if (name === 'tags') return [name, value.split(',').map((tag) => tag.trim())];
      return [name, numbers.has(name) ? Number(value) : value.trim()];
    });
  return {
    name: draft.name,
    ...trigger[draft.kind],
    payload: JSON.parse(draft.payload),
    ...Object.fromEntries(options),
  };
}

function commandOf(draft: Draft): string {
  let body: string;
  try {
    body = JSON.stringify(bodyOf(draft)).replaceAll("'", "'\\''");
  } catch {
    return '# The payload is not JSON yet.';
  }
  const token = hasToken() ? ` \\\n  -H "Authorization: Bearer $ESCAPEMENT_TOKEN"` : '';
  return `curl -s ${root}/api/v1/jobs${token} \\\n  -H 'Content-Type: application/json' \\\n  -d '${body}'`;
}

export function NewJob() {
  const { from, name, repeat } = place.value.params;
  const source = useLoad(`source ${from}`, from ? (signal) => getJob(from, signal) : undefined, { live: false });
  if (!mayAct.value)
    return (
      <Screen title="New job">
        <Empty title="This token may only read" />
      </Screen>
    );
  if (source.error) return <Failed error={source.error} retry={source.reload} />;
  if (source.loading) return <Waiting lines={10} />;
  const start = source.data
    ? draftOf(source.data)
    : { ...empty, name: name ?? '', kind: repeat === 'cron' ? ('cron' as const) : empty.kind };
  return <Form key={`${from} ${name} ${repeat}`} start={start} />;
}

function Form({ start }: { readonly start: Draft }) {
  const types = useLoad('types of new jobs', (signal) => listTypes(signal), { live: false });
  const [draft, setDraft] = useState(start);
  const [asJson, setAsJson] = useState(false);
  const [error, setError] = useState<string>();
  const [busy, setBusy] = useState(false);
  const items = types.data?.items ?? [];
  const type = items.find(({ name }) => name === draft.name);
  const schema = type?.payload_schema as Schema | undefined;
  const set = (change: Partial<Draft>): void => setDraft({ ...draft, ...change });
  useEffect(() => {
    const [first] = items.filter(({ handler }) => handler !== null);
    if (draft.name === '' && first) set({ name: first.name });
  }, [types.data]);
  const make = async (event: Event): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    setError(undefined);
    try {
      const { id } = await createJob(bodyOf(draft));
      note('The job is made.');
      go(jobHref(id).slice(1));
    } catch (failure) {
      const { message, errors = [] } = failure as EscapementError;
      const faults = errors.map((one) => `${one.path.replace(/^\//, '').replaceAll('/', '.')}: ${one.message}`);
      setError(
        faults.length > 0
          ? faults.join('\n')
          : failure instanceof SyntaxError
            ? `The payload is not JSON: ${message}`
            : message,
      );
      setBusy(false);
    }
  };
  return (
    <Screen title={draft.kind === 'cron' || draft.kind === 'interval' ? 'New schedule' : 'New job'}>
      <form class="split" onSubmit={make}>
        <div class="split-main">
          <Panel title="What">
            <div class="panel-form">
              <label class="field">
                <span>Type</span>
                <select value={draft.name} onChange={(event) => set({ name: event.currentTarget.value })}>
                  {draft.name !== '' && !type && <option>{draft.name}</option>}
                  {items.map(({ name }) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
                {type?.description && <small>{type.description}</small>}
              </label>
              <Payload draft={draft} set={set} schema={asJson ? undefined : schema} />
              {schema && (
                <button type="button" class="link" onClick={() => setAsJson(!asJson)}>
                  {asJson ? 'Fields' : 'As JSON'}
                </button>
              )}
            </div>
          </Panel>
          <Panel title="When">
            <div class="panel-form">
              <When draft={draft} set={set} />
            </div>
          </Panel>
          <Panel title="Options" side={<span>empty: as the handler says</span>}>
            <div class="panel-form form-grid">
              {optionFields.map(([name, label, hint]) => (
                <label class="field" key={name}>
                  <span>{label}</span>
                  <input
                    value={draft.options[name] ?? ''}
                    placeholder={hint}
                    onInput={(event) => set({ options: { ...draft.options, [name]: event.currentTarget.value } })}
                  />
                </label>
              ))}
            </div>
          </Panel>
        </div>
        <div class="split-side is-sticky">
          <Panel title="The same by a program">
            <div class="panel-form">
              <Shell text={commandOf(draft)} />
            </div>
          </Panel>
          {error !== undefined && (
            <p class="field-error is-lines" role="alert">
              {error}
            </p>
          )}
          <button type="submit" class="button is-main is-large" disabled={busy || draft.name === ''}>
            Make the job
          </button>
        </div>
      </form>
    </Screen>
  );
}

interface PartProps {
  readonly draft: Draft;
  readonly set: (change: Partial<Draft>) => void;
}

function Payload({ draft, set, schema }: PartProps & { readonly schema: Schema | undefined }) {
  const value = parsed(draft.payload);
  if (schema?.properties && value)
    return (
      <PayloadForm
        schema={schema}
        value={value}
        onChange={(given) => set({ payload: JSON.stringify(given, null, 2) })}
      />
    );
  return (
    <label class="field">
      <span>Payload, a JSON object</span>
      <textarea
        class="mono"
        rows={7}
        spellcheck={false}
        value={draft.payload}
        onInput={(event) => set({ payload: event.currentTarget.value })}
      />
      {value === undefined && <small class="is-bad">This is not a JSON object.</small>}
    </label>
  );
}

function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

function When({ draft, set }: PartProps) {
  const { kind } = draft;
  return (
    <>
      <Segments
        label="When"
        value={kind}
        options={[
          ['now', 'Now'],
          ['delay', 'After a delay'],
          ['at', 'At a time'],
          ['interval', 'Every …'],
          ['cron', 'Cron'],
        ]}
        onChange={(value) => set({ kind: value })}
      />
      {(kind === 'delay' || kind === 'interval') && (
        <label class="field">
          <span>{kind === 'delay' ? 'Delay' : 'Interval'}</span>
          <input value={draft.delay} onInput={(event) => set({ delay: event.currentTarget.value })} />
          <small>such as 30s, 10m, 1h30m, 2d</small>
        </label>
      )}
      {kind === 'at' && (
        <label class="field">
          <span>Time, {localZone}</span>
          <input
            type="datetime-local"
            step={1}
            value={draft.at}
            onInput={(event) => set({ at: event.currentTarget.value })}
          />
        </label>
      )}
      {kind === 'cron' && <Cron draft={draft} set={set} />}
    </>
  );
}

const typingMs = 300;

function Cron({ draft, set }: PartProps) {
  const { cron, timezone } = draft;
  const [asked, setAsked] = useState({ cron, timezone });
  useEffect(() => {
    const timer = setTimeout(() => setAsked({ cron, timezone }), typingMs);
    return () => clearTimeout(timer);
  }, [cron, timezone]);
  const preview = useLoad(
    `preview ${asked.cron} ${asked.timezone}`,
    plausible(asked.cron) ? (signal) => previewCron({ expr: asked.cron, timezone: asked.timezone }, signal) : undefined,
    { live: false },
  );
  const faults = (preview.error as EscapementError | undefined)?.errors;
  return (
    <>
      <div class="form-grid">
        <label class="field">
          <span>Cron expression</span>
          <input class="mono" value={cron} onInput={(event) => set({ cron: event.currentTarget.value })} />
          <small>second minute hour day month weekday</small>
        </label>
        <label class="field">
          <span>Time zone</span>
          <input list="zones" value={timezone} onInput={(event) => set({ timezone: event.currentTarget.value })} />
          <datalist id="zones">
            {Intl.supportedValuesOf('timeZone').map((zone) => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
        </label>
      </div>
      <div class="preview">
        {preview.error && (
          <p class="field-error">
            {faults && faults.length > 0
              ? faults.map(({ path, message }) => `${path.replace('query.', '')} ${message}`).join('. ')
              : preview.error.message}
          </p>
        )}
        {preview.data && (
          <>
            <p>
              <b>{preview.data.description}</b>
            </p>
            <Occurrences items={preview.data.items} zone={preview.data.timezone} />
          </>
        )}
      </div>
    </>
  );
}

/** Half an expression is not worth a question. */
const plausible = (expr: string): boolean => /^@\w+$/.test(expr.trim()) || expr.trim().split(/\s+/).length >= 5;
