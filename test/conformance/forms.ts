/** The forms that the contract gives to ids, instants, durations and errors, and what the conformance tests share beside them. */
import type { Test } from 'tap';
import type { Answer, Client, Job, Problem, Status } from '../support/client.js';

export const ID = /^job_(\d{10,})_([0-9a-f]{8})$/;
/** RFC 3339; a fraction of milliseconds only when it is not zero, without trailing zeros. */
export const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,2}[1-9])?(Z|[+-]\d\d:\d\d)$/;
/** The same in the zone of the original's examples. */
export const SHANGHAI = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,2}[1-9])?\+08:00$/;
/** Go's form, whole seconds from one second up. */
export const DURATION =
  /^(0s|[1-9]\d{0,2}ms|([1-9]|[1-5]\d)s|([1-9]|[1-5]\d)m(\d|[1-5]\d)s|[1-9]\d*h(\d|[1-5]\d)m(\d|[1-5]\d)s)$/;

/** An instant of an answer, in milliseconds. */
export const at = (instant: string | undefined): number => {
  const ms = Date.parse(String(instant));
  if (Number.isNaN(ms)) throw new Error(`not an instant: ${instant}`);
  return ms;
};

/** A problem of the form that every error has; returns it. */
export function problem(
  t: Test,
  answer: Answer<unknown>,
  status: number,
  code: string,
  what = `${status} ${code}`,
): Problem {
  const body = answer.body as Problem | undefined;
  const seen = { status: answer.status, code: body?.code };
  t.same(seen, { status, code }, `${what} (${answer.text.slice(0, 300)})`);
  t.match(answer.headers['content-type'], /^application\/problem\+json\b/, `${what}: content type`);
  t.match(body, { type: String, title: String, status, detail: String }, `${what}: shape`);
  for (const error of body?.errors ?? []) t.match(error, { path: String, message: String }, `${what}: errors`);
  t.notMatch(answer.text, /node_modules|\.[jt]s:\d|\n\s+at |\/work\/|dist\//, `${what}: no stack, no path`);
  return body ?? ({ detail: '', code: '' } as Problem);
}

/** All that a problem says about one field. */
export const names = (found: Problem, field: string): boolean =>
  (found.errors ?? []).some(({ path, message }) => `${path} ${message}`.includes(field));

/** Delay of a job that a test does not want to run. */
export const never = '1h';

/** A job brought to each of the statuses. Asks for the handlers `sleep` and `fail`. */
export async function jobsInEveryStatus(api: Client): Promise<Record<Status, Job>> {
  const [pending, running, success, failed, cancelled] = await Promise.all([
    api.create({ name: 'noop', delay: never }),
    api.create({ name: 'sleep', delay: '0s', payload: { ms: 600_000 } }),
    api.create({ name: 'noop', delay: '0s' }),
    api.create({ name: 'fail', delay: '0s', payload: { message: 'no' }, max_retries: 0 }),
    api.create({ name: 'noop', delay: never }),
  ]);
  await api.delete(`/jobs/${cancelled.id}`);
  return {
    pending: await api.job(pending.id),
    running: await api.until(running.id, 'running'),
    success: await api.until(success.id, 'success'),
    failed: await api.until(failed.id, 'failed'),
    cancelled: await api.until(cancelled.id, 'cancelled'),
  };
}
