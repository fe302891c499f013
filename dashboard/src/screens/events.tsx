/** Events as they happen. Held, nothing is lost: what came meanwhile comes when it goes on. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Gap, JobEvent } from '../../../src/client/client.js';
import { listTypes } from '../state/api.js';
import { clockTime, count, instant } from '../state/format.js';
import { listen } from '../state/live.js';
import { useLoad } from '../state/load.js';
import { jobHref, place, setParams } from '../state/router.js';
import { Empty, Screen } from '../ui/basics.js';
import { Sign, type Sign as SignName } from '../ui/icons.js';

const mostKept = 500;
const drawEveryMs = 250;

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

export function EventsScreen() {
  const { params } = place.value;
  const [held, setHeld] = useState(false);
  const [events, setEvents] = useState<readonly (JobEvent | Gap)[]>([]);
  const [seen, setSeen] = useState(0);
  const last = useRef<number | undefined>(undefined);
  const types = useLoad('types of events', (signal) => listTypes(signal), { live: false });
  const filter = {
    ...(params.type && { job_types: [params.type] }),
    ...(params.event && { event_types: params.event.split(',') as never }),
    ...(params.job && { job_ids: [params.job] }),
  };
  const key = JSON.stringify(filter);
  useEffect(() => {
    if (held) return;
    let fresh: (JobEvent | Gap)[] = [];
    let came = 0;
    // Thousands a second are drawn a few times a second, the last of them.
    const timer = setInterval(() => {
      if (came === 0) return;
      const [drawn, number] = [fresh, came];
      fresh = [];
      came = 0;
      setSeen((old) => old + number);
      setEvents((old) => [...drawn.reverse(), ...old].slice(0, mostKept));
    }, drawEveryMs);
    const stop = listen({
      filter,
      since: last.current,
      resume: true,
      onEvent: (event) => {
        came += 1;
        last.current = event.type === 'gap' ? event.to : event.seq;
        fresh.push(event);
        if (fresh.length > mostKept * 2) fresh = fresh.slice(-mostKept);
      },
    });
    return () => {
      clearInterval(timer);
      stop();
      if (fresh.length > 0) setEvents((old) => [...fresh.reverse(), ...old].slice(0, mostKept));
    };
  }, [held, key]);
  useEffect(() => {
    last.current = undefined;
    setEvents([]);
    setSeen(0);
  }, [key]);
  return (
    <Screen
      title="Events"
      side={
        <button type="button" class={held ? 'button is-main' : 'button'} onClick={() => setHeld(!held)}>
          <Sign of={held ? 'play' : 'paused'} /> {held ? 'Go on' : 'Hold'}
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
          {types.data?.items.map(({ name }) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select
          aria-label="Event"
          value={params.event ?? ''}
          onChange={(event) => setParams({ event: event.currentTarget.value })}
        >
          <option value="">All events</option>
          {Object.keys(kinds).map((name) => (
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
        <span class="faint" role="status">
          {count(seen)} since this was opened{held && ', held'}
        </span>
      </div>
      {events.length === 0 ? (
        <Empty title={held ? 'Held' : 'Waiting for events'}>
          <p>
            What happens from now on comes here. Programs get the same from the WebSocket <code>/ws</code>.
          </p>
        </Empty>
      ) : (
        <ol class="tail">
          {events.map((event) => (
            <One key={event.type === 'gap' ? `gap ${event.from}` : event.seq} event={event} />
          ))}
        </ol>
      )}
    </Screen>
  );
}

function One({ event }: { readonly event: JobEvent | Gap }) {
  if (event.type === 'gap')
    return (
      <li class="tail-line is-gap">
        Events {count(event.from)} to {count(event.to)} are not known any more.
      </li>
    );
  const [sign, tone] = kinds[event.type] ?? ['events', 'pending'];
  const at = Date.parse(event.timestamp);
  const more = { ...event.metadata, ...event.data };
  return (
    <li class="tail-line" data-row>
      <time title={`${instant(at)} (${event.timestamp})`}>{clockTime(at)}</time>
      <span class={`tail-type is-${tone}`}>
        <Sign of={sign} /> {event.type.replace('job.', '')}
      </span>
      <a href={jobHref(event.job_id)} data-open title={event.job_id}>
        {event.job_name}
      </a>
      <span class="tail-more">{brief(more)}</span>
    </li>
  );
}

const brief = (value: object): string =>
  Object.entries(value)
    .map(([name, one]) => `${name} ${typeof one === 'string' ? one : JSON.stringify(one)}`)
    .join('  ')
    .slice(0, 300);
