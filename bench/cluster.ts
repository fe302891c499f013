/**
 * How fast are nodes that keep their jobs in PostgreSQL? One node alone: single calls, at two sizes; a backlog; how late jobs start, also
 * while all is being dumped. Three nodes against one, with handlers that wait; how late jobs start while nodes are restarted, and where
 * one was killed. And whether a commit costs the same with many jobs waiting. What others do with PostgreSQL is in the peers' bench.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { commitsBySize } from './cluster-sizes.js';
import { checkPromises, closedLoop, Promised } from './ingest.js';
import { measureLateness, steady, steadyBeside } from './lateness.js';
import { rollingRestart } from './rolling-restart.js';
import { atLeast, atMost, type Bench, type Figures, medians, type Run, ratiosOf } from './support/bench.js';
import { type BenchPostgres, startNode, startPostgres, untilShared } from './support/cluster-nodes.js';
import { ahead, fillFar } from './support/fill.js';
import { HttpClient, request } from './support/http-client.js';
import { dueBody } from './support/job-bodies.js';
import { Latencies } from './support/latencies.js';
import type { ServerProcess, Stats } from './support/server-process.js';
import { measureThroughput } from './throughput.js';

export interface ClusterPlan {
  readonly rounds: number;
  /** Of single calls. */
  readonly seconds: number;
  readonly backlog: number;
  readonly lateness: { readonly perSecond: number; readonly seconds: number };
  /** Jobs that are there besides, at last. */
  readonly jobs: number;
  /** Jobs whose handlers wait. */
  readonly waiting: number;
  /** Jobs that come due where a node is killed. */
  readonly due: number;
  /** Of the cluster of three. */
  readonly shards: number;
  /** Jobs a second while nodes are restarted one after the other. */
  readonly rollingPerSecond: number;
  /** Waiting jobs beside which a commit is measured. */
  readonly sizes: { readonly few: number; readonly many: number };
}

const connections = 100;
const waitMs = 500;
const nodes = 3;
/** Between the kill and the first due time. */
const leadMs = 1000;
const takenLimitMs = 60_000;

export const cluster: Bench<ClusterPlan> = {
  name: 'cluster',
  question: 'Nodes on PostgreSQL',
  plans: {
    small: {
      rounds: 2,
      seconds: 2,
      backlog: 10_000,
      lateness: { perSecond: 1000, seconds: 3 },
      jobs: 50_000,
      waiting: 4000,
      due: 500,
      shards: 16,
      rollingPerSecond: 500,
      sizes: { few: 10_000, many: 1_000_000 },
    },
    full: {
      rounds: 3,
      seconds: 8,
      backlog: 100_000,
      lateness: { perSecond: 1000, seconds: 20 },
      jobs: 500_000,
      waiting: 10_000,
      due: 2000,
      shards: 16,
      rollingPerSecond: 500,
      sizes: { few: 10_000, many: 1_000_000 },
    },
  },
  async run(plan, run) {
    const postgres = await startPostgres(run);
    if (!postgres) return;
    await oneNode(postgres, plan, run);
    await severalNodes(postgres, plan, run);
    await commitsBySize(postgres, plan, run);
  },
};

async function oneNode(postgres: BenchPostgres, plan: ClusterPlan, run: Run): Promise<void> {
  const store = await postgres.fresh();
  const node = await startNode(store, run);
  const promised = new Promised();
  const calls = async (): Promise<Figures[]> => {
    const found: Figures[] = [];
    for (let round = 0; round < plan.rounds; round++)
      found.push(await closedLoop(node.port, connections, plan.seconds, promised));
    return found;
  };
  await closedLoop(node.port, connections, plan.seconds, promised);
  const few = await calls();
  run.find({ what: `one node, ${connections} connections one by one`, figures: medians(few) });
  await checkPromises(node, promised, 0, run);

  const backlogs: Figures[] = [];
  for (let round = 0; round < plan.rounds; round++) backlogs.push(await measureThroughput(node, plan.backlog, run));
  run.find({ what: 'one node, a backlog of no-ops', figures: medians(backlogs) });

  await fillFar(node, run, 0, plan.jobs);
  await node.quiet();
  const many = await calls();
  const ratios = ratiosOf(
    many.map(({ perSecond }) => perSecond!),
    few.map(({ perSecond }) => perSecond!),
  );
  run.find({
    what: `the same calls with ${plan.jobs.toLocaleString('en')} jobs there`,
    figures: medians(many),
    ratios,
    must: [atLeast('at least 0.9 of before', medians(ratios.map((ratio) => ({ ratio }))).ratio!, 0.9)],
  });
  await late(node, plan, run, `one node, ${plan.lateness.perSecond} due a second`);
  await late(node, plan, run, 'the same during pg_dump', () => postgres.dump(store));
  await node.discard();
}

async function late(
  node: ServerProcess,
  { lateness, rounds }: ClusterPlan,
  run: Run,
  what: string,
  beside?: () => Promise<void>,
): Promise<void> {
  const found: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    await node.quiet();
    const { perSecond, seconds } = lateness;
    found.push(
      beside
        ? await steadyBeside(node, lateness, run, beside)
        : await measureLateness(node, steady(perSecond, seconds), run),
    );
  }
  const figures = medians(found);
  run.find({
    what,
    figures,
    must: [atMost('p50 at most 2 ms', figures.p50Ms!, 2), atMost('p99 at most 15 ms', figures.p99Ms!, 15)],
  });
}

async function severalNodes(postgres: BenchPostgres, plan: ClusterPlan, run: Run): Promise<void> {
  const alone = await startNode(await postgres.fresh(), run);
  const one = await waits([alone], plan, run);
  await alone.discard();
  const store = await postgres.fresh();
  const three: ServerProcess[] = [];
  // By default a node waits half a minute before it takes from others.
  const args = ['--settle', '500ms', '--shards', String(plan.shards)];
  for (let i = 0; i < nodes; i++) three.push(await startNode(store, run, { args }));
  await untilShared(three);
  const all = await waits(three, plan, run);
  const ratio = all.perSecond! / one.perSecond!;
  run.find({
    what: `handlers that wait ${waitMs} ms, ${nodes} nodes`,
    figures: all,
    ceiling: { what: 'one node', figures: one },
    ratio,
    must: [atLeast('at least 2.4 times one node', ratio, 2.4)],
  });
  await fillFar(three[0]!, run, 0, plan.jobs);
  await rollingRestart(three, plan.rollingPerSecond, plan.jobs, run);
  await takeover(three, plan, run);
  for (const node of three) await node.discard();
}

/** Each node makes its part, so that all have some. */
async function waits(among: readonly ServerProcess[], { waiting }: ClusterPlan, run: Run): Promise<Figures> {
  return ahead(waiting, 0, run, async (due, ready) => {
    const before = (await among[0]!.stats()).completed;
    await makeOneByOne(among, waiting, run, () => dueBody('wait', due, `{"ms":${waitMs}}`));
    ready();
    await sleep(due - Date.now());
    const tookSeconds = ((await among[0]!.completed(before + waiting)) - due) / 1000;
    return { perSecond: waiting / tookSeconds, tookSeconds };
  });
}

async function makeOneByOne(
  among: readonly ServerProcess[],
  count: number,
  run: Run,
  bodyOf: (index: number) => string,
): Promise<void> {
  let made = 0;
  const part = Math.ceil(count / among.length);
  for (const [at, node] of among.entries()) {
    const client = await HttpClient.open(node.port, 16);
    const first = at * part;
    const end = Math.min(count, first + part);
    await client.closedLoop(
      (index) => (first + index < end ? request('POST', '/api/v1/jobs', bodyOf(first + index)) : undefined),
      (status) => {
        if (status === 201) made++;
      },
    );
    client.close();
  }
  run.equal(made, count, 'jobs made one by one');
}

/** A node is killed a second before jobs of all nodes come due. @param plan its `jobs` are there besides */
async function takeover(among: readonly ServerProcess[], { due: count, jobs }: ClusterPlan, run: Run): Promise<void> {
  const [asked, killed] = [among[0]!, among.at(-1)!];
  await ahead(count, 0, run, async (due, ready) => {
    const before = (await asked.stats()).completed;
    await makeOneByOne(among, count, run, (index) => dueBody('stamp', due, `{"n":${index}}`));
    ready();
    await sleep(due - leadMs - Date.now());
    await killed.crash();
    await sleep(due - Date.now());
    await untilTaken(asked, before + count);
    // The handler's notes reach the disk once a second.
    await sleep(1500);
    const stamps = among.slice(0, -1).flatMap((node) => node.stamps().filter(({ job }) => job < count));
    run.equal(new Set(stamps.map(({ job }) => job)).size, count, 'jobs that began after their node was killed');
    const latencies = new Latencies();
    for (const { began } of stamps) latencies.add(began - due + leadMs);
    const { maxMs } = latencies.figures();
    run.find({
      what: `jobs of a node that was killed, ${jobs.toLocaleString('en')} there: from the kill to the last that began`,
      figures: { maxMs: maxMs! },
      must: [atMost('at most 8 s', maxMs! / 1000, 8)],
    });
  });
}

/** As `completed` of a server, which may refuse to count while shards have no owner. */
async function untilTaken(node: ServerProcess, count: number): Promise<void> {
  const end = performance.now() + takenLimitMs;
  for (;;) {
    const { status, body } = await node.ask('GET', '/stats');
    if (status === 200 && (JSON.parse(body) as Stats).completed >= count) return;
    if (performance.now() > end) throw new Error(`after ${takenLimitMs / 1000} s of a takeover: ${status} ${body}`);
    await sleep(100);
  }
}
