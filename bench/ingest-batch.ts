/**
 * How many jobs a second can be handed over by `POST /jobs/batch`, each batch answered when all of it is on disk? Held
 * against parsing and checking the same bodies, then the storage layout alone, one after the other.
 */
import type { ParseLoad } from './ceilings/parse.js';
import type { StorageLoad, StorageSpeed } from './ceilings/storage.js';
import { atLeast, type Bench, type Figures, median, medians, type Run, ratiosOf } from './support/bench.js';
import { HttpClient, request } from './support/http-client.js';
import { batchBodies } from './support/job-bodies.js';
import { Latencies } from './support/latencies.js';
import { runHelper } from './support/processes.js';
import { ServerProcess } from './support/server-process.js';
import { withMainThread } from './support/thread-time.js';

export interface IngestBatchPlan {
  readonly batches: readonly { readonly jobs: number; readonly lines: boolean }[];
  readonly connections: number;
  readonly rounds: number;
  readonly jobsPerRound: number;
}

type Batch = IngestBatchPlan['batches'][number];

interface Promised {
  jobs: number;
  /** Ids of the first and last job of some batches. */
  readonly sample: string[];
}

const sampleEvery = 7;

/** Sends batches until all jobs of a round are made; jobs per second, and latency per batch. */
async function load(
  server: ServerProcess,
  batch: Batch,
  plan: IngestBatchPlan,
  promised: Promised,
  run: Run,
): Promise<Figures> {
  const type = batch.lines ? 'application/x-ndjson' : 'application/json';
  const requests = batchBodies(batch.jobs, batch.lines).map((body) =>
    request('POST', '/api/v1/jobs/batch', body, type),
  );
  const client = await HttpClient.open(server.port, plan.connections);
  const latencies = new Latencies();
  const count = Math.ceil(plan.jobsPerRound / batch.jobs);
  let refused = 0;
  const begun = performance.now();
  await client.closedLoop(
    (index) => (index < count ? requests[index % requests.length] : undefined),
    (status, body, ms, index) => {
      latencies.add(ms);
      if (status !== 201) refused++;
      else promised.jobs += batch.jobs;
      if (status === 201 && index % sampleEvery === 0) promised.sample.push(...ends(body));
    },
  );
  const took = (performance.now() - begun) / 1000;
  client.close();
  run.equal(refused, 0, 'batches not answered with 201');
  return { perSecond: (count * batch.jobs) / took, ...latencies.figures() };
}

const idPattern = /"id":"(job_[^"]+)"/;

/** Ids of the first and the last job of an answer. */
function ends(body: Buffer): string[] {
  const around = [body.toString('latin1', 0, 200), body.toString('latin1', body.lastIndexOf('{"id":"'))];
  return around.flatMap((text) => idPattern.exec(text)?.[1] ?? []);
}

async function ceiling(batch: Batch, plan: IngestBatchPlan): Promise<{ parse: number; storage: number }> {
  const parse: ParseLoad = { jobs: plan.jobsPerRound, perBatch: batch.jobs, lines: batch.lines };
  const storage: StorageLoad = { jobs: plan.jobsPerRound, completions: 0, perCommit: batch.jobs };
  return {
    parse: (await runHelper<{ perSecond: number }>('ceilings/parse.js', parse)).perSecond,
    storage: (await runHelper<StorageSpeed>('ceilings/storage.js', storage)).createsPerSecond,
  };
}

async function measure(
  server: ServerProcess,
  batch: Batch,
  plan: IngestBatchPlan,
  promised: Promised,
  run: Run,
): Promise<void> {
  const ours: Figures[] = [];
  const ceilings: { parse: number; storage: number }[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    ceilings.push(await ceiling(batch, plan));
    ours.push(await withMainThread(server.pid, () => load(server, batch, plan, promised, run)));
    await server.quiet();
  }
  const parse = median(ceilings.map((one) => one.parse));
  const storage = median(ceilings.map((one) => one.storage));
  const oneAfterTheOther = (speed: { parse: number; storage: number }): number =>
    1 / (1 / speed.parse + 1 / speed.storage);
  const both = oneAfterTheOther({ parse, storage });
  const figures = medians(ours);
  const ratio = figures.perSecond! / both;
  run.find({
    what: `${batch.jobs.toLocaleString('en-US')} jobs a request, ${batch.lines ? 'NDJSON' : 'JSON array'}`,
    figures,
    ceiling: {
      what: 'parsing and checking, then storage alone',
      figures: { perSecond: both, parsePerSecond: parse, storagePerSecond: storage },
    },
    ratio,
    ratios: ratiosOf(
      ours.map(({ perSecond }) => perSecond!),
      ceilings.map(oneAfterTheOther),
    ),
    must: [
      atLeast('at least 0.7 of the ceiling', ratio, 0.7),
      atLeast('at least 100,000/s', figures.perSecond!, 100_000),
    ],
  });
}

export const ingestBatch: Bench<IngestBatchPlan> = {
  name: 'ingest-batch',
  question: 'Durable jobs per second by POST /jobs/batch',
  plans: {
    small: { batches: [{ jobs: 1000, lines: false }], connections: 4, rounds: 2, jobsPerRound: 50_000 },
    full: {
      batches: [
        { jobs: 100, lines: false },
        { jobs: 1000, lines: false },
        { jobs: 10_000, lines: false },
        { jobs: 10_000, lines: true },
      ],
      connections: 4,
      rounds: 3,
      jobsPerRound: 500_000,
    },
  },
  async run(plan, run) {
    const server = await ServerProcess.start();
    run.finally(() => server.discard());
    const { status } = await server.ask('POST', '/jobs/batch', '[]');
    if (status === 404 || status === 405) return run.skip('this server has no POST /jobs/batch');
    const promised: Promised = { jobs: 0, sample: [] };
    for (const batch of plan.batches) await measure(server, batch, plan, promised, run);
    run.equal(await server.total(), promised.jobs, 'jobs listed');
    await server.crash();
    await server.start();
    run.equal(await server.total(), promised.jobs, 'jobs listed after kill -9');
    let missing = 0;
    for (const id of promised.sample) if ((await server.ask('GET', `/jobs/${id}`)).status !== 200) missing++;
    run.equal(missing, 0, `of ${promised.sample.length} jobs looked up after kill -9, missing`);
  },
};
