/** Filters of jobs as queries, and lists that are read page by page. */
import type { Transport } from './transport.js';

/** The parameters of a list, or of another question. */
export function queryOf(filter: object): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(plain(filter))) query.set(name, String(value));
  return query;
}

/** A filter as the server takes it: a `Date` as text. Lists become texts with commas in a query. */
export function plain(filter: object): Record<string, unknown> {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]));
}

/** Of a page: the most that the server gives. */
const pageItems = 100;

/** All items of a list, page by page as they are asked for. */
export async function* pages<Item>(
  transport: Transport,
  path: string,
  query: URLSearchParams,
  { signal }: { readonly signal?: AbortSignal | undefined },
): AsyncGenerator<Item, void, undefined> {
  query.set('limit', String(pageItems));
  for (;;) {
    const options = { signal, repeatable: true };
    const page = await transport.send<{ items: Item[]; next_cursor?: string }>('GET', `${path}?${query}`, options);
    yield* page.items;
    if (page.next_cursor === undefined) return;
    query.set('cursor', page.next_cursor);
  }
}
