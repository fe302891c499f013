/**
 * Does a commit cost the same with few and with many jobs waiting? Two nodes, each by itself on a database of its own, are asked in turn, by
 * one connection: so each call is a commit. A part of the cluster's bench.
 */
import { closedLoop, Promised } from './ingest.js';
import { atMost, type Figures, medians, type Run, ratiosOf } from './support/bench.js';
import { type BenchPostgres, startNode } from './support/cluster-nodes.js';
import { fillFar } from './support/fill.js';
import type { ServerProcess } from './support/server-process.js';

interface SizesPlan {
  readonly sizes: { readonly few: number; readonly many: number };
  readonly rounds: number;
  readonly seconds: number;
}

/** More than of others: what is compared differs by little. */
const roundsEach = 3;
const quietLimitMs = 60_000;

export async function commitsBySize(postgres: BenchPostgres, plan: SizesPlan, run: Run): Promise<void> {
  const { sizes, rounds, seconds } = plan;
  const few = await filled(postgres, sizes.few, run);
  const many = await filled(postgres, sizes.many, run);
  const found: { readonly few: Figures[]; readonly many: Figures[] } = { few: [], many: [] };
  for (let round = 0; round < rounds * roundsEach; round++) {
    found.few.push(await calls(few, seconds, run));
    found.many.push(await calls(many, seconds, run));
  }
  const ratios = ratiosOf(
    found.many.map(({ p50Ms }) => p50Ms!),
    found.few.map(({ p50Ms }) => p50Ms!),
  );
  const ratio = medians(ratios.map((ratio) => ({ ratio }))).ratio!;
  run.find({
    what: `a commit with ${sizes.many.toLocaleString('en')} jobs waiting, by one connection`,
    figures: medians(found.many),
    ceiling: { what: `with ${sizes.few.toLocaleString('en')}`, figures: medians(found.few) },
    ratio,
    ratios,
    must: [atMost('p50 at most 1.1 times', ratio, 1.1)],
  });
  await few.discard();
  await many.discard();
}

async function filled(postgres: BenchPostgres, jobs: number, run: Run): Promise<ServerProcess> {
  const node = await startNode(await postgres.fresh(), run);
  await fillFar(node, run, 0, jobs);
  await node.quiet(quietLimitMs);
  return node;
}

async function calls(node: ServerProcess, seconds: number, run: Run): Promise<Figures> {
  const promised = new Promised();
  const { p50Ms, p99Ms } = await closedLoop(node.port, 1, seconds, promised);
  run.equal(promised.refused, 0, 'requests not answered with 201');
  return { p50Ms: p50Ms!, p99Ms: p99Ms! };
}
