import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/**
 * Appends `<jobId> <attempt> begin <scheduledFor>` and, `ms` milliseconds later, `<jobId> <attempt> end` to `file`;
 * `scheduledFor` in Unix milliseconds.
 */
export default async ({ file, ms }, ctx) => {
  appendFileSync(file, `${ctx.jobId} ${ctx.attempt} begin ${ctx.scheduledFor.getTime()}\n`);
  if (ms !== undefined) await delay(ms);
  appendFileSync(file, `${ctx.jobId} ${ctx.attempt} end\n`);
};
