/**
 * Histories of a database that has lost what it had committed during some time: all that was acknowledged then is not promised any more.
 * What is there afterwards must hold all the same, and subscribers must be told where their events do not go on.
 */
import type { Heard, Line } from './lines.js';

/** Between which instants the loss is, on the clock of the lines: from the last that is kept until all have noticed it. */
export interface Loss {
  readonly from: number;
  readonly to: number;
}

/**
 * The history without what the loss may have taken: what was asked for then has an unknown end, and what was seen then was perhaps never
 * so. Subscribers begin anew behind it.
 */
export function withoutLost(lines: readonly Line[], { from, to }: Loss): Line[] {
  return lines.flatMap((line) => {
    const isWithin = line.at >= from && line.at <= to;
    if (isWithin && (line.line === 'told' || line.line === 'heard' || line.line === 'began')) return [];
    if (line.line !== 'heard' || line.at < from) return [line];
    // That it is told of is what `eventsNotTold` looks at.
    if (line.message.type === 'gap') return [];
    return [{ ...line, subscriber: `${line.subscriber}, after the loss` }];
  });
}

interface GapMessage {
  readonly shard?: number;
  readonly from?: number;
  readonly to?: number;
}

/** Places where a subscriber heard events that do not follow each other, and was not told of a gap, a sentence each. */
export function eventsNotTold(lines: readonly Line[]): string[] {
  const found: string[] = [];
  /** Of a subscriber and a shard: the last event, and where it may go on because of a gap. */
  const places = new Map<string, { last?: number; afterGap: boolean }>();
  const heard = lines.filter((line): line is Heard => line.line === 'heard').sort((a, b) => a.at - b.at);
  for (const { subscriber, message } of heard) {
    const { type, seq, shard = 0 } = message;
    const key = `${subscriber} ${(message as GapMessage).shard ?? shard}`;
    const place = places.get(key) ?? { afterGap: false };
    places.set(key, place);
    if (type === 'gap') place.afterGap = true;
    if (!type.startsWith('job.') || seq === undefined) continue;
    if (place.last !== undefined && seq !== place.last + 1 && !place.afterGap)
      found.push(`${subscriber} heard event ${seq} of shard ${shard} after event ${place.last}, and of no gap`);
    place.last = seq;
    place.afterGap = false;
  }
  return found;
}
