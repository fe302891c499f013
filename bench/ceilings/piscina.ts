/**
 * Ceiling of `throughput`: no-op tasks by `piscina.run`, one for each job, nothing stored. As many are in flight as the
 * threads can hide their latency behind. A process of its own; tells runs per second.
 */
import { Piscina } from 'piscina';

const { threads, tasks } = JSON.parse(process.argv[2] as string) as { threads: number; tasks: number };
const inFlight = 1024;

const pool = new Piscina({
  filename: new URL('./noop-task.js', import.meta.url).href,
  minThreads: threads,
  maxThreads: threads,
  concurrentTasksPerWorker: 64,
});

async function runAll(count: number): Promise<number> {
  let left = count;
  const lane = async (): Promise<void> => {
    while (left-- > 0) await pool.run({});
  };
  const begun = performance.now();
  await Promise.all(Array.from({ length: Math.min(inFlight, count) }, lane));
  return count / ((performance.now() - begun) / 1000);
}

await runAll(Math.min(tasks, 20_000));
const perSecond = await runAll(tasks);
process.send?.({ perSecond });
await pool.destroy();
