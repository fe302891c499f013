/** What is promised about attempts: when they begin, that a success is the last one, and whose outcome counts. */
import { type Attempt, attemptIn, type History, successes } from './history.js';
import type { Heard } from './lines.js';

/** No attempt begins before its job is due, nor a retry before its time. */
export function* due(history: History): Iterable<string> {
  const dueById = new Map<string, number>();
  for (const { made } of history.wanted()) if (made?.due !== undefined) dueById.set(made.id, made.due);
  for (const [job, attempts] of history.attempts) {
    const told = history.changed.has(job) ? undefined : dueById.get(job);
    for (const { attempt, wall, scheduledFor } of attempts) {
      const from = Math.max(scheduledFor, told ?? Number.NEGATIVE_INFINITY);
      if (wall < from) yield `attempt ${attempt} of ${job} began ${from - wall} ms before it was due`;
    }
  }
  yield* retriesTooEarly(history);
}

function* retriesTooEarly(history: History): Iterable<string> {
  for (const [, events] of history.eventsByShard()) {
    for (const { message } of events) {
      const { type, job_id: job = '', metadata = {} } = message;
      // Attempts that are not charged have the number of the one before. Those of a repeating job begin anew with each occurrence.
      if (type !== 'job.retrying' || metadata.interrupted || metadata.snoozed || metadata.manual) continue;
      if (history.changed.has(job) || history.found.get(job)?.job.is_repeat !== false) continue;
      const from = Date.parse(String(metadata.next_retry_at));
      const number = Number(metadata.retry_count) + 1;
      for (const { attempt, wall } of (history.attempts.get(job) ?? []).filter((each) => each.number === number))
        if (wall < from) yield `attempt ${attempt} of ${job}, a retry, began ${from - wall} ms before its time`;
    }
  }
}

/** What has succeeded, and was told or kept as a success, never runs again. */
export function* once(history: History): Iterable<string> {
  const told = new Map<string, Heard>();
  for (const heard of history.heard)
    if (heard.message.type === 'job.completed' && !told.has(heard.message.job_id!))
      told.set(heard.message.job_id!, heard);
  for (const { job, runs } of history.found.values()) {
    const heard = told.get(job.id);
    if (!job.is_repeat && heard !== undefined) {
      const again = history.plainAttempts(job.id).find(({ at }) => at > heard.at);
      if (again !== undefined) yield `attempt ${again.attempt} of ${job.id} began after its success was told`;
      if (job.status !== 'success') yield `the success of ${job.id} was told, and it is ${job.status}`;
    }
    if (runs !== undefined) yield* slotsTwice(history, job.id);
  }
}

/** No slot has succeeded twice, nor has an attempt of it begun after its success was decided. */
function* slotsTwice(history: History, job: string): Iterable<string> {
  const ends = new Map<number, number>();
  for (const { scheduled_for: slot, finished_at: end, manual } of successes(history.found.get(job)!)) {
    if (manual || end === undefined) continue;
    const scheduledFor = Date.parse(slot);
    if (ends.has(scheduledFor)) yield `${job} has succeeded twice for ${slot}`;
    else ends.set(scheduledFor, Date.parse(end));
  }
  for (const { attempt, scheduledFor, wall } of history.plainAttempts(job)) {
    const end = ends.get(scheduledFor);
    if (end !== undefined && wall > end && !history.changed.has(job))
      yield `attempt ${attempt} of ${job} began ${wall - end} ms after its slot had succeeded`;
  }
}

/** The outcome that a job shows is that of the attempt which its latest start stands for, never of one before. */
export function* outcome(history: History): Iterable<string> {
  for (const found of history.found.values()) {
    const { job } = found;
    const attempt = history.attemptByToken.get(attemptIn(job.result) ?? '');
    if (attempt === undefined) continue;
    if (attempt.job !== job.id) yield `${job.id} has the result of ${attempt.job}`;
    const run = successes(found).at(-1);
    if (run?.started_at !== undefined && attempt.wall < Date.parse(run.started_at))
      yield `${job.id} has the result of attempt ${attempt.attempt}, which began before the run that succeeded`;
    if (!job.is_repeat) yield* olderThanTheLast(history, attempt);
  }
  yield* failures(history);
}

function* olderThanTheLast(history: History, counted: Attempt): Iterable<string> {
  const last = history.plainAttempts(counted.job).at(-1);
  if (last !== undefined && last.at > counted.at)
    yield `${counted.job} has the result of attempt ${counted.attempt}, and ${last.attempt} began after that`;
}

/** A failure that was told of is that of an attempt which began since the start that was told of before. */
function* failures(history: History): Iterable<string> {
  for (const [, events] of history.eventsByShard()) {
    const started = new Map<string, number>();
    for (const { message } of events) {
      const { type, job_id: job = '', timestamp = '' } = message;
      if (type === 'job.started') started.set(job, Date.parse(timestamp));
      if (type !== 'job.failed') continue;
      const attempt = history.attemptByToken.get(attemptIn(message.data?.error) ?? '');
      const from = started.get(job);
      if (attempt !== undefined && from !== undefined && attempt.wall < from)
        yield `${job} has failed by attempt ${attempt.attempt}, which began before the start that was told of last`;
    }
  }
}
