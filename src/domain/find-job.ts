import { parseId } from './id.js';
import type { Job } from './job.js';

const stretch = 0x1_0000_0000;

/**
 * The job that a public id names. An id holds the low 32 bits of the job's `seq`; the second in it tells apart jobs that
 * share them.
 * @param nextSeq no job has this `seq` or a larger one
 */
export function findById(id: string, nextSeq: number, lookup: (seq: number) => Job | undefined): Job | undefined {
  const parsed = parseId(id);
  if (!parsed) return undefined;
  for (let seq = parsed.low; seq < nextSeq; seq += stretch) {
    const job = seq > 0 ? lookup(seq) : undefined;
    if (job?.spec.idSeconds === parsed.idSeconds) return job;
  }
  return undefined;
}
