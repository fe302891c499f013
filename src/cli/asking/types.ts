/** What `escapement types …` does. */
import { EscapementError } from '../../client/errors.js';
import type { Group, JobType } from '../../client/job-types.js';
import type { Transport } from '../../client/transport.js';
import type { AskingOptions } from '../option.js';
import { type absent, orNull } from '../option-values.js';
import { fail } from '../output.js';
import { ask, show as showAnswer } from './connection.js';
import { fieldLines, flat, printable, table } from './text.js';

interface TypeList {
  readonly items: readonly JobType[];
}

export function list(options: AskingOptions): Promise<void> {
  return ask(options, async (server) => {
    showAnswer(await server.send<TypeList>('GET', '/job-types'), options.json, ({ items }) =>
      table(
        ['TYPE', 'TIMEOUT', 'CONCURRENCY', 'RETRIES', 'DESCRIPTION'],
        items.map((type) => [
          type.name,
          type.timeout ?? '',
          type.handler === null ? '' : String(type.concurrency ?? 'unlimited'),
          String(type.max_retries ?? ''),
          about(type),
        ]),
      ),
    );
  });
}

function about({ handler, counts, description = '', paused, pause_reason }: JobType): string {
  const what = handler === null ? `no handler; ${counts.pending} jobs wait for it` : description;
  if (!paused) return what;
  return `paused${pause_reason === undefined ? '' : ` (${pause_reason})`}; ${what}`;
}

const pathOf = (name: string): string => `/job-types/${encodeURIComponent(name)}`;

export function show(name: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) => showAnswer(await found(server, name, 'GET', ''), options.json, typeLines));
}

const limitNames: readonly string[] = ['concurrency', 'group_concurrency', 'rate'];

/** All of it, a line each. The schema of its payloads stays whole. */
function typeLines({ payload_schema, ...type }: JobType): string {
  const fields = Object.entries(flat(type)).map(([name, value]) => {
    const isLimit = limitNames.includes(name.replace('handler.', ''));
    return [name, value ?? (isLimit ? unlimited : 'none')] as const;
  });
  return fieldLines({ ...Object.fromEntries(fields), ...(payload_schema !== undefined && { payload_schema }) });
}

const unlimited = 'unlimited';

/** A type whose limits or pause were just set, in a line that begins with its name. */
function typeLine({ name, concurrency, group_concurrency, rate, paused, pause_reason }: JobType): string {
  const limits = { concurrency, group_concurrency, rate };
  const parts = Object.entries(limits).map(([limit, value]) => `${limit} ${value ?? unlimited}`);
  const state = paused ? [`paused${pause_reason === undefined ? '' : ` (${pause_reason})`}`] : [];
  return [name, ...state, ...parts].map(printable).join('  ');
}

interface SetOptions extends AskingOptions {
  /** Of these three `absent` is what the handler says. */
  readonly concurrency?: number | typeof absent;
  readonly groupConcurrency?: number | typeof absent;
  readonly rate?: string | typeof absent;
  readonly paused?: boolean;
  readonly reason?: string;
}

export function set(
  name: string,
  { concurrency, groupConcurrency, rate, paused, reason, ...options }: SetOptions,
): Promise<void> {
  if (reason !== undefined && paused === false) fail('--reason is of a pause: it does not go with --no-paused');
  const change = {
    concurrency: orNull(concurrency),
    group_concurrency: orNull(groupConcurrency),
    rate: orNull(rate),
    paused,
    pause_reason: reason,
  };
  if (Object.values(change).every((value) => value === undefined))
    fail('name what is to be set: --concurrency, --group-concurrency, --rate or --paused');
  const run = async (server: Transport): Promise<void> =>
    showAnswer(await found(server, name, 'PUT', '', JSON.stringify(change)), options.json, typeLine);
  return ask(options, run, {
    concurrency: '--concurrency',
    group_concurrency: '--group-concurrency',
    rate: '--rate',
    pause_reason: '--reason',
  });
}

interface GroupList {
  readonly items: readonly Group[];
}

export function groups(name: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) => {
    const query = new URLSearchParams({ name, limit: '100' });
    const found = await server.send<GroupList>('GET', `/groups?${query}`);
    if (options.json || found.items.length > 0) showAnswer(found, options.json, groupTable);
    else process.stderr.write('no group has jobs to run\n');
  });
}

function groupTable({ items }: GroupList): string {
  return table(
    ['GROUP', 'PENDING', 'DUE', 'RUNNING'],
    items.map(({ group, pending, due, running }) => [group, String(pending), String(due), String(running)]),
    { numbersFrom: 1 },
  );
}

interface PauseOptions extends AskingOptions {
  readonly reason?: string;
}

export function pause(name: string, { reason, ...options }: PauseOptions): Promise<void> {
  const body = JSON.stringify({ reason });
  return ask(options, async (server) =>
    showAnswer(await found(server, name, 'POST', '/pause', body), options.json, typeLine),
  );
}

export function resume(name: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    showAnswer(await found(server, name, 'POST', '/resume'), options.json, typeLine),
  );
}

/** The type, once what was asked of it is done. */
async function found(
  server: Transport,
  name: string,
  method: 'GET' | 'POST' | 'PUT',
  action: string,
  body?: string,
): Promise<JobType> {
  try {
    return await server.send<JobType>(method, pathOf(name) + action, body === undefined ? {} : { body });
  } catch (error) {
    if (!(error instanceof EscapementError) || error.code !== 'not_found') throw error;
    throw new Error(`there is no job type ${name}; "escapement types list" shows those there are`);
  }
}
