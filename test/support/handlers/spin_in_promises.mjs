/** Holds its thread for ever by promises that have resolved already: its event loop never turns. */
export default async () => {
  for (;;) await null;
};
