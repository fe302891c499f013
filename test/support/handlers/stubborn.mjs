import { setTimeout as delay } from 'node:timers/promises';

/** Waits `ms` milliseconds, whatever its signal says. Says `begun`. */
export default async ({ ms = 10 }, ctx) => {
  ctx.log.debug('begun');
  await delay(ms);
  return { slept: ms };
};
