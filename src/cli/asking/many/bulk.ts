/** What `escapement bulk …` does. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Transport } from '../../../client/transport.js';
import type { Bulk } from '../../../client/types.js';
import { filterNames, filterOf } from '../../commands/many/filters.js';
import type { AskingOptions } from '../../option.js';
import { fail, startError } from '../../output.js';
import { ask, show as showAnswer } from '../connection.js';
import { ago, fieldLines, grouped, table } from '../text.js';

interface StartOptions extends AskingOptions {
  readonly all?: true;
  readonly change?: string;
  readonly dryRun?: true;
  readonly wait?: true;
}

const lookEveryMs = 250;
const pathOf = (id: string): string => `/bulk/${encodeURIComponent(id)}`;

export async function start(action: string, options: StartOptions & Readonly<Record<string, unknown>>): Promise<void> {
  const { all, change, dryRun, wait, json } = options;
  const given: Record<string, unknown> = { ...filterOf(options) };
  for (const flag of ['paused', 'is_repeat']) if (flag in given) given[flag] = given[flag] === 'true';
  if (all === undefined && Object.keys(given).length === 0) fail('say which jobs are meant, such as --tag x, or --all');
  const body = {
    action,
    filter: all ? { all, ...given } : given,
    change: change === undefined ? undefined : parsed(change),
    dry_run: dryRun,
  };
  const run = async (server: Transport): Promise<void> => {
    const made = await server.send<Bulk>('POST', '/bulk', { body: JSON.stringify(body) });
    if (dryRun) return showAnswer(made, json, ({ matched }) => `${grouped(matched)} jobs match`);
    if (wait === undefined) return showAnswer(made, json, bulkLine);
    const bulk = await ended(server, made);
    showAnswer(bulk, json, bulkLine);
    if (bulk.failed > 0 || bulk.status !== 'success') process.exitCode = startError;
  };
  await ask(options, run, { ...filterNames, action: 'the action', change: '--change' });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail('--change must be JSON, such as \'{"max_retries": 1}\'');
  }
}

async function ended(server: Transport, made: Bulk): Promise<Bulk> {
  let bulk = made;
  while (bulk.status === 'pending' || bulk.status === 'running') {
    await sleep(lookEveryMs);
    bulk = await server.send<Bulk>('GET', pathOf(made.id), { repeatable: true });
  }
  return bulk;
}

export function list({ limit, ...options }: AskingOptions & { readonly limit: number }): Promise<void> {
  return ask(options, async (server) =>
    showAnswer(
      await server.send<{ readonly items: readonly Bulk[] }>('GET', `/bulk?limit=${limit}`),
      options.json,
      ({ items }) => (items.length === 0 ? 'none yet' : bulkTable(items)),
    ),
  );
}

function bulkTable(items: readonly Bulk[]): string {
  const rows = items.map(({ id, action, status, created_at, matched, done, skipped, failed }) => [
    id,
    action,
    status,
    `${ago(created_at)} ago`,
    ...[matched, done, skipped, failed].map(grouped),
  ]);
  return table(['ID', 'ACTION', 'STATUS', 'CREATED', 'MATCHED', 'DONE', 'SKIPPED', 'FAILED'], rows, { numbersFrom: 4 });
}

export function show(id: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    showAnswer(await server.send<Bulk>('GET', pathOf(id)), options.json, fieldLines),
  );
}

export function cancel(id: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    showAnswer(await server.send<Bulk>('DELETE', pathOf(id)), options.json, bulkLine),
  );
}

/** The line begins with the id. */
function bulkLine({ id, action, status, matched, done, skipped, failed }: Bulk): string {
  const parts = [`${grouped(done)} of ${grouped(matched)} done`];
  if (skipped > 0) parts.push(`${grouped(skipped)} skipped`);
  if (failed > 0) parts.push(`${grouped(failed)} failed`);
  return `${id}  ${action}  ${status}  ${parts.join(', ')}`;
}
