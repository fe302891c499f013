/** What time is to do about a job, once its state is on disk. */
import { type Job, wakesAt } from '../../domain/job.js';
import { deadlineOf } from '../../domain/slots/deadline.js';
import type { DueTimes } from '../../timer/lanes.js';
import type { Overtakes } from '../admission/overtakes.js';

/** The window has a job that is pending on disk, if time is to do something about it: by when it wakes, and by its deadline. */
export function awaitTime(job: Job, window: Pick<DueTimes, 'add'>, overtakes: Overtakes): void {
  const { spec, state } = job;
  if (state.status === 'running') overtakes.await(job);
  if (state.status !== 'pending') return;
  const at = wakesAt(state);
  if (at !== Number.POSITIVE_INFINITY) window.add(at, spec.seq, spec.priority);
  if (spec.expiresAfterMs !== undefined) window.add(deadlineOf(spec, state) as number, spec.seq, 'deadlines');
}
