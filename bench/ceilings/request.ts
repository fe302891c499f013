/** What the bare servers beside the product share: reading and checking a body as the product does, and an answer of its size. */
import type { HttpResponse } from 'uWebSockets.js';
import { Faults } from '../../src/api/faults.js';
import { readDraft } from '../../src/api/validate.js';
import type { JobDraft } from '../../src/scheduler/messages.js';
import { parseJson } from '../../src/server/bodies/json-body.js';

const answer = JSON.stringify({
  id: 'job_1704182400_a1b2c3d4',
  name: 'noop',
  status: 'pending',
  trigger_at: '2024-01-02T15:30:00+00:00',
  next_run_in: '10m0s',
  retry_count: 0,
  max_retries: 3,
  created_at: '2024-01-02T15:20:00+00:00',
  updated_at: '2024-01-02T15:20:00+00:00',
  is_repeat: false,
  retry_delay: '5m0s',
  backoff: 'exponential',
  timeout: '5m0s',
});
const rules = { timezone: 'UTC', isRegistered: (): boolean => true };

/** Calls `take` with a request's body once it is there. */
export function bodyOf(response: HttpResponse, take: (body: Buffer) => void): void {
  response.onAborted(() => {});
  const parts: Buffer[] = [];
  response.onData((chunk, isLast) => {
    parts.push(Buffer.from(Buffer.from(chunk))); // a copy: the chunk is only lent
    if (isLast) take(Buffer.concat(parts));
  });
}

/** Reads and checks a body as the product does. */
export function draftOf(body: Buffer): JobDraft {
  const faults = new Faults();
  const draft = readDraft(parseJson(body, faults), rules, faults);
  if (!draft) throw new Error('a body of the bench is not valid');
  return draft;
}

/** Answers as the product does, by size. */
export function createdAnswer(response: HttpResponse): void {
  response.cork(() => {
    response.writeStatus('201 Created').writeHeader('Content-Type', 'application/json').end(answer);
  });
}
