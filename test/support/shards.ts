import { testedNodes } from './tested-nodes.js';

/** How many shards the servers of tests have: `TEST_SHARDS=4 npm test -- conformance inputs model`. */
const wanted = process.env.TEST_SHARDS;
if (wanted !== undefined && !/^(1|2|4|8|16)$/.test(wanted)) throw new Error('TEST_SHARDS is 1, 2, 4, 8 or 16');

/** Default: one, as for users. */
export const testedShards = Number(wanted ?? 1);

/** All jobs are in one shard, and so in the order of their making. */
export const hasOneShard = testedShards === 1 && testedNodes === undefined;

/** Options of a test that is about something which only a server of one shard does; a cluster has several. */
export function onlyOne(what: string): { skip?: string } {
  if (testedNodes !== undefined) return { skip: `${what} (TEST_NODES=${testedNodes})` };
  return testedShards === 1 ? {} : { skip: `${what} (TEST_SHARDS=${testedShards})` };
}

/** Options of a test that is about something which only a server with a data directory of its own does. */
export function onlyAlone(what: string): { skip?: string } {
  return testedNodes === undefined ? {} : { skip: `${what} (TEST_NODES=${testedNodes})` };
}

/** Numbers of events, by shard. */
export type Place = readonly number[];

/** What `subscribed` says, or what a subscriber may say it has heard: a number, or the text of a cursor. */
export function readPlace(said: unknown): Place {
  if (typeof said === 'number') return [said];
  return String(said)
    .split('.')
    .map((part) => Number(part.split('-')[1]));
}

interface Numbered {
  readonly seq?: unknown;
  readonly shard?: unknown;
}

/** Each event by its number in its shard: `1:17`. */
export const nameOf = ({ seq, shard = 0 }: Numbered): string => `${shard}:${seq}`;

/** What is wrong with the numbers of events behind a place: a gap, a double, an order. Undefined when nothing is. */
export function faultIn(events: readonly Numbered[], from: Place): string | undefined {
  const last = [...from];
  for (const event of events) {
    const shard = Number(event.shard ?? 0);
    const expected = (last[shard] ?? Number.NaN) + 1;
    if (event.seq !== expected) return `${nameOf(event)} where ${shard}:${expected} was to come`;
    last[shard] = expected;
  }
  return undefined;
}
