/**
 * Resuming a subscription: what a listener missed is read from the event log and sent in order, some at a time, until it
 * has caught up. In that same step it goes live, so no event is missed or sent twice.
 *
 * After a cut all resume at once, so the steps of all are done in turns.
 */

import { renderEvent } from '../../api/render-event.js';
import type { Past } from '../../cluster/events/past-elsewhere.js';
import { Refusal } from '../../domain/errors.js';
import type { JobEvent } from '../../domain/events.js';
import { type Filter, Matcher } from '../../domain/filter.js';
import { type EventCursor, formatCursor, type Heard, shardElsewhere } from '../../domain/ids/event-cursor.js';
import type { LogPlace, PastEvents, Queries } from '../../store/queries-port.js';
import type { Telemetry } from '../../telemetry/port.js';
import type { Turns } from '../bodies/turns.js';

/** The connection as a resumption sees it. */
export interface Resuming {
  /** @param resumeAt where whoever has heard this can resume */
  send(message: string, resumeAt?: number | string): void;
  /** What is sent meanwhile goes out together: a system call for each message costs more than all else. */
  together(step: () => void): void;
  /** Bytes that wait to be read by the client. */
  backlog(): number;
  /** False once it is closed, or has subscribed anew. */
  wanted(): boolean;
  /** Everything up to now has been sent: from here on events come as they happen. */
  live(): void;
}

/** Past events of shards of other nodes. */
export interface PastOfOthers {
  /** Undefined: the shard is here. */
  elsewhere(shard: number, seq: number): Promise<Past> | undefined;
  /** As its owner says, wherever that is. */
  after(shard: number, seq: number): Promise<Past>;
}

export interface History {
  readonly queries: Pick<Queries, 'eventsAfter'>;
  /** Absent: there are no other nodes. */
  readonly others?: PastOfOthers | undefined;
  /** Numbers of the latest events that were published. */
  readonly latest: () => EventCursor;
  /** What timelines these are of. */
  readonly timelines: () => EventCursor;
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

/** Sends the events after `since` that the filter lets through, shard by shard, then calls `live`. */
export function resume(history: History, filter: Filter, since: Heard, to: Resuming): void {
  const position = [...since.seqs];
  /** What the position is of. */
  const timelines = [...since.timelines];
  /** Where the looks ended, by shard. */
  const places: (LogPlace | undefined)[] = [];
  /** Whose events are read. */
  let shard = 0;
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
    const upTo = history.latest()[shard] as number;
    const timeline = history.timelines()[shard] as number;
    // Who has heard nothing may hear of any.
    if (position[shard] === 0) timelines[shard] = timeline;
    if (timelines[shard] !== timeline) return void checkTimeline();
    if ((position[shard] as number) > upTo) return void checkAhead();
    if (waiting.length === 0 && (position[shard] as number) < upTo) {
      const asked = history.others?.elsewhere(shard, position[shard] as number);
      if (asked !== undefined) return void asked.then(arrived);
      read();
    }
    const sent = waiting.findIndex((event) => event.seq > upTo || !send(event));
    waiting = sent < 0 ? [] : waiting.slice(sent);
    const isThrough = (position[shard] as number) >= upTo;
    if (!isThrough) return waiting.length > 0 ? void setTimeout(again, lookAgainMs) : again();
    const next =
      shardElsewhere(position, history.latest(), shard) ?? shardElsewhere(timelines, history.timelines(), shard);
    if (next === undefined) return to.live();
    // What is read, and not published yet, is read again if it comes to that.
    if (waiting.length > 0) places[shard] = undefined;
    waiting = [];
    shard = next;
    again();
  };
  /**
   * It has heard more of the shard than this node has. Either it was told by another node, and this one hears of it in a moment; or the
   * database has lost what it heard.
   */
  const checkAhead = async (): Promise<void> => {
    const heard = position[shard] as number;
    const past = await history.others?.after(shard, heard);
    if (past === undefined || past.last >= heard) return void setTimeout(again, lookAgainMs);
    if (!to.wanted()) return;
    position[shard] = past.last;
    gap(past.last + 1, heard);
    again();
  };
  /**
   * It has heard of another timeline of the shard than this node. Either this node hears of that in a moment; or the database has lost some
   * of what it heard, and what has the same numbers by now may be something else.
   */
  const checkTimeline = async (): Promise<void> => {
    const heard = position[shard] as number;
    const past = await history.others?.after(shard, heard);
    if (past === undefined || past.timeline === timelines[shard]) return void setTimeout(again, lookAgainMs);
    if (!to.wanted()) return;
    position[shard] = Math.min(heard, past.last);
    timelines[shard] = past.timeline;
    places[shard] = undefined;
    waiting = [];
    gap(Math.min(heard, past.last + 1), heard);
    again();
  };
  const arrived = (past: Past): void => {
    if (!to.wanted()) return;
    // The shard has no owner just now, or this node hears of the other timeline in a moment.
    if (past === undefined || past.timeline !== timelines[shard]) return void setTimeout(again, lookAgainMs);
    const before = position[shard];
    waiting = past.events;
    goneUpTo(past.oldest - 1);
    // Its owner may be behind what was heard of it here already.
    if (waiting.length > 0 || position[shard] !== before) again();
    else setTimeout(again, lookAgainMs);
  };
  const gap = (from: number, end: number): void => {
    const which = position.length === 1 ? '' : `,"shard":${shard},"cursor":"${formatCursor(position, timelines)}"`;
    to.send(`{"type":"gap","from":${from},"to":${end}${which}}`);
  };
  const goneUpTo = (end: number): void => {
    if (end <= (position[shard] as number)) return;
    const from = (position[shard] as number) + 1;
    position[shard] = end;
    gap(from, end);
  };
  /** Where the log is damaged, what cannot be read is gone to a listener. It is sent that, and goes on. */
  const read = (): void => {
    const from = position[shard] as number;
    const found = eventsAfter(history, from, places[shard], shard);
    goneUpTo(found === undefined ? (history.latest()[shard] as number) : found.oldest - 1);
    waiting = found?.events ?? [];
    places[shard] = found?.next ?? places[shard];
  };
  /** False when the client has enough to read as it is. */
  const send = (event: JobEvent): boolean => {
    if (to.backlog() > enoughBytes) return false;
    position[shard] = event.seq;
    matcher ??= new Matcher(filter);
    if (matcher.matches(event)) {
      to.send(renderEvent(event, history.timezone), formatCursor(position, timelines));
      sentNow += 1;
    }
    return true;
  };
  const again = (): void => history.turns.add(() => void (to.wanted() && to.together(step)));
  again();
}

/** Undefined when the log is damaged there. */
function eventsAfter(
  { queries }: History,
  position: number,
  place: LogPlace | undefined,
  shard: number,
): PastEvents | undefined {
  try {
    return queries.eventsAfter(position, perStep, place, shard);
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
