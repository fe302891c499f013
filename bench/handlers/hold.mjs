/** Runs until it is stopped. */
export default function hold(_payload, ctx) {
  return new Promise((_, reject) => ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason)));
}
