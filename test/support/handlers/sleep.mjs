import { setTimeout as delay } from 'node:timers/promises';

/** Waits `ms` milliseconds; ends early, with the signal's reason, when the signal fires. Says `begun`. */
export default async ({ ms = 10 }, ctx) => {
  ctx.log.debug('begun');
  try {
    await delay(ms, undefined, { signal: ctx.signal });
  } catch (error) {
    throw ctx.signal.aborted ? ctx.signal.reason : error;
  }
  return { slept: ms };
};
