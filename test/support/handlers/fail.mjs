/** Throws; with `times` only in the first so many attempts of an occurrence. */
export default async ({ message = 'failed on purpose', retryable, retryAfter, times }, ctx) => {
  if (times !== undefined && ctx.attempt > times) return { succeededIn: ctx.attempt };
  const error = new Error(message);
  if (retryable !== undefined) error.retryable = retryable;
  if (retryAfter !== undefined) error.retryAfter = retryAfter;
  throw error;
};
