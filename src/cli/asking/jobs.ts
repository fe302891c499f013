/** What `escapement jobs …` does. */

import type { EventType, TransientType } from '../../client/event-types.js';
import { events, presentPlace } from '../../client/events.js';
import type { Transport } from '../../client/transport.js';
import type { Job, ListedJob } from '../../client/types.js';
import { fieldsOf, jobFieldNames, saysWhen } from '../commands/job-fields.js';
import { filterNames, filterOf } from '../commands/many/filters.js';
import type { AskingOptions } from '../option.js';
import { fail, print, startError } from '../output.js';
import { addLines } from './add-lines.js';
import { ask, report, show as showAnswer } from './connection.js';
import { printEvent } from './events.js';
import { jobLine, jobTable } from './job-text.js';
import { readPayload } from './payload.js';
import { fieldLines, grouped } from './text.js';

type Fields = Readonly<Record<string, unknown>>;

interface AddOptions extends AskingOptions {
  readonly idempotencyKey?: string;
  /** Milliseconds; true: for ever. */
  readonly wait?: number | true;
  readonly ndjson?: true;
}

interface ListOptions extends AskingOptions {
  readonly search?: string;
  readonly sort?: string;
  readonly order?: string;
  readonly limit: number;
  readonly cursor?: string;
  readonly all?: true;
}

interface JobPage {
  /** Not where a text is looked for. */
  readonly total?: number;
  readonly items: readonly ListedJob[];
  readonly next_cursor?: string;
}

const pathOf = (id: string): string => `/jobs/${encodeURIComponent(id)}`;

export async function add(type: string | undefined, options: AddOptions & Fields): Promise<void> {
  const fields = await readPayload(fieldsOf(options), options.ndjson);
  if (options.ndjson)
    return ask(options, (server) => addLines(server, { ...(type && { name: type }), ...fields }, options));
  if (type === undefined) fail('name the job type: escapement jobs add <type>');
  if (!saysWhen(fields)) fail('say when it is to run: with --delay, --at or --cron');
  const run = async (server: Transport): Promise<void> => {
    const { idempotencyKey, wait, json } = options;
    const made = await server.send<ListedJob>('POST', '/jobs', {
      body: textOf({ name: type, ...fields }),
      ...(idempotencyKey !== undefined && { headers: { 'Idempotency-Key': idempotencyKey } }),
    });
    if (wait === undefined) return showAnswer(made, json, jobLine);
    const signal = wait === true ? undefined : AbortSignal.timeout(wait);
    const job = await ended(server, made.id, signal);
    if (job) return outcome(job, json);
    showAnswer(made, json, jobLine);
    throw new Error(`job ${made.id} has not finished within the time of --wait; it goes on`);
  };
  await ask(options, run, jobFieldNames);
}

/** The payload is JSON text already: numbers stay as they were written. */
function textOf({ payload, ...fields }: Fields): string {
  const text = JSON.stringify(fields);
  if (payload === undefined) return text;
  return text === '{}' ? `{"payload":${payload}}` : `${text.slice(0, -1)},"payload":${payload}}`;
}

/** Of the parameters that are none of a filter. */
const listNames = { ...filterNames, q: '--search', sort: '--sort', order: '--order', cursor: '--cursor' };

export function list(options: ListOptions & Fields): Promise<void> {
  const run = async (server: Transport): Promise<void> => {
    const query = new URLSearchParams({ limit: String(options.all ? 1000 : options.limit) });
    for (const [name, value] of Object.entries(filterOf(options))) query.set(name, String(value));
    if (options.search !== undefined) query.set('q', options.search);
    if (options.sort !== undefined) query.set('sort', options.sort);
    if (options.order !== undefined) query.set('order', options.order);
    if (options.cursor !== undefined) query.set('cursor', options.cursor);
    for (;;) {
      const page = await server.send<JobPage>('GET', `/jobs?${query}`);
      if (!options.all && !mayFindMore(page, options)) return showPage(page, options);
      if (options.json) for (const job of page.items) print(JSON.stringify(job));
      else if (page.items.length > 0) print(jobTable(page.items));
      if (page.next_cursor === undefined) return;
      query.set('cursor', page.next_cursor);
    }
  };
  return ask(options, run, listNames);
}

/** It was looked for a while without finding one. */
function mayFindMore({ items, next_cursor }: JobPage, { search }: ListOptions): boolean {
  return search !== undefined && items.length === 0 && next_cursor !== undefined;
}

function showPage(page: JobPage, { json }: ListOptions): void {
  if (json) return showAnswer(page, json, String);
  if (page.items.length > 0) print(jobTable(page.items));
  if (page.total === 0 || (page.total === undefined && page.items.length === 0)) process.stderr.write('no such jobs\n');
  if (page.next_cursor === undefined) return;
  const of = page.total === undefined ? '' : ` of ${grouped(page.total)}`;
  process.stderr.write(`${page.items.length}${of} jobs; the next: --cursor ${page.next_cursor}\n`);
}

export function show(id: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    showAnswer(await server.send<Job>('GET', pathOf(id)), options.json, fieldLines),
  );
}

export async function update(id: string, options: AskingOptions & Fields): Promise<void> {
  const fields = await readPayload(fieldsOf(options));
  if (Object.keys(fields).length === 0) fail('name what is to change, such as --delay 1h');
  await ask(
    options,
    async (server) =>
      showAnswer(await server.send<Job>('PUT', pathOf(id), { body: textOf(fields) }), options.json, jobLine),
    jobFieldNames,
  );
}

type Action = 'cancel' | 'retry' | 'run' | 'resume' | 'remove';

export function act(action: Action, ids: readonly string[], options: AskingOptions): Promise<void> {
  return each(ids, options, (server, id) => server.send('POST', `${pathOf(id)}/${action}`));
}

interface PauseOptions extends AskingOptions {
  readonly until?: string;
  readonly reason?: string;
}

export function pause(ids: readonly string[], { until, reason, ...options }: PauseOptions): Promise<void> {
  const body = JSON.stringify({ until, reason });
  return each(ids, options, (server, id) => server.send('POST', `${pathOf(id)}/pause`, { body }));
}

/** Each id by itself: one that is refused does not keep the others back. */
function each(
  ids: readonly string[],
  options: AskingOptions,
  send: (server: Transport, id: string) => Promise<Job>,
): Promise<void> {
  return ask(options, async (server) => {
    for (const id of ids) {
      try {
        showAnswer(await send(server, id), options.json, jobLine);
      } catch (error) {
        report(error, ids.length > 1 ? `${id}: ` : '', { until: '--until', reason: '--reason' });
      }
    }
  });
}

interface WatchOptions extends AskingOptions {
  readonly logs?: true;
}

export function watch(id: string, options: WatchOptions): Promise<void> {
  const types: readonly AnyType[] = [...eventTypes, 'job.progress', ...(options.logs ? (['job.log'] as const) : [])];
  return ask(options, async (server) => {
    // What happens from here on is heard, so that the end is, unless it has come before.
    // The stream connects again and again; where there is no server at all, this says so.
    await server.send('GET', '');
    const since = await presentPlace(server);
    let job = await server.send<Job>('GET', pathOf(id));
    if (!finished.has(job.status)) {
      for await (const event of events(server, { job_ids: [id], event_types: types }, { since })) {
        printEvent(event, options.json);
        if (event.type !== 'gap' && !isEnd(event.type)) continue;
        job = await server.send<Job>('GET', pathOf(id), { repeatable: true });
        // By a later change of it, there are events of that to come.
        if (finished.has(job.status) && (event.type === 'gap' || event.timestamp === job.updated_at)) break;
      }
    }
    outcome(job, options.json);
  });
}

function outcome(job: Job, json: boolean | undefined): void {
  showAnswer(job, json, () => {
    const result = job.result === undefined ? '' : `\n${fieldLines({ result: job.result })}`;
    return jobLine(job) + result;
  });
  if (job.status !== 'success') process.exitCode = startError;
}

const finished: ReadonlySet<string> = new Set(['success', 'failed', 'cancelled']);

type AnyType = EventType | TransientType;

/** After these a job may have finished. */
const endTypes = ['job.completed', 'job.failed', 'job.cancelled', 'job.updated'] as const satisfies EventType[];

const isEnd = (type: string): boolean => endTypes.some((one) => one === type);

/** All that happens to a job. */
const eventTypes: readonly EventType[] = [
  ...endTypes,
  'job.scheduled',
  'job.started',
  'job.retrying',
  'job.paused',
  'job.resumed',
];

/** The job once it has finished; undefined when `signal` was first. */
async function ended(server: Transport, id: string, signal: AbortSignal | undefined): Promise<Job | undefined> {
  const over = new AbortController();
  const stop = signal ? AbortSignal.any([signal, over.signal]) : over.signal;
  let job: Job | undefined;
  let failure: unknown;
  const look = (): void => {
    server.send<Job>('GET', pathOf(id), { repeatable: true }).then(
      (seen) => {
        if (!finished.has(seen.status)) return;
        job = seen;
        over.abort();
      },
      (error) => {
        failure = error;
        over.abort();
      },
    );
  };
  // From here on nothing is missed: what happened before is in the job, what comes after is an event.
  const filter = { job_ids: [id], event_types: endTypes };
  for await (const event of events(server, filter, { signal: stop, onSubscribed: look })) {
    if (event.type === 'gap') continue;
    look();
  }
  if (failure !== undefined) throw failure;
  return job;
}
