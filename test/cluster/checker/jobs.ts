/** What is promised about jobs as clients see them: acknowledged ones exist, keys made one job, children came with their parent. */
import { attemptIn, type History, hasFinished, tokenOf } from './history.js';
import type { Found, Job } from './lines.js';

/** Every job that an answer told of is there, and is what was asked for, unless somebody asked to remove it. */
export function* acknowledged(history: History): Iterable<string> {
  const removed = new Set<string>();
  for (const { asked } of history.requests)
    if (asked.action === 'remove' && asked.job !== undefined) removed.add(asked.job);
  const replaced = new Set<string>();
  for (const { wanted, made } of history.wanted())
    if (made !== undefined && (wanted.ifExists === 'return' || wanted.ifExists === 'replace')) replaced.add(made.id);
  for (const { wanted, made, request } of history.wanted()) {
    if (made === undefined || removed.has(made.id)) continue;
    const found = history.found.get(made.id);
    if (found === undefined) yield `${made.id} was acknowledged by request ${request.asked.request} and is gone`;
    else if (found.job.name !== wanted.type)
      yield `${made.id} is a ${found.job.name}, and ${wanted.type} was asked for`;
    else if (tokenOf(found.job) !== wanted.token && !replaced.has(made.id))
      yield `${made.id} has the payload of ${tokenOf(found.job)}, and ${wanted.token} was acknowledged`;
  }
}

/** A cancellation that was acknowledged holds; what was waiting then does not begin afterwards. */
export function* cancelled(history: History): Iterable<string> {
  const waiting = new Set<string>();
  for (const { message } of history.heard)
    if (message.type === 'job.cancelled' && message.metadata?.previous_status === 'pending')
      waiting.add(message.job_id as string);
  for (const { asked, told } of history.requests) {
    if (asked.action !== 'cancel' || told?.status !== 200 || asked.job === undefined) continue;
    const status = history.found.get(asked.job)?.job.status;
    if (status !== undefined && status !== 'cancelled')
      yield `the cancellation of ${asked.job} was acknowledged, and it is ${status}`;
    const after = history.plainAttempts(asked.job).find(({ at }) => at > told.at);
    if (after !== undefined && waiting.has(asked.job))
      yield `attempt ${after.attempt} of ${asked.job} began after its cancellation was acknowledged`;
  }
}

/** One request makes one job, and so do all that have one `Idempotency-Key`. No two jobs have one `key` at a time. */
export function* keys(history: History): Iterable<string> {
  yield* idempotency(history);
  yield* madeTwice(history);
  yield* sharedKeys(history);
}

function* idempotency(history: History): Iterable<string> {
  const made = new Map<string, string>();
  for (const { wanted, made: job } of history.wanted()) {
    const { idempotencyKey } = wanted;
    if (idempotencyKey === undefined || job === undefined) continue;
    const first = made.get(idempotencyKey);
    if (first === undefined) made.set(idempotencyKey, job.id);
    else if (first !== job.id) yield `the Idempotency-Key ${idempotencyKey} made ${first} and ${job.id}`;
  }
}

/** Requests without a key that were sent twice may have made two; with one, or sent once, they may not. */
function* madeTwice(history: History): Iterable<string> {
  const allowed = new Map<string, number>();
  for (const { wanted } of history.wanted())
    allowed.set(wanted.token, wanted.idempotencyKey === undefined ? (allowed.get(wanted.token) ?? 0) + 1 : 1);
  const jobs = new Map<string, string[]>();
  for (const { job } of history.found.values()) {
    const token = tokenOf(job);
    if (token !== undefined && allowed.has(token)) jobs.set(token, [...(jobs.get(token) ?? []), job.id]);
  }
  for (const [token, ids] of jobs)
    if (ids.length > allowed.get(token)!) yield `what was asked for as ${token} is there as ${ids.join(' and ')}`;
}

function* sharedKeys(history: History): Iterable<string> {
  const holders = new Map<string, Job[]>();
  for (const { job } of history.found.values()) {
    if (job.key === undefined) continue;
    const name = `${job.name} ${job.key}`;
    holders.set(name, [...(holders.get(name) ?? []), job]);
  }
  for (const [name, jobs] of holders) {
    jobs.sort((a, b) => Date.parse(a.created_at) - Date.parse(b.created_at));
    for (const [i, job] of jobs.entries()) {
      const next = jobs[i + 1];
      // One that was replaced while it ran is there beside the one that replaced it.
      if (next === undefined || history.changed.has(job.id)) continue;
      if (!hasFinished(job) || Date.parse(job.updated_at) > Date.parse(next.created_at))
        yield `${job.id} and ${next.id} had the key ${name} at the same time`;
    }
  }
}

/** The jobs that an attempt enqueued are there, once, where it has succeeded; those of other attempts are not. */
export function* children(history: History): Iterable<string> {
  const byToken = new Map<string, Found[]>();
  for (const found of history.found.values()) {
    const token = tokenOf(found.job);
    if (token !== undefined) byToken.set(token, [...(byToken.get(token) ?? []), found]);
  }
  for (const [id, attempts] of history.attempts) {
    const parent = history.found.get(id)?.job;
    // Of a repeating job only the latest result is kept.
    if (parent === undefined || parent.is_repeat) continue;
    const counted = parent.status === 'success' ? attemptIn(parent.result) : undefined;
    for (const { attempt, children: tokens = [] } of attempts) {
      for (const token of tokens) {
        const there = byToken.get(token) ?? [];
        const wanted = attempt === counted ? 1 : 0;
        if (there.length !== wanted)
          yield `attempt ${attempt} of ${id} has ${wanted === 1 ? '' : 'not '}succeeded, and its child ${token} is there ${there.length} times`;
        else if (there.some(({ job }) => job.parent_id !== id)) yield `the parent of ${token} is not ${id}`;
      }
    }
  }
}

/** What was due, and had its time, has come to its end. */
export function* settled(history: History): Iterable<string> {
  const { settled: until } = history;
  if (until === undefined) return;
  for (const { job } of history.found.values())
    if (!hasFinished(job) && job.paused !== true && !job.is_repeat && Date.parse(job.trigger_at) <= until)
      yield `${job.id} was due at ${job.trigger_at} and is ${job.status}`;
}
