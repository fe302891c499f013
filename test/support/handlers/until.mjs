import { existsSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** Ends when the file is there, or when its signal fires: the test says when. Says `begun`. */
export default async ({ file }, ctx) => {
  ctx.log.debug('begun');
  while (!existsSync(file)) await delay(5, undefined, { signal: ctx.signal });
};
