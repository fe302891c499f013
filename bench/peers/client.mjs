/**
 * The client of one peer, in a process of its own: enqueues one by one and in bulk, runs a backlog of no-ops, and sees how
 * late delayed jobs start. Counts after every step; what is not right is an error.
 *
 *     node client.mjs bullmq '{"port":…,"plan":{…}}'      prints one line of JSON
 */
import { Latencies } from '../../dist/bench/support/latencies.js';
import { wallMs } from '../../dist/bench/support/wall-clock.js';

const inFlight = 256;
const perBulk = 1000;
const bulksInFlight = 4;
const patienceMs = 120_000;
const leadMs = 2000;
/** Delayed jobs are made in bulks; this many a second any of these takes. */
const delayedPerSecond = 5000;

const [name, options] = [process.argv[2], JSON.parse(process.argv[3])];
const { plan } = options;
const errors = [];
const queue = await (await import(`./${name}.mjs`)).open(options);

const payload = (index) => ({ order_id: `ORD-2024-${index}`, amount: 199.99, user_id: 'U123456' });
const range = (count, make) => Array.from({ length: count }, (_, index) => make(index));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** Keeps `lanes` calls under way until `count` have been made; per second. */
async function inLanes(lanes, count, call) {
  let next = 0;
  const begun = performance.now();
  const lane = async () => {
    while (next < count) await call(next++);
  };
  await Promise.all(range(lanes, lane));
  return count / ((performance.now() - begun) / 1000);
}

async function expect(count, what) {
  const found = await queue.count();
  if (found !== count) errors.push(`${what}: ${found} instead of ${count}`);
}

async function until(reached, what) {
  for (const end = Date.now() + patienceMs; !(await reached()); await sleep(5)) {
    if (Date.now() > end) throw new Error(`${what} took longer than ${patienceMs / 1000} s`);
  }
}

async function bulk(count) {
  return (
    (await inLanes(bulksInFlight, count / perBulk, (index) =>
      queue.addBulk(range(perBulk, (i) => payload(index * perBulk + i))),
    )) * perBulk
  );
}

/** From the start of the worker until the queue says that nothing is left. */
async function runBacklog(count) {
  await queue.clear();
  await bulk(count);
  await expect(count, 'jobs waiting to be run');
  let ran = 0;
  const begun = performance.now();
  const stop = await queue.work(() => {
    ran++;
  });
  await until(() => ran >= count, 'running the backlog');
  await until(async () => (await queue.count()) === 0, 'completing the backlog');
  const perSecond = count / ((performance.now() - begun) / 1000);
  await stop();
  if (ran !== count) errors.push(`jobs run: ${ran} instead of ${count}`);
  return perSecond;
}

async function measureLateness(perSecond, seconds) {
  await queue.clear();
  const count = perSecond * seconds;
  const from = Date.now() + leadMs + (count / delayedPerSecond) * 1000;
  const due = (index) => Math.floor(from + (index * 1000) / perSecond);
  const latencies = new Latencies();
  const stop = await queue.work(({ n }) => latencies.add(wallMs() - due(n)));
  for (let first = 0; first < count; first += perBulk) {
    await queue.addAt(
      range(Math.min(perBulk, count - first), (i) => ({ due: due(first + i), data: { n: first + i } })),
    );
  }
  const late = Date.now() - from;
  if (late > 0) errors.push(`the delayed jobs were made ${late} ms too late`);
  await until(() => latencies.count >= count, 'the delayed jobs');
  await stop();
  if (latencies.min < 0) errors.push(`a job began ${-latencies.min} ms before it was due`);
  const { p50Ms, p99Ms } = latencies.figures();
  return { latenessP50Ms: p50Ms, latenessP99Ms: p99Ms };
}

await inLanes(inFlight, Math.min(2000, plan.enqueue), (index) => queue.add(payload(index)));
await queue.clear();
const enqueuePerSecond = await inLanes(inFlight, plan.enqueue, (index) => queue.add(payload(index)));
await expect(plan.enqueue, 'jobs enqueued one by one');
await queue.clear();
const bulkPerSecond = await bulk(plan.bulk);
await expect(plan.bulk, 'jobs enqueued in bulk');
const running = queue.work && {
  runPerSecond: await runBacklog(plan.run),
  ...(await measureLateness(plan.latenessPerSecond, plan.latenessSeconds)),
};
console.log(JSON.stringify({ figures: { enqueuePerSecond, bulkPerSecond, ...running }, errors }));
await queue.close();
process.exit(0);
