/** Ends its thread, at once or, with `afterMs`, while others may run. */
export default async ({ code = 0, afterMs }) => {
  if (afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, afterMs));
  process.exit(code);
};
