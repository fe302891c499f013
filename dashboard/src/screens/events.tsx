/** Events as they happen: see `Tail` for which of them. Held, nothing is lost: what came meanwhile comes when it goes on. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { EventFilter } from '../../../src/client/client.js';
import { listTypes } from '../state/api.js';
import { clockTime, count, instant } from '../state/format.js';
import { useLoad } from '../state/load.js';
import { jobHref, place, setParams } from '../state/router.js';
import { type Line, mostPerSecond, Tail, type View } from '../state/tail.js';
import { Empty, Screen } from '../ui/basics.js';
import { Sign, type Sign as SignName } from '../ui/icons.js';
import { useRange } from '../ui/range.js';
import { withValue } from './filters.js';

/** Often enough to look alive, seldom enough to be read. */
const drawEveryMs = 100;
const rowPixels = (): number => 25;

const kinds: Readonly<Record<string, readonly [sign: SignName, tone: string]>> = {
  'job.scheduled': ['pending', 'pending'],
  'job.updated': ['edit', 'pending'],
  'job.started': ['play', 'running'],
  'job.completed': ['success', 'success'],
  'job.failed': ['failed', 'failed'],
  'job.retrying': ['retry', 'retried'],
  'job.cancelled': ['cancelled', 'cancelled'],
  'job.paused': ['paused', 'paused'],
  'job.resumed': ['play', 'paused'],
};

/** What a tail has, taken from it at most once in a while, and in a frame. */
function useTail(filter: EventFilter): { readonly tail: Tail | undefined; readonly view: View | undefined } {
  const tail = useRef<Tail>(undefined);
  const [view, setView] = useState<View>();
  useEffect(() => {
    let frame = 0;
    let drawnAt = 0;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const inFrame = (): void => {
      timer = undefined;
      drawnAt = performance.now();
      setView(made.view);
    };
    const soon = (): void => {
      timer ??= setTimeout(
        () => {
          frame = requestAnimationFrame(inFrame);
        },
        Math.max(0, drawnAt + drawEveryMs - performance.now()),
      );
    };
    const made = new Tail(filter, soon);
    tail.current = made;
    setView(made.view);
    return () => {
      made.close();
      clearTimeout(timer);
      cancelAnimationFrame(frame);
    };
  }, [JSON.stringify(filter)]);
  return { tail: tail.current, view };
}

export function EventsScreen() {
  const { params } = place.value;
  const filter = {
    ...(params.type && { job_types: [params.type] }),
    ...(params.event && { event_types: params.event.split(',') as never }),
    ...(params.job && { job_ids: [params.job] }),
  };
  const { tail, view } = useTail(filter);
  const isHeld = view?.mode === 'held';
  const types = useLoad('types of events', (signal) => listTypes(signal), { live: false });
  return (
    <Screen
      title="Events"
      side={
        <button
          type="button"
          class={isHeld ? 'button is-main' : 'button'}
          onClick={() => (isHeld ? tail?.goOn() : tail?.hold())}
        >
          <Sign of={isHeld ? 'play' : 'paused'} /> {isHeld ? 'Go on' : 'Hold'}
        </button>
      }
    >
      <div class="filters">
        <select
          aria-label="Type"
          value={params.type ?? ''}
          onChange={(event) => setParams({ type: event.currentTarget.value })}
        >
          <option value="">All types</option>
          {withValue(types.data?.items.map(({ name }) => name) ?? [], params.type).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select
          aria-label="Event"
          value={params.event ?? ''}
          onChange={(event) => setParams({ event: event.currentTarget.value })}
        >
          <option value="">All events</option>
          {withValue(Object.keys(kinds), params.event).map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <input
          class="mono filter-id"
          aria-label="Id of a job"
          placeholder="Id of a job"
          value={params.job ?? ''}
          onChange={(event) => setParams({ job: event.currentTarget.value.trim() })}
        />
        {view && <Counts view={view} isFiltered={Object.keys(filter).length > 0} />}
      </div>
      {view?.mode === 'some' && (
        <div class="notice" role="status">
          <Sign of="events" />
          <p>
            More than {count(mostPerSecond)} events a second: a few of each second are shown. Filters narrow them down.
          </p>
        </div>
      )}
      {view && <Lines view={view} />}
    </Screen>
  );
}

function Counts({ view, isFiltered }: { readonly view: View; readonly isFiltered: boolean }) {
  const { taken, leftOut, waiting } = view;
  return (
    <span class="faint tail-counts">
      {count(taken)} since this was opened
      {leftOut > 0 && (
        <span title={isFiltered ? 'Events of all kinds: how many of them match is not known.' : undefined}>
          , {isFiltered && 'up to '}
          {count(leftOut)} left out
        </span>
      )}
      {view.mode === 'held' &&
        `, held${waiting > 0 ? `, ${isFiltered ? 'up to ' : ''}${count(waiting)} more came` : ''}`}
    </span>
  );
}

/** While somebody reads them, by scrolling down or by keyboard, they stay where they are. */
function Lines({ view }: { readonly view: View }) {
  const kept = useRef<View>(undefined);
  const { list, first, last, height } = useRange<HTMLOListElement>(view.lines.length > 0, rowPixels);
  const isRead = first > 0 || list.current?.contains(document.activeElement) === true;
  if (!isRead || kept.current === undefined) kept.current = view;
  const { lines, taken } = kept.current;
  if (lines.length === 0)
    return (
      <Empty title={view.mode === 'held' ? 'Held' : 'Waiting for events'}>
        <p>
          What happens from now on comes here. Programs get the same from the WebSocket <code>/ws</code>.
        </p>
      </Empty>
    );
  const size = last - first + 1;
  const rows: preact.ComponentChild[] = [];
  for (let at = first; at <= Math.min(last, lines.length - 1); at++)
    // The elements of a line are used again for another one.
    rows.push(<One key={at % size} line={lines[lines.length - 1 - at] as Line} at={at} top={at * height} />);
  const backToTop = (): void => {
    (document.activeElement as HTMLElement | null)?.blur();
    scrollTo(0, 0);
  };
  return (
    <>
      {view.taken > taken && (
        <button type="button" class="button tail-newer" onClick={backToTop}>
          {count(view.taken - taken)} newer
        </button>
      )}
      <ol class="tail" ref={list} style={{ height: `${lines.length * height}px` }}>
        {rows}
      </ol>
    </>
  );
}

function One({ line, at, top }: { readonly line: Line; readonly at: number; readonly top: number }) {
  const place = {
    style: { transform: `translateY(${top}px)` },
    'aria-posinset': at + 1,
    'aria-setsize': -1,
  };
  if (!('job_id' in line))
    return (
      <li class="tail-line is-gap" {...place}>
        {line.type === 'gap'
          ? `Events ${count(line.from)} to ${count(line.to)} are not known any more.`
          : `${count(line.from)} to ${count(line.to)}: ${count(line.count)} left out.`}
      </li>
    );
  const [sign, tone] = kinds[line.type] ?? ['events', 'pending'];
  const when = Date.parse(line.timestamp);
  return (
    <li class="tail-line" data-row {...place}>
      <time title={`${instant(when)} (${line.timestamp})`}>{clockTime(when)}</time>
      <span class={`tail-type is-${tone}`}>
        <Sign of={sign} /> {line.type.replace('job.', '')}
      </span>
      <a href={jobHref(line.job_id)} data-open title={line.job_id}>
        {line.job_name}
      </a>
      <span class="tail-more">{brief({ ...line.metadata, ...line.data })}</span>
    </li>
  );
}

const brief = (value: object): string =>
  Object.entries(value)
    .map(([name, one]) => `${name} ${typeof one === 'string' ? one : JSON.stringify(one)}`)
    .join('  ')
    .slice(0, 300);
