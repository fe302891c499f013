/** bunqueue: a server with SQLite, spoken to over TCP by its own client, which runs on Bun only. */
import { Queue, Worker } from 'bunqueue/client';

const concurrency = 256;

export async function open({ port, durable }) {
  const connection = { host: '127.0.0.1', port };
  let phase = 0;
  let queue = new Queue('bench-0', { connection });
  const options = { durable, removeOnComplete: true };
  return {
    add: (data) => queue.add('job', data, options),
    addBulk: (items) => queue.addBulk(items.map((data) => ({ name: 'job', data, opts: options }))),
    addAt(items) {
      const now = Date.now();
      return queue.addBulk(
        items.map(({ due, data }) => ({ name: 'job', data, opts: { ...options, delay: due - now } })),
      );
    },
    async count() {
      const { waiting = 0, delayed = 0, active = 0, prioritized = 0 } = await queue.getJobCountsAsync();
      return waiting + delayed + active + prioritized;
    },
    /** What is left of the queue before stays, and nobody works on it. */
    async clear() {
      await queue.close();
      queue = new Queue(`bench-${++phase}`, { connection });
    },
    async work(handler) {
      const worker = new Worker(queue.name, async ({ data }) => handler(data), {
        connection,
        concurrency,
        batchSize: 100,
      });
      worker.on('error', (error) => console.error(error.message));
      return () => worker.close();
    },
    close: () => queue.close(),
  };
}
