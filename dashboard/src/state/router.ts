/** Screens lie behind the `#` of the address: `#/jobs?status=failed`. What is there is the state of a screen, so links and reloads keep it. */
import { computed, signal } from '@preact/signals';

export interface Place {
  /** `/jobs/job_1` */
  readonly path: string;
  readonly params: Readonly<Record<string, string>>;
}

function read(): Place {
  const [path = '', query = ''] = location.hash.replace(/^#/, '').split(/\?(.*)/s);
  return { path: path === '' ? '/' : path, params: Object.fromEntries(new URLSearchParams(query)) };
}

export const place = signal<Place>(read());
addEventListener('hashchange', () => {
  place.value = read();
});

/** The segments of the path, decoded. */
export const segments = computed(() => place.value.path.split('/').filter(Boolean).map(decoded));

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

type Values = Readonly<Record<string, string | undefined>>;

/** The address of a screen; what is undefined or empty is left out. */
export function href(path: string, params: Values = {}): string {
  const given = Object.entries(params).filter((entry): entry is [string, string] => (entry[1] ?? '') !== '');
  const query = new URLSearchParams(given).toString();
  return `#${path}${query === '' ? '' : `?${query}`}`;
}

export const jobHref = (id: string): string => href(`/jobs/${encodeURIComponent(id)}`);
export const typeHref = (name: string): string => href(`/types/${encodeURIComponent(name)}`);

export function go(path: string, params: Values = {}): void {
  location.hash = href(path, params);
}

/** Changes parameters of this screen, without a new entry in the history. */
export function setParams(change: Values): void {
  const { path, params } = place.value;
  history.replaceState(null, '', href(path, { ...params, ...change }));
  place.value = read();
}
