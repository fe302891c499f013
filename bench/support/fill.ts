/** Many jobs in little time, by the batch: what benches stand on, not what they measure. */
import { type Run, sleep } from './bench.js';
import { HttpClient, request } from './http-client.js';
import { farBody } from './job-bodies.js';
import type { ServerProcess } from './server-process.js';

const perBatch = 1000;
const connections = 4;
/** What even a busy machine reaches: it sets how far ahead of their due time jobs are made. */
const createsPerSecond = 10_000;
const setUpMs = 1000;
const refusedPauseMs = 50;

/** Makes `count` jobs; checks that they are made. Refused for load, a batch is sent again. */
export async function createAll(
  server: ServerProcess,
  run: Run,
  count: number,
  bodyOf: (index: number) => string,
  onMade: (first: number, answer: Buffer) => void = () => {},
): Promise<void> {
  const client = await HttpClient.open(server.port, connections);
  const batches = Math.ceil(count / perBatch);
  let left = Array.from({ length: batches }, (_, batch) => batch);
  let made = 0;
  while (left.length > 0) {
    const round = left;
    const again: number[] = [];
    await client.closedLoop(
      (index) => (index < round.length && again.length === 0 ? batchRequest(round[index]!, count, bodyOf) : undefined),
      (status, body, _ms, index) => {
        const batch = round[index]!;
        if (status === 503) again.push(batch);
        if (status !== 201) return;
        made += Math.min(perBatch, count - batch * perBatch);
        onMade(batch * perBatch, body);
        round[index] = -1;
      },
    );
    if (again.length === 0 && made < count) break;
    left = round.filter((batch) => batch >= 0);
    if (again.length > 0) await sleep(refusedPauseMs);
  }
  client.close();
  run.equal(made, count, 'jobs made while preparing');
}

function batchRequest(batch: number, count: number, bodyOf: (index: number) => string): Buffer {
  const first = batch * perBatch;
  const bodies = Array.from({ length: Math.min(perBatch, count - first) }, (_, i) => bodyOf(first + i));
  return request('POST', '/api/v1/jobs/batch', `[${bodies.join(',')}]`);
}

/** As `createAll`; the ids, in order. */
export async function createIds(
  server: ServerProcess,
  run: Run,
  count: number,
  bodyOf: (index: number) => string,
): Promise<string[]> {
  const ids: string[] = Array(count);
  await createAll(server, run, count, bodyOf, (first, answer) => {
    const { items } = JSON.parse(answer.toString('utf8')) as { items: { id: string }[] };
    for (const [index, { id }] of items.entries()) ids[first + index] = id;
  });
  return ids;
}

/** Adds pending jobs, spread over thirty days, from number `from` to number `to`. */
export async function fillFar(server: ServerProcess, run: Run, from: number, to: number): Promise<void> {
  const start = Date.now();
  await createAll(server, run, to - from, (index) => farBody(from + index, to, start));
}

/** The machine was too slow for a schedule: nothing can be said, which is no fault of the server. */
export class TooLate extends Error {}

/**
 * Makes jobs that come due from `due` on, in time for everything to be quiet before; `attempt` is given the instant, and
 * calls `ready` when all is prepared. When that was too late it is tried again with twice the time.
 *
 * @param moreMs what else there is to prepare
 */
export async function ahead<T>(
  jobs: number,
  moreMs: number,
  run: Run,
  attempt: (due: number, ready: () => void) => Promise<T>,
): Promise<T> {
  let leadMs = 2 * setUpMs + moreMs + (jobs / createsPerSecond) * 1000;
  for (let tries = 1; ; tries++) {
    const due = Math.ceil((Date.now() + leadMs) / 1000) * 1000;
    const ready = (): void => {
      if (Date.now() > due - 10) throw new TooLate(`preparing ${jobs} jobs took longer than ${Math.round(leadMs)} ms`);
    };
    try {
      return await attempt(due, ready);
    } catch (error) {
      if (!(error instanceof TooLate) || tries === 3) throw error;
      run.say(`${error.message}: trying again with twice the time`);
      leadMs *= 2;
    }
  }
}
