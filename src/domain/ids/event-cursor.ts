/**
 * How far somebody has heard: the number of the latest event of each shard. Of a server of one shard that is a number; of several it is
 * written as a text, `0-17.5-4`: of each shard its timeline and its number. A shard has another timeline once it has lost commits: numbers
 * of two timelines do not stand for the same events.
 */

/** By shard. */
export type EventCursor = readonly number[];

/** What a client has heard. */
export interface Heard {
  readonly seqs: EventCursor;
  /** The timelines that it has heard them of; where its number is 0, nothing was heard of any. */
  readonly timelines: EventCursor;
}

const largestTimeline = 2 ** 31;
const partForm = /^(0|[1-9]\d{0,9})-(0|[1-9]\d{0,15})$/;

/** As clients are told it. */
export function formatCursor(cursor: EventCursor, timelines: EventCursor): string | number {
  const [only] = cursor;
  if (cursor.length === 1 && only !== undefined) return only;
  return cursor.map((seq, shard) => `${timelines[shard]}-${seq}`).join('.');
}

/**
 * What a client says, as a cursor.
 *
 * @param said a number, or the text that it was told; 0 stands for the beginning
 * @param shards how many there are
 * @returns undefined when that is none of this server's
 */
export function readCursor(said: number | string, shards: number): Heard | undefined {
  const zeros = new Array<number>(shards).fill(0);
  if (said === 0 || said === '0') return { seqs: zeros, timelines: zeros };
  if (shards === 1) return typeof said === 'number' ? { seqs: [said], timelines: zeros } : undefined;
  if (typeof said === 'number') return undefined;
  const parts = said.split('.').map((part) => partForm.exec(part));
  if (parts.length !== shards || parts.some((part) => part === null || Number(part[1]) >= largestTimeline))
    return undefined;
  return { seqs: parts.map((part) => Number(part?.[2])), timelines: parts.map((part) => Number(part?.[1])) };
}

/** The first shard that one cursor is before another in, from `first` on; undefined when it is in none. */
function shardBehind(cursor: EventCursor, other: EventCursor, first = 0): number | undefined {
  for (let i = 0; i < cursor.length; i++) {
    const shard = (first + i) % cursor.length;
    if ((cursor[shard] as number) < (other[shard] as number)) return shard;
  }
  return undefined;
}

/** The first shard that two cursors differ in, from `first` on; undefined when they are the same. */
export function shardElsewhere(cursor: EventCursor, other: EventCursor, first = 0): number | undefined {
  for (let i = 0; i < cursor.length; i++) {
    const shard = (first + i) % cursor.length;
    if (cursor[shard] !== other[shard]) return shard;
  }
  return undefined;
}

/** Whether a server that nobody shares its jobs with, and whose latest events these are, has never told this: its only timelines are 0. */
export function isElsewhere({ seqs, timelines }: Heard, latest: EventCursor): boolean {
  return shardBehind(latest, seqs) !== undefined || timelines.some((timeline) => timeline !== 0);
}
