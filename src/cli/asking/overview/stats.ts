/** What `escapement stats` does. */
import type { Stats } from '../../../client/types.js';
import type { AskingOptions } from '../../option.js';
import { ask, show } from '../connection.js';
import { grouped } from '../text.js';

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
