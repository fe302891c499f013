/**
 * What a start looks at beside checksums. Where pages of the data file are damaged, LMDB may lose entries without a word:
 * so what there is in number is held against what was counted. Nothing here reads more than a start reads anyway, or keys.
 */

import { seqOfKey } from '../format/layout.js';
import type { TypeDictionary } from '../format/type-dictionary.js';
import type { KvReader } from '../kv/kv.js';
import type { LogSource } from '../log/record-log.js';
import { type Counters, DamagedRecord } from '../port.js';
import type { JobSets } from '../trees/job-sets.js';

/** @throws DamagedRecord when the log has lost its beginning or its end */
export function checkLogEnds(log: LogSource, markPosition: number): void {
  const { first, last } = log.ends() ?? { first: 1, last: 0 };
  // Positions follow each other, so the ends tell how many there are.
  if (last - first + 1 !== log.size()) throw new DamagedRecord('the log', 'has lost records');
  if (last < markPosition) throw new DamagedRecord(`log record ${markPosition}`, 'is missing');
}

/**
 * @param sets as they are with all that the log has
 * @param setsRead how many were read from the trees
 * @throws DamagedRecord
 */
export function checkIndexes(
  kv: KvReader,
  {
    sets,
    setsRead,
    types,
    counters,
  }: {
    readonly sets: JobSets;
    readonly setsRead: number;
    readonly types: TypeDictionary;
    readonly counters: Counters;
  },
): void {
  if (setsRead !== kv.size('bitmaps') || !sets.agree(counters.jobs))
    throw new DamagedRecord('the sets of jobs', 'are not complete');
  if (sets.types > types.size) throw new DamagedRecord('the list of job types', 'is not complete');
  if (count(kv.keys('due', {})) !== kv.size('due')) throw new DamagedRecord('the due index', 'is not complete');
  const [lastSpec] = kv.keys('specs', { reverse: true, limit: 1 });
  if (lastSpec && seqOfKey(lastSpec) >= counters.nextSeq)
    throw new DamagedRecord('the log', 'lacks jobs that were made');
}

function count(items: Iterable<unknown>): number {
  let count = 0;
  for (const _ of items) count++;
  return count;
}
