import { setTimeout as delay } from 'node:timers/promises';

export const options = {
  description: 'Has every option set',
  concurrency: 1,
  max_retries: 1,
  retry_delay: '50ms',
  timeout: '2s',
};

/** Waits `ms` milliseconds, or fails with `message`. */
export default async ({ ms = 10, message }) => {
  await delay(ms);
  if (message !== undefined) throw new Error(message);
};
