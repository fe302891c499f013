/**
 * Resuming a subscription: what a listener missed is read from the event log and sent in order, some at a time, until it
 * has caught up. In that same step it goes live, so no event is missed or sent twice.
 *
 * After a cut all resume at once, so the steps of all are done in turns.
 */

import { renderEvent } from '../../api/render-event.js';
import { Refusal } from '../../domain/errors.js';
import type { JobEvent } from '../../domain/events.js';
import { type Filter, Matcher } from '../../domain/filter.js';
import type { LogPlace, PastEvents, Queries } from '../../store/queries-port.js';
import type { Telemetry } from '../../telemetry/port.js';
import type { Turns } from '../bodies/turns.js';

/** The connection as a resumption sees it. */
export interface Resuming {
  /** @param seq of the event that the message tells of */
  send(message: string, seq?: number): void;
  /** What is sent meanwhile goes out together: a system call for each message costs more than all else. */
  together(step: () => void): void;
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
  /** Of all who resume. */
  readonly turns: Turns;
  readonly telemetry: Pick<Telemetry, 'eventsResumed'>;
}

/** Events in one step: about a millisecond of work. */
const perStep = 250;
/** A client that has more than this to read is waited for. */
const enoughBytes = 1024 * 1024;
const lookAgainMs = 20;

/** Sends the events after `since` that the filter lets through, then calls `live`. */
export function resume(history: History, filter: Filter, since: number, to: Resuming): void {
  let position = since;
  let place: LogPlace | undefined;
  /** Made in a step, since a thousand ids take their time, too. */
  let matcher: Matcher | undefined;
  /** Read, and not sent yet. */
  let waiting: readonly JobEvent[] = [];
  let sentNow = 0;
  const step = (): void => {
    sentNow = 0;
    work();
    if (sentNow > 0) history.telemetry.eventsResumed(sentNow);
  };
  const work = (): void => {
    if (waiting.length === 0 && !read()) return to.live();
    const upTo = history.latest();
    const sent = waiting.findIndex((event) => event.seq > upTo || !send(event));
    waiting = sent < 0 ? [] : waiting.slice(sent);
    if (position >= upTo) to.live();
    else if (waiting.length > 0) setTimeout(again, lookAgainMs);
    else again();
  };
  /** False when the log is damaged there: to a listener, what cannot be read is gone. It is sent that, and goes on. */
  const read = (): boolean => {
    const found = eventsAfter(history, position, place);
    const end = found === undefined ? history.latest() : found.oldest - 1;
    if (end > position) {
      to.send(`{"type":"gap","from":${position + 1},"to":${end}}`);
      position = end;
    }
    waiting = found?.events ?? [];
    place = found?.next ?? place;
    return found !== undefined;
  };
  /** False when the client has enough to read as it is. */
  const send = (event: JobEvent): boolean => {
    if (to.backlog() > enoughBytes) return false;
    position = event.seq;
    matcher ??= new Matcher(filter);
    if (matcher.matches(event)) {
      to.send(renderEvent(event, history.timezone), event.seq);
      sentNow += 1;
    }
    return true;
  };
  const again = (): void => history.turns.add(() => void (to.wanted() && to.together(step)));
  again();
}

/** Undefined when the log is damaged there. */
function eventsAfter({ queries }: History, position: number, place: LogPlace | undefined): PastEvents | undefined {
  try {
    return queries.eventsAfter(position, perStep, place);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
