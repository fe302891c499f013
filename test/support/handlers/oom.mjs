/** Exhausts the heap of its thread, at once or, with `afterMs`, while others may run. */
export default async ({ afterMs }) => {
  if (afterMs !== undefined) await new Promise((resolve) => setTimeout(resolve, afterMs));
  const hoard = [];
  for (;;) hoard.push(new Array(1000).fill({}));
};
