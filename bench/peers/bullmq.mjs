/** BullMQ: queue and worker are a library in the client's process, the state is in Redis. */
import { Queue, Worker } from 'bullmq';

const concurrency = 256;

export async function open({ port }) {
  const connection = { host: '127.0.0.1', port, maxRetriesPerRequest: null };
  const queue = new Queue('bench', { connection });
  await queue.waitUntilReady();
  const options = { removeOnComplete: true };
  return {
    add: (data) => queue.add('job', data, options),
    addBulk: (items) => queue.addBulk(items.map((data) => ({ name: 'job', data, opts: options }))),
    addAt(items) {
      const timestamp = Date.now();
      return queue.addBulk(
        items.map(({ due, data }) => ({ name: 'job', data, opts: { ...options, timestamp, delay: due - timestamp } })),
      );
    },
    async count() {
      const counts = await queue.getJobCounts('waiting', 'delayed', 'prioritized', 'active');
      return Object.values(counts).reduce((sum, count) => sum + count, 0);
    },
    clear: () => queue.obliterate({ force: true }),
    async work(handler) {
      const worker = new Worker('bench', async ({ data }) => handler(data), { connection, concurrency });
      worker.on('error', (error) => console.error(error.message));
      await worker.waitUntilReady();
      return () => worker.close();
    },
    close: () => queue.close(),
  };
}
