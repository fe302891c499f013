/** Which rows of a long list are on the screen: only those are drawn, while the page scrolls as if all were there. */
import type { RefObject } from 'preact';
import { useLayoutEffect, useRef, useState } from 'preact/hooks';

export interface Range<Element extends HTMLElement> {
  /** Of what holds the rows. */
  readonly list: RefObject<Element | null>;
  readonly first: number;
  readonly last: number;
  /** Of a row, in pixels. */
  readonly height: number;
}

/** Rows that are drawn above and below the screen, so that scrolling shows no holes. */
const beyond = 5;

/**
 * @param isThere whether there is a list
 * @param rowPixels asked for again when the window changes
 */
export function useRange<Element extends HTMLElement>(isThere: boolean, rowPixels: () => number): Range<Element> {
  const list = useRef<Element>(null);
  const [rows, setRows] = useState({ first: 0, last: 0, height: rowPixels() });
  useLayoutEffect(() => {
    let frame = 0;
    const measure = (): void => {
      frame = 0;
      const top = list.current?.getBoundingClientRect().top ?? 0;
      const height = rowPixels();
      const first = Math.max(0, Math.floor(-top / height) - beyond);
      const last = Math.max(first, Math.ceil((innerHeight - top) / height) + beyond);
      setRows((old) =>
        old.first === first && old.last === last && old.height === height ? old : { first, last, height },
      );
    };
    const soon = (): void => {
      frame ||= requestAnimationFrame(measure);
    };
    measure();
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
    };
  }, [isThere]);
  return { list, ...rows };
}
