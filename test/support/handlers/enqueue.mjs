/** Enqueues `jobs`, then ends as `end` says. What `ctx.enqueue` throws is the result, if it is `caught`. */
export default async ({ jobs = [], end, caught, copies = 1, odd, late }, ctx) => {
  const { enqueue } = ctx;
  const thrown = [];
  if (late) setTimeout(() => attempt(() => enqueue(jobs[0])), 20);
  const attempt = (make) => {
    try {
      make();
    } catch (error) {
      if (late) ctx.log.info('too late', { message: error.message });
      else if (!caught) throw error;
      else if (thrown.length < 3)
        thrown.push({ name: error.name, message: error.message, code: error.code, errors: error.errors });
    }
  };
  if (odd) attempt(() => enqueue(oddities[odd]()));
  for (let i = 0; i < copies; i++) for (const job of late ? [] : jobs) attempt(() => enqueue(job));
  if (end === 'throw') throw new Error('after all');
  if (end === 'snooze') throw ctx.snooze(10);
  return thrown;
};

const oddities = {
  text: () => 'no job',
  nothing: () => undefined,
  cycle: () => {
    const job = { name: 'noop', delay: '0s' };
    job.payload = { job };
    return job;
  },
  bigint: () => ({ name: 'noop', delay: '0s', payload: { n: 10n } }),
  huge: () => ({ name: 'noop', delay: '0s', payload: { text: 'x'.repeat(5_000_000) } }),
  list: () => ({ name: 'noop', delay: '0s', payload: { list: new Array(1_000_000).fill(1) } }),
  getter: () => ({
    get name() {
      throw new Error('not for you');
    },
  }),
  deep: () => {
    let payload = {};
    for (let i = 0; i < 100; i++) payload = { payload };
    return { name: 'noop', delay: '0s', payload };
  },
};
