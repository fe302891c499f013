/** Filters of jobs as queries. */
import type { JobFilter, ListFilter } from './types.js';

/** The parameters of a list. */
export function queryOf(filter: ListFilter): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(plain(filter))) query.set(name, String(value));
  return query;
}

/** A filter as the server takes it: a `Date` as text. Lists become texts with commas in a query. */
export function plain(filter: JobFilter): Record<string, unknown> {
  const given = Object.entries(filter).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]));
}
