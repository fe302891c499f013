/** Who asks: the token, which is kept as long as the tab, and what the server lets it do. */
import { computed, signal } from '@preact/signals';
import { Escapement, EscapementError } from '../../../src/client/client.js';

const key = 'escapement.token';
/** Where the page is, and so the server: it may be below a path of a proxy's. */
export const root = new URL('.', document.baseURI).href.replace(/\/$/, '');

interface Index {
  readonly version: string;
  readonly access: 'full' | 'read';
  readonly links: Readonly<Record<string, string>>;
}

export type Entry =
  | { readonly state: 'entering' }
  | { readonly state: 'token'; readonly refused: boolean }
  | { readonly state: 'unreachable'; readonly error: Error }
  | { readonly state: 'in'; readonly index: Index };

export const entry = signal<Entry>({ state: 'entering' });
export let client = make(stored());

/** With it, what changes something is shown. */
export const mayAct = computed(() => entry.value.state === 'in' && entry.value.index.access === 'full');
export const version = computed(() => (entry.value.state === 'in' ? entry.value.index.version : ''));

/** Whether the server has a resource. @param name its path, `-` and `/` as `_` */
export function has(name: string): boolean {
  return entry.value.state === 'in' && name in entry.value.index.links;
}

function make(token: string | undefined): Escapement {
  return new Escapement({ url: root, retryFor: 0, batch: false, ...(token !== undefined && { token }) });
}

function stored(): string | undefined {
  try {
    return sessionStorage.getItem(key) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Asks the server what it is. */
export async function enter(): Promise<void> {
  try {
    entry.value = { state: 'in', index: await client.request<Index>('GET', '') };
  } catch (error) {
    if (error instanceof EscapementError && error.code === 'unauthorized')
      entry.value = { state: 'token', refused: stored() !== undefined };
    else entry.value = { state: 'unreachable', error: error as Error };
  }
}

export function useToken(token: string | undefined): Promise<void> {
  try {
    if (token === undefined) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, token);
  } catch {
    // A browser that keeps nothing asks again after a reload.
  }
  client = make(token);
  return enter();
}

export const hasToken = (): boolean => stored() !== undefined;
