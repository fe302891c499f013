/** What `escapement types …` does. */
import type { JobType } from '../../client/types.js';
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
          type.handler === null
            ? `no handler; ${type.counts?.pending ?? 0} jobs wait for it`
            : (type.description ?? ''),
        ]),
      ),
    );
  });
}

export function show(name: string, options: AskingOptions): Promise<void> {
  return ask(options, async (server) => {
    const { items } = await server.send<TypeList>('GET', '/job-types');
    const type = items.find((each) => each.name === name);
    if (type === undefined)
      throw new Error(`there is no job type ${name}; "escapement types list" shows those there are`);
    showAnswer(type, options.json, fieldLines);
  });
}
