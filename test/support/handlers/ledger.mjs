import { appendFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Appends `<jobId> <attempt> begin` and, `ms` milliseconds later, `<jobId> <attempt> end` to `file`. */
export default async ({ file, ms }, ctx) => {
  appendFileSync(file, `${ctx.jobId} ${ctx.attempt} begin\n`);
  if (ms !== undefined) await delay(ms);
  appendFileSync(file, `${ctx.jobId} ${ctx.attempt} end\n`);
};
