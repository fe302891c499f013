/**
 * How far somebody has heard: the number of the latest event of each shard. Of a server of one shard that is a number; of several it is
 * written as a text, `0-17.0-4`: of each shard its epoch and its number.
 */

/** By shard. */
export type EventCursor = readonly number[];

/** Shards that stay with their process have one epoch. */
const onlyEpoch = 0;
const partForm = /^(\d{1,15})-(0|[1-9]\d{0,15})$/;

/** As clients are told it. */
export function formatCursor(cursor: EventCursor): string | number {
  const [only] = cursor;
  if (cursor.length === 1 && only !== undefined) return only;
  return cursor.map((seq) => `${onlyEpoch}-${seq}`).join('.');
}

/**
 * What a client says, as a cursor.
 *
 * @param said a number, or the text that it was told; 0 stands for the beginning
 * @param shards how many there are
 * @returns undefined when that is none of this server's
 */
export function readCursor(said: number | string, shards: number): EventCursor | undefined {
  if (said === 0 || said === '0') return new Array<number>(shards).fill(0);
  if (shards === 1) return typeof said === 'number' ? [said] : undefined;
  if (typeof said === 'number') return undefined;
  const parts = said.split('.').map((part) => partForm.exec(part));
  if (parts.length !== shards || parts.some((part) => part === null || Number(part[1]) !== onlyEpoch)) return undefined;
  return parts.map((part) => Number(part?.[2]));
}

/** The first shard that one cursor is before another in, from `first` on; undefined when it is in none. */
export function shardBehind(cursor: EventCursor, other: EventCursor, first = 0): number | undefined {
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
