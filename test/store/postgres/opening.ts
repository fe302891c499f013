/** Opens a store in PostgreSQL for a test, and closes it with the test. */
import type { Test } from 'tap';
import type { Logger } from '../../../src/log.js';
import { type OpenedDatabase, type OpenOptions, openPostgres } from '../../../src/store/postgres/pg/open.js';

export const testNode = 'a'.repeat(32);

/** A log that keeps its messages, and tells when there is another. */
export function keepLog(): Logger & { readonly messages: string[]; said(pattern: RegExp): Promise<void> } {
  const messages: string[] = [];
  let wake = (): void => {};
  const keep = (fields: object | string, message?: string): void => {
    messages.push(message ?? String(fields));
    wake();
  };
  const said = async (pattern: RegExp): Promise<void> => {
    while (!messages.some((message) => pattern.test(message)))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { debug: keep, info: keep, warn: keep, error: keep, messages, said };
}

export async function openTest(t: Test, options: { url: string } & Partial<OpenOptions>): Promise<OpenedDatabase> {
  const opened = await openPostgres({ node: testNode, shards: 4, format: 6, log: keepLog(), retryMs: 10, ...options });
  t.teardown(() => opened.close());
  return opened;
}
