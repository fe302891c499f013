/** What `escapement events` does. */

import type { EventPlace } from '../../client/event-place.js';
import type { EventOf, EventType, Gap, TransientType } from '../../client/event-types.js';
import { events } from '../../client/events.js';
import type { Transport } from '../../client/transport.js';
import type { AskingOptions } from '../option.js';
import { print } from '../output.js';
import { ask } from './connection.js';
import { eventLine } from './job-text.js';

type AnyType = EventType | TransientType;

interface TailOptions extends AskingOptions {
  readonly type: readonly string[];
  readonly event: readonly string[];
  readonly job: readonly string[];
  readonly since?: EventPlace;
}

export function tail(options: TailOptions): Promise<void> {
  const { type, event, job, since, json } = options;
  const filter = {
    ...(type.length > 0 && { job_types: type }),
    ...(event.length > 0 && { event_types: event as AnyType[] }),
    ...(job.length > 0 && { job_ids: job }),
  };
  const run = async (server: Transport): Promise<void> => {
    // The stream connects again and again; where there is no server at all, this says so.
    await server.send('GET', '');
    for await (const one of events(server, filter, since === undefined ? {} : { since })) printEvent(one, json);
  };
  return ask(options, run, { job_types: '--type', event_types: '--event', job_ids: '--job', since: '--since' });
}

/** In one line, as JSON or in words. */
export function printEvent(event: EventOf<AnyType> | Gap, json: boolean | undefined): void {
  if (json) print(JSON.stringify(event));
  else if (event.type === 'gap') print(`events ${event.from} to ${event.to}${ofShard(event)} are not known any more`);
  else print(eventLine(event));
}

const ofShard = ({ shard }: Gap): string => (shard === undefined ? '' : ` of shard ${shard}`);
