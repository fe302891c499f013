/** Many jobs in little time: what benches stand on, not what they measure. Takes the batch route where the server has one. */
import { Run } from './bench.js';
import { HttpClient, request } from './http-client.js';
import { farBody } from './job-bodies.js';
import type { ServerProcess } from './server-process.js';

const connections = 256;
const perBatch = 2000;
const batchConnections = 8;

/** False while the server answers that there is no such route. */
export async function hasBatches(server: ServerProcess): Promise<boolean> {
  const { status } = await server.ask('POST', '/jobs/batch', '[]');
  return status !== 404 && status !== 405;
}

/** Sends all of the requests, many at a time, and checks that each made a job. Returns the seconds it took. */
export async function createAll(server: ServerProcess, run: Run, count: number, make: (index: number) => Buffer): Promise<number> {
  const client = await HttpClient.open(server.port, Math.min(connections, count));
  const begun = performance.now();
  let created = 0;
  await client.closedLoop(
    (index) => (index < count ? make(index) : undefined),
    (status) => {
      if (status === 201) created++;
    },
  );
  client.close();
  run.equal(created, count, 'jobs created while preparing');
  return (performance.now() - begun) / 1000;
}

/** Adds pending jobs, spread over thirty days, from number `from` to number `to`. */
export async function fillFar(server: ServerProcess, run: Run, from: number, to: number): Promise<void> {
  const start = Date.now();
  if (!(await hasBatches(server))) {
    await createAll(server, run, to - from, (index) => request('POST', '/api/v1/jobs', farBody(from + index, to, start)));
    return;
  }
  const client = await HttpClient.open(server.port, batchConnections);
  let refused = 0;
  const batch = (index: number): Buffer | undefined => {
    const first = from + index * perBatch;
    if (first >= to) return undefined;
    const bodies = Array.from({ length: Math.min(perBatch, to - first) }, (_, i) => farBody(first + i, to, start));
    return request('POST', '/api/v1/jobs/batch', `[${bodies.join(',')}]`);
  };
  await client.closedLoop(batch, (status) => {
    if (status !== 201) refused++;
  });
  client.close();
  run.equal(refused, 0, 'batches refused while preparing');
}
