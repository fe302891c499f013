/** What a screen asks the server for: shown at once from the last answer, asked again when something changed, at most once a second. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { EscapementError } from '../../../src/client/client.js';
import { changes, returns, visible } from './live.js';

export interface Loaded<T> {
  readonly data: T | undefined;
  readonly error: Error | undefined;
  /** The first answer is not there yet. */
  readonly loading: boolean;
  readonly reload: () => void;
}

export interface LoadOptions {
  /** Asked again when something on the server has changed; default true. */
  readonly live?: boolean;
  /** Asked again after so many milliseconds anyway. */
  readonly every?: number;
}

const leastMs = 1000;
/** An answer that took long is asked for more seldom: the server has other things to do. */
const restFactor = 10;

/**
 * @param key what is asked for: when it changes, what was shown is gone
 * @param ask undefined: nothing is asked
 */
export function useLoad<T>(
  key: string,
  ask: ((signal: AbortSignal) => Promise<T>) | undefined,
  { live = true, every }: LoadOptions = {},
): Loaded<T> {
  const [state, setState] = useState<{ key: string; data?: T; error?: Error }>({ key });
  const asking = useRef(ask);
  asking.current = ask;
  const again = useRef(() => {});
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let busy = false;
    let due = false;
    let restUntil = 0;
    let question = new AbortController();
    const run = async (): Promise<void> => {
      const current = asking.current;
      clearTimeout(timer);
      if (current === undefined || stop.signal.aborted) return;
      busy = true;
      due = false;
      const begun = performance.now();
      const { signal } = (question = new AbortController());
      try {
        const data = await current(signal);
        if (!signal.aborted) setState({ key, data });
      } catch (error) {
        if (!signal.aborted) setState((old) => ({ ...(old.key === key ? old : { key }), error: error as Error }));
      }
      // Another question is in its place.
      if (signal !== question.signal) return;
      busy = false;
      const took = performance.now() - begun;
      restUntil = performance.now() + Math.max(leastMs - took, took * restFactor, 0);
      if (due) request();
      else if (every !== undefined) timer = setTimeout(request, every);
    };
    const request = (): void => {
      due = true;
      if (busy || !visible.peek()) return;
      clearTimeout(timer);
      timer = setTimeout(run, Math.max(0, restUntil - performance.now()));
    };
    again.current = () => {
      restUntil = 0;
      request();
    };
    void run();
    let first = true;
    const off = changes.subscribe(() => {
      if (!first && (live || every !== undefined)) request();
      first = false;
    });
    let isBack = false;
    const offReturns = returns.subscribe(() => {
      if (isBack && busy) {
        question.abort();
        void run();
      }
      isBack = true;
    });
    return () => {
      stop.abort();
      question.abort();
      clearTimeout(timer);
      off();
      offReturns();
    };
  }, [key, live, every, ask === undefined]);
  const current = state.key === key ? state : undefined;
  return {
    data: current?.data,
    error: current?.error,
    loading: ask !== undefined && current?.data === undefined && current?.error === undefined,
    reload: () => again.current(),
  };
}

/** The server has no such thing: an older one, or one that was asked for what is gone. */
export const isAbsent = (error: unknown): boolean => error instanceof EscapementError && error.status === 404;
