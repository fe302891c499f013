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
  }): void;
  drop(seq: number, run: number, count: number): void;
}

/** @param to tells subscribers @param now Unix milliseconds */
export function keepLines(
  lines: readonly HandlerLine[],
  keeper: LineKeeper,
  to: { publishTransient(event: TransientEvent): void },
  now: number,
): void {
  for (const { jobSeq, fence, jobId, name, ...line } of lines) {
    if ('dropped' in line) {
      keeper.drop(jobSeq, fence, line.dropped);
      continue;
    }
    keeper.add({ jobSeq, run: fence, at: now, ...line });
    const idSeconds = parseId(jobId)?.idSeconds ?? 0;
    to.publishTransient({ jobSeq, idSeconds, jobName: name, at: now, body: { type: 'job.log', ...line } });
  }
}
