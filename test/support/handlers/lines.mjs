/** Writes `count` lines of each of `levels`, in one go; `late` ms after its end one more. */
export default async ({ count = 1, levels = ['info'], late, odd }, { log }) => {
  for (let i = 0; i < count; i++) for (const level of levels) log[level](`${level} ${i}`, { i });
  if (odd) {
    const cycle = {};
    cycle.cycle = cycle;
    log.info('cycle', cycle);
    log.info('bigint', { n: 1n });
    log.info('x'.repeat(5_000_000), { text: 'y'.repeat(5_000_000) });
    log.info(undefined);
    log.info({ first: true }, 'fields first');
    log.info(new Error('an error'));
  }
  if (late) setTimeout(() => log.info('late'), late);
};
