/** Succeeds, and throws `ms` milliseconds later. */
export default ({ ms = 5, message = 'thrown late' }) => {
  setTimeout(() => {
    throw new Error(message);
  }, ms);
};
