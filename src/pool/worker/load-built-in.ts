/** Loading of a handler that belongs to the server: a module of its own, which makes the handler of settings. */
import type { BuiltIn } from '../shared/messages.js';
import type { Handler } from './handler.js';
import type { LoadedHandler } from './load-handlers.js';

/** What such a module exports. */
export interface BuiltInModule<Settings> {
  /** @param settings as the main thread has read them */
  readonly makeHandler: (settings: Settings) => Handler;
}

export async function loadBuiltIn({ name, module, settings, options }: BuiltIn): Promise<LoadedHandler> {
  const { makeHandler } = (await import(module)) as BuiltInModule<unknown>;
  return { name, file: name, options, run: makeHandler(settings) };
}
