/** What `escapement types …` does. */
import { EscapementError } from '../../client/errors.js';
import type { Group, JobType } from '../../client/job-types.js';
import type { Transport } from '../../client/transport.js';
import type { AskingOptions } from '../option.js';
import { ask, show as showAnswer } from './connection.js';
import { fieldLines, table } from './text.js';

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
  return ask(options, async (server) => showAnswer(await found(server, name, 'GET', ''), options.json, fieldLines));
}

interface SetOptions extends AskingOptions {
  readonly concurrency?: number | null;
  readonly groupConcurrency?: number | null;
  readonly rate?: string;
}

export function set(name: string, { concurrency, groupConcurrency, rate, ...options }: SetOptions): Promise<void> {
  const change = { concurrency, group_concurrency: groupConcurrency, rate: rate === 'none' ? null : rate };
  return ask(options, async (server) => {
    if (Object.values(change).every((value) => value === undefined))
      throw new Error('there is nothing to set: give --concurrency, --group-concurrency or --rate');
    showAnswer(await found(server, name, 'PUT', '', JSON.stringify(change)), options.json, fieldLines);
  });
}

interface GroupList {
  readonly items: readonly Group[];
}

export function groups(name: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) => {
    const query = new URLSearchParams({ name, limit: '100' });
    showAnswer(await server.send<GroupList>('GET', `/groups?${query}`), options.json, ({ items }) =>
      table(
        ['GROUP', 'PENDING', 'DUE', 'RUNNING'],
        items.map(({ group, pending, due, running }) => [group, String(pending), String(due), String(running)]),
        { numbersFrom: 1 },
      ),
    );
  });
}

interface PauseOptions extends AskingOptions {
  readonly reason?: string;
}

export function pause(name: string, { reason, ...options }: PauseOptions): Promise<void> {
  const body = JSON.stringify({ reason });
  return ask(options, async (server) =>
    showAnswer(await found(server, name, 'POST', '/pause', body), options.json, fieldLines),
  );
}

export function resume(name: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    showAnswer(await found(server, name, 'POST', '/resume'), options.json, fieldLines),
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
