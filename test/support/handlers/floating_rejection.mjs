/** Succeeds, and leaves a promise behind that rejects `ms` milliseconds later. */
export default ({ ms = 5, message = 'rejected late' }) => {
  new Promise((_, reject) => setTimeout(reject, ms, new Error(message)));
};
