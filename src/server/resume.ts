/**
 * Resuming a subscription: what a listener missed is read from the event log and sent in order, some at a time, until it
 * has caught up; in that same turn it goes live, so that there is no gap and no double in between.
 */
import { Refusal } from '../domain/errors.js';
import type { JobEvent } from '../domain/events.js';
import { type Filter, matches } from '../domain/filter.js';
import { formatId } from '../domain/id.js';
import type { Queries } from '../store/queries-port.js';
import { renderEvent } from './render-event.js';

/** The connection as a resumption sees it. */
export interface Resuming {
  send(message: string): void;
  /** Bytes that wait to be read by the client. */
  backlog(): number;
  /** False once it is closed, or has subscribed anew. */
  wanted(): boolean;
  /** Everything up to now has been sent: from here on events come as they happen. */
  live(): void;
}

export interface History {
  readonly queries: Pick<Queries, 'eventsAfter'>;
  /** Number of the latest event that was published. */
  readonly latest: () => number;
  /** IANA name, for instants. */
  readonly timezone: string;
}

/** Events read in one turn: other work goes on in between. */
const perTurn = 1000;
/** A client that has more than this to read is waited for. */
const enoughBytes = 1024 * 1024;
const lookAgainMs = 20;

/** Sends the events after `since` that the filter lets through, then calls `live`. */
export function resume(history: History, filter: Filter, since: number, to: Resuming): void {
  let position = since;
  /** Read, and not sent yet. */
  let waiting: readonly JobEvent[] = [];
  const step = (): void => {
    if (!to.wanted()) return;
    if (waiting.length === 0 && !read()) return to.live();
    const upTo = history.latest();
    const sent = waiting.findIndex((event) => event.seq > upTo || !send(event));
    waiting = sent < 0 ? [] : waiting.slice(sent);
    if (position >= upTo) to.live();
    else if (waiting.length > 0) setTimeout(step, lookAgainMs);
    else setImmediate(step);
  };
  /** False when the log is damaged there: to a listener, what cannot be read is gone. It is told so, and goes on. */
  const read = (): boolean => {
    const found = eventsAfter(history, position);
    const end = found === undefined ? history.latest() : found.oldest - 1;
    if (end > position) {
      to.send(`{"type":"gap","from":${position + 1},"to":${end}}`);
      position = end;
    }
    waiting = found?.events ?? [];
    return found !== undefined;
  };
  /** False when the client has enough to read as it is. */
  const send = (event: JobEvent): boolean => {
    if (to.backlog() > enoughBytes) return false;
    position = event.seq;
    const id = formatId(event.jobSeq, event.idSeconds);
    if (matches(filter, event.jobName, event.body.type, id)) to.send(renderEvent(event, history.timezone));
    return true;
  };
  step();
}

/** Undefined when the log is damaged there. */
function eventsAfter({ queries }: History, position: number): ReturnType<Queries['eventsAfter']> | undefined {
  try {
    return queries.eventsAfter(position, perTurn);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
