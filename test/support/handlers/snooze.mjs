/** Snoozes as often as `times` says, in this thread; `how` is what it gives to `ctx.snooze`. */
const seen = new Map();
export default async ({ how = 10, times = 1, returned, wrapped }, ctx) => {
  const { snooze } = ctx;
  const before = seen.get(ctx.jobId) ?? 0;
  if (before >= times) return { snoozed: before, attempt: ctx.attempt };
  seen.set(ctx.jobId, before + 1);
  const asked = snooze(how === 'bigint' ? 10n : how);
  if (returned) return asked;
  if (wrapped) throw new Error('gave up', { cause: asked });
  throw asked;
};
