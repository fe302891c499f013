/**
 * Gives control back for `afterMs` milliseconds, then holds its thread for `ms` milliseconds, without it for ever; with
 * `deep` in a function that a function awaits.
 */
export default async ({ afterMs = 5, ms, deep }) => {
  if (deep) await Promise.all([null, within(() => spin(afterMs, ms))]);
  else await spin(afterMs, ms);
};

async function within(work) {
  await null;
  return work();
}

async function spin(afterMs, ms) {
  await new Promise((resolve) => setTimeout(resolve, afterMs));
  const until = ms === undefined ? Infinity : performance.now() + ms;
  while (performance.now() < until);
}
