/** What `escapement jobs runs` does. */
import { type JobRun, runsOf } from '../../client/runs.js';
import type { AskingOptions } from '../option.js';
import { print } from '../output.js';
import { ask } from './connection.js';
import { table } from './text.js';

interface RunsOptions extends AskingOptions {
  readonly limit: number;
}

export function runs(id: string, { limit, ...options }: RunsOptions): Promise<void> {
  return ask(options, async (server) => {
    const all: JobRun[] = [];
    for await (const run of runsOf(server, `/jobs/${encodeURIComponent(id)}`)) {
      if (all.length === limit) break;
      all.push(run);
    }
    if (options.json) for (const run of all) print(JSON.stringify(run));
    else if (all.length === 0) process.stderr.write('it has not run yet\n');
    else print(table(['RUN', 'SCHEDULED FOR', 'ATTEMPT', 'OUTCOME', 'LATE', 'TOOK', 'ABOUT'], all.map(cells)));
  });
}

const ms = (value: number | undefined): string => (value === undefined ? '' : `${value}ms`);

function cells({ run, scheduled_for, attempt, outcome, lateness_ms, duration_ms, ...rest }: JobRun): string[] {
  return [
    String(run ?? ''),
    scheduled_for,
    String(attempt ?? ''),
    outcome,
    ms(lateness_ms),
    ms(duration_ms),
    remark(rest),
  ];
}

function remark({ count, last_scheduled_for: last, error, manual }: Partial<JobRun>): string {
  if (error) return error.message;
  if (count !== undefined && count > 1) return `${count} times, up to ${last}`;
  return manual ? 'asked for by hand' : '';
}
