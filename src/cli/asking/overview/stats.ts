/** What `escapement stats`, `history`, `system` and `metrics` do. */
import type { History, HistoryPoint, System } from '../../../client/overview.js';
import type { Stats } from '../../../client/types.js';
import type { AskingOptions, ServerOptions } from '../../option.js';
import { print } from '../../output.js';
import { ask, show } from '../connection.js';
import { fieldLines, flat, grouped, table } from '../text.js';

export function stats(options: AskingOptions): Promise<void> {
  return ask(options, async (server) => show(await server.send<Stats>('GET', '/stats'), options.json, figures));
}

/** Names to the left, numbers to the right. */
function figures(all: Stats): string {
  const rows = Object.entries(all).map(
    ([name, value]) => [name, typeof value === 'number' ? grouped(value) : value] as const,
  );
  const nameWidth = Math.max(...rows.map(([name]) => name.length));
  const valueWidth = Math.max(...rows.map(([, value]) => value.length));
  return rows.map(([name, value]) => `${name.padEnd(nameWidth)}  ${value.padStart(valueWidth)}`).join('\n');
}

interface HistoryOptions extends AskingOptions {
  readonly step: string;
  readonly from?: string;
  readonly to?: string;
}

export function history({ step, from, to, ...options }: HistoryOptions): Promise<void> {
  const query = new URLSearchParams({ step, ...(from !== undefined && { from }), ...(to !== undefined && { to }) });
  const inTable = ({ items }: History): string =>
    table(
      ['AT', 'CREATED', 'STARTED', 'SUCCEEDED', 'FAILED', 'PENDING', 'RUNNING', 'LATE P50', 'LATE P99'],
      items.map(stepRow),
      { numbersFrom: 1 },
    );
  return ask(
    options,
    async (server) => show(await server.send<History>('GET', `/history?${query}`), options.json, inTable),
    { step: '--step', from: '--from', to: '--to' },
  );
}

function stepRow({ at, lateness_p50_ms, lateness_p99_ms, ...counts }: HistoryPoint): string[] {
  const { created, started, succeeded, failed, pending, running } = counts;
  const lateness = [lateness_p50_ms, lateness_p99_ms].map((ms) => (ms === null ? '-' : `${ms} ms`));
  return [at, ...[created, started, succeeded, failed, pending, running].map(grouped), ...lateness];
}

export function system(options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    show(await server.send<System>('GET', '/system'), options.json, (all) => fieldLines(flat(all))),
  );
}

export function metrics(options: ServerOptions): Promise<void> {
  return ask(options, async (server) => print((await (await server.open('GET', '/metrics')).text()).trimEnd()));
}
