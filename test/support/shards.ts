/** How many shards the servers of tests have: `TEST_SHARDS=4 npm test -- conformance inputs model`. */
const wanted = process.env.TEST_SHARDS;
if (wanted !== undefined && !/^(1|2|4|8|16)$/.test(wanted)) throw new Error('TEST_SHARDS is 1, 2, 4, 8 or 16');

/** Default: one, as for users. */
export const testedShards = Number(wanted ?? 1);

/** Options of a test that is about something which only a server of one shard does. */
export function onlyOne(what: string): { skip?: string } {
  return testedShards === 1 ? {} : { skip: `${what} (TEST_SHARDS=${testedShards})` };
}
