/** Fails for good, for the benches that want jobs in every status. */
export default function fail() {
  throw Object.assign(new Error('as asked'), { retryable: false });
}
