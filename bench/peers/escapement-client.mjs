/** Escapement by its client, `escapement/client`: single calls travel together. Jobs run in the server, so only making them is measured. */
import { Escapement } from '../../dist/src/client/client.js';

export async function open({ port }) {
  // Client and server work at the same time. The default keeps the order of all jobs, and waits for the server in between.
  const client = new Escapement({ url: `http://127.0.0.1:${port}`, batchConcurrency: 2 });
  const job = (payload) => ({ name: 'noop', delay: '24h', payload });
  let before = 0;
  const total = async () => (await client.stats()).pending;
  return {
    add: (payload) => client.jobs.create(job(payload)),
    addBulk: (payloads) => client.jobs.createMany(payloads.map(job)),
    count: async () => (await total()) - before,
    /** What was made before does not count any more; the server need not forget it. */
    async clear() {
      before = await total();
    },
    close: () => {},
  };
}
