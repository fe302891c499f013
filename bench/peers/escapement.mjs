/** The same work on Escapement, by the functions that its own benches use: over HTTP, handlers in the server's threads. */
import { Promised } from '../../dist/bench/ingest.js';
import { measureLateness, steady } from '../../dist/bench/lateness.js';
import { startNode } from '../../dist/bench/support/cluster-nodes.js';
import { HttpClient, request } from '../../dist/bench/support/http-client.js';
import { orderBody, orderRequests } from '../../dist/bench/support/job-bodies.js';
import { ServerProcess } from '../../dist/bench/support/server-process.js';
import { measureThroughput } from '../../dist/bench/throughput.js';

const inFlight = 256;
const perBulk = 1000;
const bulksInFlight = 4;

async function send(port, connections, count, make, onAnswer) {
  const client = await HttpClient.open(port, connections);
  const begun = performance.now();
  await client.closedLoop((index) => (index < count ? make(index) : undefined), onAnswer);
  const perSecond = count / ((performance.now() - begun) / 1000);
  client.close();
  return perSecond;
}

/** The server alone, for a client in another process. */
export async function startEscapement() {
  const server = await ServerProcess.start();
  return { port: server.port, stop: () => server.discard() };
}

/** The one node of a cluster on a PostgreSQL at this port. */
export function startOnPostgres(port, run) {
  return startNode(`postgres://postgres@127.0.0.1:${port}/postgres`, run);
}

/**
 * @param run takes the errors
 * @param start default: on a directory
 */
export async function measureEscapement(plan, run, start = () => ServerProcess.start()) {
  const server = await start();
  try {
    const promised = new Promised();
    const one = orderRequests();
    const enqueue = (count) => send(server.port, inFlight, count, one, (status, body) => promised.take(status, body));
    await enqueue(Math.min(2000, plan.enqueue));
    const enqueuePerSecond = await enqueue(plan.enqueue);
    run.equal(promised.refused, 0, 'requests not answered with 201');
    run.equal(await server.total(), promised.created, 'jobs listed');
    await server.quiet(5000);
    const bulkBody = `[${Array.from({ length: perBulk }, (_, index) => orderBody(index)).join(',')}]`;
    const bulkRequest = request('POST', '/api/v1/jobs/batch', bulkBody);
    const bulks = plan.bulk / perBulk;
    let refused = 0;
    const bulksPerSecond = await send(
      server.port,
      bulksInFlight,
      bulks,
      () => bulkRequest,
      (status) => (refused += status === 201 ? 0 : 1),
    );
    run.equal(refused, 0, 'bulks not answered with 201');
    run.equal(await server.total(), promised.created + plan.bulk, 'jobs listed after the bulks');
    await server.quiet(5000);
    const { perSecond } = await measureThroughput(server, plan.run, run);
    await server.quiet(5000);
    const { p50Ms, p99Ms } = await measureLateness(server, steady(plan.latenessPerSecond, plan.latenessSeconds), run);
    return {
      enqueuePerSecond,
      bulkPerSecond: bulksPerSecond * perBulk,
      runPerSecond: perSecond,
      latenessP50Ms: p50Ms,
      latenessP99Ms: p99Ms,
    };
  } finally {
    await server.discard();
  }
}
