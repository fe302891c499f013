/**
 * Ends its thread, at once or, with `afterMs`, while others may run; with `inCallback` in a callback that nobody awaits.
 * Says `leaving` and `left`.
 */
export default async ({ code = 0, afterMs, inCallback }, ctx) => {
  ctx.log.debug('leaving');
  const leave = () => {
    ctx.log.debug('left');
    process.exit(code);
  };
  if (inCallback) await new Promise(() => setTimeout(leave, afterMs));
  if (afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, afterMs));
  leave();
};
