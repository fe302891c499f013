/** The lines that handlers of a job have written. */

import type { LogLevel } from './event-types.js';
import type { Transport } from './transport.js';
import type { JsonObject } from './types.js';

export interface LogLine {
  readonly time: string;
  readonly level: LogLevel;
  /** The number of the attempt over the life of the job. */
  readonly run: number;
  readonly message: string;
  readonly fields: JsonObject;
}

/** Lines of one attempt only. */
export interface LogFilter {
  readonly run?: number;
}

interface LogPage {
  readonly items: readonly LogLine[];
  readonly dropped: number;
  readonly next_cursor?: string;
}

const pageLines = 1000;

/**
 * All that the server has kept, the oldest first, page by page as they are asked for.
 *
 * @param path of the job
 * @param onDropped is told how many lines are not there any more
 */
export async function* logsOf(
  transport: Transport,
  path: string,
  { run }: LogFilter = {},
  signal?: AbortSignal,
  onDropped: (count: number) => void = () => {},
): AsyncGenerator<LogLine, void, undefined> {
  const query = new URLSearchParams({ limit: String(pageLines) });
  if (run !== undefined) query.set('run', String(run));
  for (let isFirst = true; ; isFirst = false) {
    const page = await transport.send<LogPage>('GET', `${path}/logs?${query}`, { signal, repeatable: true });
    if (isFirst) onDropped(page.dropped);
    yield* page.items;
    if (page.next_cursor === undefined) return;
    query.set('cursor', page.next_cursor);
  }
}
