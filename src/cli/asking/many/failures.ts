/** What `escapement failures` does. */
import type { Failure } from '../../../client/types.js';
import type { AskingOptions } from '../../option.js';
import { ask, show } from '../connection.js';
import { ago, grouped, table } from '../text.js';

interface FailuresOptions extends AskingOptions {
  readonly type?: string;
  readonly limit: number;
}

interface FailurePage {
  readonly total: number;
  readonly items: readonly Failure[];
}

export function failures({ type, limit, ...options }: FailuresOptions): Promise<void> {
  const query = new URLSearchParams({ limit: String(limit), ...(type !== undefined && { name: type }) });
  return ask(
    options,
    async (server) => show(await server.send<FailurePage>('GET', `/failures?${query}`), options.json, failureTable),
    { name: '--type' },
  );
}

function failureTable({ items }: FailurePage): string {
  if (items.length === 0) return 'no failed jobs';
  const rows = items.map(({ count, name, error_group, last_at, job_id, message }) => [
    grouped(count),
    name,
    error_group,
    `${ago(last_at)} ago`,
    job_id,
    message,
  ]);
  return table(['COUNT', 'TYPE', 'GROUP', 'LAST', 'LATEST JOB', 'MESSAGE'], rows);
}
