/** What `escapement pause` and `escapement resume` do. */
import type { ServerPause } from '../../client/types.js';
import type { AskingOptions } from '../option.js';
import { ask, show } from './connection.js';

interface PauseOptions extends AskingOptions {
  readonly reason?: string;
}

export function pause({ reason, ...options }: PauseOptions): Promise<void> {
  const body = JSON.stringify({ reason });
  return ask(options, async (server) =>
    show(await server.send<ServerPause>('POST', '/pause', { body }), options.json, sentence),
  );
}

export function resume(options: AskingOptions): Promise<void> {
  return ask(options, async (server) =>
    show(await server.send<ServerPause>('POST', '/resume'), options.json, sentence),
  );
}

function sentence({ paused, since, reason }: ServerPause): string {
  if (!paused) return 'the server is not paused';
  return `the server is paused since ${since}${reason === undefined ? '' : `: ${reason}`}`;
}
