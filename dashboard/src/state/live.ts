/**
 * What is live: one WebSocket a tab. Figures are asked for once a second; screens name the events that they want. A tab that is not looked
 * at rests.
 */
import { effect, signal } from '@preact/signals';
import type { EventFilter, EventPlace, Gap, JobEvent, Live, LiveState, Stats } from '../../../src/client/client.js';
import { client, useToken } from './session.js';

const askEveryMs = 1000;

export const connection = signal<LiveState>('connecting');
export const stats = signal<Stats | undefined>(undefined);
/** Per second, of the last second: what has ended. */
export const pace = signal<Readonly<Record<'started' | 'completed' | 'failed' | 'cancelled', number>> | undefined>(
  undefined,
);
/** Grows when something has changed on the server, or may have: what is shown is to be asked for again. */
export const changes = signal(0);
/** Grows when the connection is there again: what was asked for before may never be answered. */
export const returns = signal(0);
export const visible = signal(!document.hidden);
/** For relative times: Unix milliseconds, once a second. */
export const now = signal(Date.now());

interface Wanted {
  readonly filter: EventFilter;
  /** The last event that is known, at the time of the call. */
  readonly since?: () => EventPlace | undefined;
  readonly resume?: boolean;
  readonly onEvent: (event: JobEvent | Gap) => void;
  readonly onSubscribed?: (place: EventPlace) => void;
  readonly onError?: () => void;
}

let live: Live | undefined;
let wanted: Wanted | undefined;
let timer: ReturnType<typeof setInterval> | undefined;
let before: { readonly at: number; readonly stats: Stats } | undefined;

export function startLive(): void {
  live?.close();
  live = client.live({
    onEvent: (event) => wanted?.onEvent(event),
    onSubscribed: (place) => wanted?.onSubscribed?.(place),
    onError: () => wanted?.onError?.(),
    onStats: take,
    onState: (state, error) => {
      const back = state === 'open' && connection.value === 'lost';
      connection.value = state;
      if (state === 'open') live?.askStats();
      if (back) {
        returns.value += 1;
        changes.value += 1;
      }
      if (state === 'refused' && error?.status === 401) void useToken(undefined);
    },
  });
  connection.value = 'connecting';
  apply();
}

export function stopLive(): void {
  live?.close();
  live = undefined;
  stats.value = undefined;
}

/** Asks for events until the function that it returns is called. One screen asks at a time. */
export function listen(want: Wanted): () => void {
  wanted = want;
  apply();
  return () => {
    if (wanted !== want) return;
    wanted = undefined;
    apply();
  };
}

/** Some of the events after `since`, in place of all of them, for whoever listens now. */
export function look(since: EventPlace): void {
  if (visible.peek() && wanted) live?.look({ filter: wanted.filter, since });
}

/** No events come any more to whoever listens now. */
export function rest(): void {
  live?.subscribe(undefined);
}

export function connectNow(): void {
  live?.retry();
}

function apply(): void {
  live?.subscribe(
    visible.peek() && wanted ? { filter: wanted.filter, since: wanted.since?.(), resume: wanted.resume } : undefined,
  );
}

const ended = ['started', 'completed', 'failed', 'cancelled'] as const;

function take(given: Stats): void {
  const at = performance.now();
  const last = stats.peek();
  if (before && at - before.at >= askEveryMs / 2) {
    const seconds = (at - before.at) / 1000;
    const old = before.stats;
    const rate = (name: string): number => Math.max(0, (Number(given[name] ?? 0) - Number(old[name] ?? 0)) / seconds);
    pace.value = Object.fromEntries(ended.map((name) => [name, rate(name)])) as typeof pace.value;
  }
  before = { at, stats: given };
  stats.value = given;
  if (last === undefined || marks(last) !== marks(given)) changes.value += 1;
}

/** Where the server says the number of its last event, nothing else need be compared. */
const marks = (given: Stats): string =>
  String(given.last_event ?? [given.pending, given.running, ...ended.map((name) => given[name])]);

addEventListener('online', connectNow);
document.addEventListener('visibilitychange', () => {
  visible.value = !document.hidden;
  if (!visible.value) before = undefined;
  apply();
  if (!visible.value) return;
  connectNow();
  changes.value += 1;
});

effect(() => {
  clearInterval(timer);
  if (!visible.value) return;
  const tick = (): void => {
    now.value = Date.now();
    live?.askStats();
  };
  tick();
  timer = setInterval(tick, askEveryMs);
});
