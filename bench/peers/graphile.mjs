/** graphile-worker, tuned for throughput as its own documentation advises: a local queue, and completions in batches. */
import { Logger, makeWorkerUtils, run } from 'graphile-worker';
import pg from 'pg';

const connections = 20;
const concurrency = 24;
/** A tenth of a second where two are the default: it decides how late delayed jobs start. */
const pollInterval = 100;
const logger = new Logger(() => () => {});

export async function open({ port }) {
  const pgPool = new pg.Pool({ connectionString: `postgres://postgres@127.0.0.1:${port}/postgres`, max: connections });
  const utils = await makeWorkerUtils({ pgPool, logger });
  await utils.migrate();
  const addAll = (items) =>
    utils.addJobs(
      items.map(({ due, data }) => ({ identifier: 'job', payload: data, ...(due && { runAt: new Date(due) }) })),
    );
  return {
    add: (data) => utils.addJob('job', data),
    addBulk: (items) => addAll(items.map((data) => ({ data }))),
    addAt: addAll,
    count: async () => Number((await pgPool.query('select count(*) from graphile_worker._private_jobs')).rows[0].count),
    clear: () => pgPool.query('truncate graphile_worker._private_jobs'),
    async work(handler) {
      const runner = await run({
        pgPool,
        logger,
        concurrency,
        pollInterval,
        noHandleSignals: true,
        taskList: { job: async (data) => handler(data) },
        preset: { worker: { localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      });
      return () => runner.stop();
    },
    async close() {
      await utils.release();
      await pgPool.end();
    },
  };
}
