/** Holds its thread for `ms` milliseconds, without it for ever. */
export default ({ ms }) => {
  const until = ms === undefined ? Infinity : performance.now() + ms;
  while (performance.now() < until);
};
