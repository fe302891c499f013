/** Ends its thread, at once or, with `afterMs`, while others may run. Says `leaving` and `left`. */
export default async ({ code = 0, afterMs }, ctx) => {
  ctx.log.debug('leaving');
  if (afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, afterMs));
  ctx.log.debug('left');
  process.exit(code);
};
