/** Lines of handlers on their way from the pool: each is kept, and those who ask for `job.log` are told of it. */
import type { TransientEvent } from '../../domain/events.js';
import { parseId } from '../../domain/id.js';
import type { HandlerLine } from '../../pool/port.js';

/** Where lines are kept. */
export interface LineKeeper {
  add(line: {
    readonly jobSeq: number;
    readonly run: number;
    readonly at: number;
    readonly level: string;
    readonly message: string;
    readonly fields?: string | undefined;
    readonly n?: number | undefined;
  }): boolean;
  drop(seq: number, run: number, count: number, n?: number): void;
}

/** What another node adds to lines: their time, Unix milliseconds, and their numbers in their run. */
export interface FromElsewhere {
  readonly at?: number;
  readonly n?: number;
}

/** @param to tells subscribers, of each line once @param now Unix milliseconds */
export function keepLines(
  lines: readonly (HandlerLine & FromElsewhere)[],
  keeper: LineKeeper,
  to: { publishTransient(event: TransientEvent): void },
  now: number,
): void {
  for (const { jobSeq, fence, jobId, name, at = now, n, ...line } of lines) {
    if ('dropped' in line) {
      keeper.drop(jobSeq, fence, line.dropped, n);
      continue;
    }
    if (!keeper.add({ jobSeq, run: fence, at, n, ...line })) continue;
    const idSeconds = parseId(jobId)?.idSeconds ?? 0;
    to.publishTransient({ jobSeq, idSeconds, jobName: name, at, body: { type: 'job.log', ...line } });
  }
}
