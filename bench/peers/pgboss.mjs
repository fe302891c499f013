/** pg-boss, tuned for throughput as its own documentation advises: jobs in batches, fetched without a pause while batches are full. */
import pg from 'pg';
import { PgBoss } from 'pg-boss';

const connections = 20;
const queue = 'bench';
/** Half a second is the least that it takes: it decides how late delayed jobs start. */
const workOptions = { batchSize: 500, localConcurrency: 4, burstWhenBatchFull: true, pollingIntervalSeconds: 0.5 };

export async function open({ port }) {
  const connectionString = `postgres://postgres@127.0.0.1:${port}/postgres`;
  const pool = new pg.Pool({ connectionString, max: 2 });
  const boss = new PgBoss({ connectionString, max: connections });
  boss.on('error', (error) => console.error(error.message));
  await boss.start();
  await boss.createQueue(queue);
  const open = "select count(*) from pgboss.job where name = $1 and state in ('created', 'retry', 'active')";
  return {
    add: (data) => boss.send(queue, data),
    addBulk: (items) =>
      boss.insert(
        queue,
        items.map((data) => ({ data })),
      ),
    addAt: (items) =>
      boss.insert(
        queue,
        items.map(({ due, data }) => ({ data, startAfter: new Date(due) })),
      ),
    count: async () => Number((await pool.query(open, [queue])).rows[0].count),
    clear: () => boss.deleteAllJobs(queue),
    async work(handler) {
      const id = await boss.work(queue, workOptions, async (jobs) => {
        for (const { data } of jobs) handler(data);
      });
      return () => boss.offWork(queue, { id });
    },
    async close() {
      await boss.stop({ graceful: false });
      await pool.end();
    },
  };
}
