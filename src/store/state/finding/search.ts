/** Jobs whose payload, result or last error has a text in it: they are read one after the other, for a while, in steps of about a millisecond. */
import type { Job } from '../../../domain/job.js';
import type { SearchPage, SearchQuery } from '../../queries-port.js';
import type { Found } from './matching.js';

/** How long one request looks, and one step of it. */
const budgetMs = { request: 100, step: 1 } as const;
/** Jobs that are taken from the candidates at once. */
const taken = 256;

/** Looks through the candidates, which are disposed of at the end. */
export function* search(
  found: Found,
  read: (seq: number) => Job | undefined,
  { text, descending, limit, behind, now }: SearchQuery,
): Generator<undefined, SearchPage> {
  const has = containing(text);
  const jobs: Job[] = [];
  const begun = now();
  let stepBegun = begun;
  let scanned = 0;
  let last = behind;
  try {
    for (;;) {
      const seqs = found.page({ newest: descending, behind: last?.seq, offset: 0, limit: taken });
      for (const seq of seqs) {
        const at = now();
        const isOver = at - begun >= budgetMs.request && scanned > 0;
        if (jobs.length === limit || isOver) return { jobs, scanned, ...(last && { next: last }) };
        if (at - stepBegun >= budgetMs.step) {
          yield;
          stepBegun = now();
        }
        const job = read(seq);
        scanned++;
        last = { seq };
        if (job && has(job)) jobs.push(job);
      }
      if (seqs.length < taken) return { jobs, scanned };
    }
  } finally {
    found.dispose();
  }
}

/** Case is ignored. Payload and result are JSON, so a text with quotation marks in it is also looked for as JSON has it. */
export function containing(text: string): (job: Job) => boolean {
  const lower = text.toLowerCase();
  const asJson = JSON.stringify(text).slice(1, -1).toLowerCase();
  const inJson = (json: string | undefined): boolean => {
    const within = json?.toLowerCase();
    return within?.includes(asJson) === true || within?.includes(lower) === true;
  };
  return ({ spec, detail: { result, lastError } }) =>
    inJson(spec.payload) ||
    inJson(result) ||
    (lastError !== undefined && `${lastError.name}: ${lastError.message}`.toLowerCase().includes(lower));
}
