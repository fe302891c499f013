/** Gives control back once, then holds its thread for `ms` milliseconds, without it for ever. */
export default async ({ ms }) => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  const until = ms === undefined ? Infinity : performance.now() + ms;
  while (performance.now() < until);
};
