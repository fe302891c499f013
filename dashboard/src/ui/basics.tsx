/** What all screens are made of. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { JobStatus } from '../../../src/client/client.js';
import { duration, instant, relative } from '../state/format.js';
import { now } from '../state/live.js';
import { Sign } from './icons.js';

export function Status({ of }: { readonly of: JobStatus | 'paused' }) {
  return (
    <span class={`status is-${of}`}>
      <Sign of={of} />
      {of}
    </span>
  );
}

/** An instant, as people say it; the exact one on hover. */
export function When({ at, exact = false }: { readonly at: string | undefined; readonly exact?: boolean }) {
  if (at === undefined) return <span class="faint">–</span>;
  const ms = Date.parse(at);
  return (
    <time dateTime={at} title={`${instant(ms)} (${at})`}>
      {exact ? instant(ms) : relative(ms, now.value)}
    </time>
  );
}

/** How long something has been going on. */
export function Since({ at }: { readonly at: string }) {
  const ms = Math.max(0, now.value - Date.parse(at));
  return (
    <time dateTime={at} title={instant(Date.parse(at))}>
      {duration(Math.floor(ms / 1000) * 1000)}
    </time>
  );
}

export function Copy({ text, what }: { readonly text: string; readonly what: string }) {
  const [done, setDone] = useState(false);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const copy = async (): Promise<void> => {
    await copyText(text);
    setDone(true);
    clearTimeout(timer.current);
    timer.current = setTimeout(() => setDone(false), 1500);
  };
  return (
    <button type="button" class="icon-button" onClick={copy} title={`Copy ${what}`} aria-label={`Copy ${what}`}>
      <Sign of={done ? 'check' : 'copy'} />
    </button>
  );
}

/** Pages that come over plain HTTP from another machine have no clipboard of their own. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard !== undefined) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

export function Panel(props: {
  readonly title: ComponentChildren;
  readonly side?: ComponentChildren;
  readonly children: ComponentChildren;
  readonly class?: string;
}) {
  return (
    <section class={`panel ${props.class ?? ''}`}>
      <header class="panel-head">
        <h2>{props.title}</h2>
        {props.side}
      </header>
      {props.children}
    </section>
  );
}

export function Screen(props: {
  readonly title: ComponentChildren;
  readonly side?: ComponentChildren;
  readonly below?: ComponentChildren;
  readonly children: ComponentChildren;
}) {
  return (
    <>
      <header class="screen-head">
        <h1>{props.title}</h1>
        <div class="screen-side">{props.side}</div>
        {props.below}
      </header>
      {props.children}
    </>
  );
}

/** Scrolls the current one of a line into view, where the line is wider than the page. @param current changes with it */
export function useInView(selector: string, current: unknown): void {
  useEffect(() => {
    // By itself: the page stays where it is, also when a phone hides its bars.
    const bring = (): void => {
      const one = document.querySelector(selector);
      const line = one?.parentElement;
      if (!one || !line) return;
      const [inner, outer] = [one.getBoundingClientRect(), line.getBoundingClientRect()];
      if (inner.left < outer.left || inner.right > outer.right)
        line.scrollLeft += (inner.left + inner.right - outer.left - outer.right) / 2;
    };
    bring();
    addEventListener('resize', bring);
    return () => removeEventListener('resize', bring);
  }, [current]);
}

export function Empty({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

export function Failed({ error, retry }: { readonly error: Error; readonly retry?: () => void }) {
  return (
    <div class="notice is-bad" role="alert">
      <Sign of="warn" />
      <p>{error.message}</p>
      {retry && (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

/** Holds the place of what is still to come, so that nothing jumps. */
export function Waiting({ lines = 3 }: { readonly lines?: number }) {
  return (
    <div class="waiting" role="status" aria-label="Loading">
      {Array.from({ length: lines }, (_, at) => (
        <span key={at} />
      ))}
    </div>
  );
}

/** A command line to copy. */
export function Shell({ text, what = 'the command' }: { readonly text: string; readonly what?: string }) {
  return (
    <div class="shell">
      <pre tabIndex={0} role="region" aria-label={what}>
        <code>{text}</code>
      </pre>
      <Copy text={text} what={what} />
    </div>
  );
}

export function Facts({ children }: { readonly children: ComponentChildren }) {
  return <dl class="facts">{children}</dl>;
}

export function Fact({ name, children }: { readonly name: string; readonly children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function Segments<Value extends string>(props: {
  readonly label: string;
  readonly value: Value;
  readonly options: readonly (readonly [value: Value, text: string])[];
  readonly onChange: (value: Value) => void;
}) {
  return (
    <div class="segments" role="group" aria-label={props.label}>
      {props.options.map(([value, text]) => (
        <button type="button" key={value} aria-pressed={value === props.value} onClick={() => props.onChange(value)}>
          {text}
        </button>
      ))}
    </div>
  );
}
