/** Jobs and events on their way out of their shard, where they count by slots, and back. Outside all have their job numbers. */
import type { JobEvent, TransientEvent } from '../domain/events.js';
import type { JobNumbers } from '../domain/ids/job-numbers.js';
import type { Job } from '../domain/job.js';

/** A job of a shard as all others know it. */
export function outward(job: Job, numbers: JobNumbers): Job {
  const { spec } = job;
  return { ...job, spec: { ...spec, seq: numbers.of(spec.seq) } };
}

/** A job as its shard knows it. */
export function inward(job: Job, numbers: JobNumbers): Job {
  const { spec } = job;
  return { ...job, spec: { ...spec, seq: numbers.slotOf(spec.seq) } };
}

/** Events of a shard as all others know them: they name it. */
export function outwardEvents(events: readonly JobEvent[], numbers: JobNumbers): JobEvent[] {
  const { shard } = numbers;
  return events.map((event) => ({ ...event, jobSeq: numbers.of(event.jobSeq), shard }));
}

export function outwardTransient(event: TransientEvent, numbers: JobNumbers): TransientEvent {
  return { ...event, jobSeq: numbers.of(event.jobSeq) };
}
