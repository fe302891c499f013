/** What attempts in the simulated pool come to. */
import type { Outcome } from '../../src/pool/port.js';
import type { JobDraft } from '../../src/scheduler/messages.js';
import type { Random } from './random.js';

/** A job that an attempt enqueues, as it comes out of the reading of it: of a name that no other has. */
function anyChild(random: Random, child: string): string {
  const draft: JobDraft = {
    name: random.pick(['noop', 'limited', 'other']),
    trigger: { kind: 'delay', delayMs: random.pick([0, 10, 5000]) },
    isRepeat: false,
    payload: JSON.stringify({ child }),
    retryDelayMs: 10,
  };
  return JSON.stringify(draft);
}

/** `next`: a number that no result had before. */
export function anyOutcome(random: Random, jobSeq: number, fence: number, next: number): Outcome {
  const base = { jobSeq, fence, durationMs: random.between(0, 100) };
  const message = `no ${jobSeq}/${fence}`;
  const failed = { ...base, kind: 'failed', name: 'Error', message, code: 'handler_error' } as const;
  switch (
    random.weighted({
      succeeded: 5,
      withResult: 2,
      enqueues: 1.5,
      failed: 3,
      final: 0.5,
      interrupted: 1,
      notBegun: 0.5,
      snoozed: 0.5,
    })
  ) {
    case 'succeeded':
      return { ...base, kind: 'succeeded' };
    case 'withResult':
      return { ...base, kind: 'succeeded', result: `{"r":${next}}` };
    case 'enqueues': {
      const enqueued = Array.from({ length: random.between(1, 3) }, (_, i) =>
        anyChild(random, `${jobSeq}/${fence}/${next}/${i}`),
      );
      return { ...base, kind: 'succeeded', enqueued };
    }
    case 'failed':
      return { ...failed, retryable: true };
    case 'final':
      return { ...failed, retryable: false };
    case 'interrupted':
      return { ...base, kind: 'interrupted', begun: true, suspect: random.chance(0.3), planned: random.chance(0.2) };
    case 'snoozed':
      return { ...base, kind: 'snoozed', waitMs: random.pick([10, 1000, 60_000]) };
    default:
      return { ...base, kind: 'interrupted', begun: false };
  }
}
