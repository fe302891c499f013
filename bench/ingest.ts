/**
 * How many jobs a second can be handed over by `POST /jobs`, each answered when it is on disk? Closed loop for the
 * maximum, then for latency an open loop at four fifths of the maximum, which is measured anew just before: it moves with
 * the machine. Beside it stand bare servers, one that stores nothing and one that answers after a flush, and the latency of the first
 * under four fifths of its own maximum. Afterwards every answer must be
 * true: the totals, and after kill -9 a sample of the jobs.
 */
import { atLeast, atMost, type Bench, type Figures, medians, type Run, ratiosOf } from './support/bench.js';
import { HttpClient } from './support/http-client.js';
import { orderRequests } from './support/job-bodies.js';
import { Latencies } from './support/latencies.js';
import { Helper } from './support/processes.js';
import { ServerProcess } from './support/server-process.js';
import { withMainThread } from './support/thread-time.js';

export interface IngestPlan {
  readonly connections: readonly number[];
  /** Server and ceiling in turn, so many times. */
  readonly rounds: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** At four fifths of the maximum, in each round; 0: not at all. */
  readonly openSeconds: number;
}

/** One id in so many is asked for after the crash. */
const sampleEvery = 101;
const maxSample = 2000;

/** What a server has promised. */
export class Promised {
  created = 0;
  refused = 0;
  readonly sample: string[] = [];

  take(status: number, body: Buffer): void {
    if (status !== 201) {
      this.refused++;
      return;
    }
    if (this.created++ % sampleEvery === 0 && this.sample.length < maxSample) {
      // {"id":"job_…_8 hex",
      this.sample.push(body.toString('latin1', 7, body.indexOf(34, 7)));
    }
  }
}

const requests = orderRequests();

/** Keeps `connections` busy for some seconds. */
export async function closedLoop(
  port: number,
  connections: number,
  seconds: number,
  promised: Promised,
): Promise<Figures> {
  const client = await HttpClient.open(port, connections);
  const latencies = new Latencies();
  const begun = performance.now();
  const end = begun + seconds * 1000;
  await client.closedLoop(
    (index) => (performance.now() < end ? requests(index) : undefined),
    (status, body, ms) => {
      promised.take(status, body);
      latencies.add(ms);
    },
  );
  const took = (performance.now() - begun) / 1000;
  client.close();
  return { perSecond: latencies.count / took, ...latencies.figures() };
}

async function openLoop(
  port: number,
  { connections, perSecond }: { readonly connections: number; readonly perSecond: number },
  seconds: number,
  promised: Promised,
): Promise<Figures> {
  const client = await HttpClient.open(port, connections);
  const latencies = new Latencies();
  const begun = performance.now();
  await client.openLoop(perSecond, Math.round(perSecond * seconds), requests, (status, body, ms) => {
    promised.take(status, body);
    latencies.add(ms);
  });
  const took = (performance.now() - begun) / 1000;
  client.close();
  return { perSecond: latencies.count / took, ...latencies.figures() };
}

/** In each round the maximum, then four fifths of it; of the bare server, then of ours. */
async function openLoops(
  server: ServerProcess,
  barePort: number,
  connections: number,
  plan: IngestPlan,
  promised: Promised,
  run: Run,
): Promise<void> {
  const ours: Figures[] = [];
  const bare: Figures[] = [];
  const load = async (port: number, by: Promised) => {
    const { perSecond } = await closedLoop(port, connections, plan.seconds, by);
    return { connections, perSecond: perSecond! * 0.8 };
  };
  for (let round = 0; round < plan.rounds; round++) {
    await server.quiet();
    const unkept = new Promised();
    bare.push(await openLoop(barePort, await load(barePort, unkept), plan.openSeconds, unkept));
    const fourFifths = await load(server.port, promised);
    await server.quiet();
    ours.push(await withMainThread(server.pid, () => openLoop(server.port, fourFifths, plan.openSeconds, promised)));
  }
  const figures = medians(ours);
  run.find({
    what: 'open loop at 0.8 of the maximum',
    figures,
    ceiling: { what: 'bare server at 0.8 of its own maximum', figures: medians(bare) },
    must: [atMost('p99 at most 25 ms', figures.p99Ms!, 25)],
  });
}

/** Everything that was answered is there, also after the process was killed. */
export async function checkPromises(
  server: ServerProcess,
  promised: Promised,
  before: number,
  run: Run,
): Promise<void> {
  run.equal(promised.refused, 0, 'requests not answered with 201');
  run.equal(await server.total(), before + promised.created, 'jobs listed');
  await server.crash();
  await server.start();
  run.equal(await server.total(), before + promised.created, 'jobs listed after kill -9');
  let missing = 0;
  for (const id of promised.sample) {
    const { status, body } = await server.ask('GET', `/jobs/${id}`);
    if (status !== 200 || (JSON.parse(body) as { status: string }).status !== 'pending') missing++;
  }
  run.equal(missing, 0, `of ${promised.sample.length} jobs looked up after kill -9, missing`);
}

export const ingest: Bench<IngestPlan> = {
  name: 'ingest',
  question: 'Durable jobs per second by POST /jobs',
  plans: {
    small: { connections: [64, 256], rounds: 3, warmUpSeconds: 1, seconds: 1, openSeconds: 1 },
    full: { connections: [1, 64, 256, 1024], rounds: 3, warmUpSeconds: 3, seconds: 8, openSeconds: 8 },
  },
  async run(plan, run) {
    const ceiling = new Helper<object, { port: number }>('ceilings/http.js');
    run.finally(() => ceiling.end());
    const { port } = await ceiling.next();
    const durableCeiling = new Helper<object, { port: number }>('ceilings/durable.js');
    run.finally(() => durableCeiling.end());
    const { port: durablePort } = await durableCeiling.next();
    const server = await ServerProcess.start();
    run.finally(() => server.discard());
    const promised = new Promised();
    if (plan.warmUpSeconds > 0) {
      await closedLoop(port, 64, plan.warmUpSeconds, new Promised());
      await closedLoop(durablePort, 64, plan.warmUpSeconds, new Promised());
      await closedLoop(server.port, 64, plan.warmUpSeconds, promised);
    }

    /** The fastest setting. */
    let best = { connections: 0, perSecond: 0 };
    for (const connections of plan.connections) {
      const ours: Figures[] = [];
      const bare: Figures[] = [];
      const durable: Figures[] = [];
      for (let round = 0; round < plan.rounds; round++) {
        await server.quiet();
        durable.push(await closedLoop(durablePort, connections, plan.seconds, new Promised()));
        bare.push(await closedLoop(port, connections, plan.seconds, new Promised()));
        ours.push(await withMainThread(server.pid, () => closedLoop(server.port, connections, plan.seconds, promised)));
      }
      const figures = medians(ours);
      const against = medians(bare);
      const ratio = figures.perSecond! / against.perSecond!;
      if (figures.perSecond! > best.perSecond) best = { connections, perSecond: figures.perSecond! };
      run.find({
        what: `${connections} connections`,
        figures,
        ceiling: { what: 'bare server that parses, validates and answers', figures: against },
        ratio,
        ratios: ratiosOf(
          ours.map(({ perSecond }) => perSecond!),
          bare.map(({ perSecond }) => perSecond!),
        ),
        must: [atLeast('at least 0.6 of the ceiling', ratio, 0.6)],
      });
      const kept = medians(durable);
      const ofKept = figures.perSecond! / kept.perSecond!;
      run.find({
        what: `${connections} connections, beside what durability costs`,
        figures,
        ceiling: { what: 'bare server that answers after one flush', figures: kept },
        ratio: ofKept,
        ratios: ratiosOf(
          ours.map(({ perSecond }) => perSecond!),
          durable.map(({ perSecond }) => perSecond!),
        ),
        must: [atLeast('at least 0.8 of the ceiling', ofKept, 0.8)],
      });
    }

    if (plan.openSeconds > 0) await openLoops(server, port, best.connections, plan, promised, run);
    await checkPromises(server, promised, 0, run);
  },
};
