import { randomUUID } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Notes in `file` that it was called, as a line of a history (test/cluster/checker/lines.ts), before it does anything. Enqueues
 * `children` of its kind, waits `ms` milliseconds, and fails in the first `fails` attempts.
 */
export default async ({ file, children = 0, ms, fails = 0 }, ctx) => {
  const attempt = randomUUID();
  const tokens = Array.from({ length: children }, (_, i) => `${attempt}/${i}`);
  const began = {
    line: 'began',
    wall: Date.now(),
    at: Number(process.hrtime.bigint()) / 1e6,
    node: String(process.pid),
    attempt,
    job: ctx.jobId,
    number: ctx.attempt,
    scheduledFor: ctx.scheduledFor.getTime(),
    children: tokens,
  };
  appendFileSync(file, `${JSON.stringify(began)}\n`);
  for (const token of tokens) ctx.enqueue({ name: 'witness', delay: '0s', payload: { token, file } });
  if (ms !== undefined) await delay(ms);
  if (ctx.attempt <= fails) throw new Error(`attempt ${attempt} failed`);
  return { attempt };
};
