/**
 * Nodes are stopped in order and started again, one after the other, while jobs come in and come due. How long is a shard without an owner
 * who starts its jobs, how late do jobs start, and does a request fail that is sent twice? A part of the cluster's bench.
 */
import { atMost, type Figures, median, type Run, sleep } from './support/bench.js';
import { partsOf, untilShared } from './support/cluster-nodes.js';
import { Latencies } from './support/latencies.js';
import type { ServerProcess } from './support/server-process.js';
import { type MadeJob, SteadyClient } from './support/steady-client.js';

/** From the request to the due time, so that jobs come due at all moments of a move. */
const leadMs = 1000;
/** Between two moves of the same shards: jobs that were late have begun. */
const calmMs = 1000;
const beginLimitMs = 30_000;

/** A time in which some shards moved, by the wall clock. */
interface Phase {
  readonly begun: number;
  readonly ended: number;
  readonly moved: readonly number[];
}

/** @param jobs how many wait besides */
export async function rollingRestart(
  among: readonly ServerProcess[],
  perSecond: number,
  jobs: number,
  run: Run,
): Promise<void> {
  const client = new SteadyClient({ nodes: among, perSecond, leadMs, shards: (await partsOf(among[0]!)).length });
  await sleep(calmMs);
  const phases: Phase[] = [];
  for (const [at, node] of among.entries()) {
    const other = among[(at + 1) % among.length]!;
    phases.push(await phase(other, () => node.stop()));
    phases.push(await phase(other, () => startAgain(node, among)));
  }
  await client.end();
  const { made, counts, firstFailure } = client;
  const began = await untilBegun(among, made, run);
  const lateness = new Latencies();
  for (const [n, { due }] of made) lateness.add((began.get(n) ?? due) - due);
  const { p99Ms, maxMs } = lateness.figures();
  const handovers = phases.flatMap((phase) => handoversOf(phase, made, began));
  run.check(handovers.length > 0, 'no shard has moved');
  if (firstFailure !== undefined) run.say(`a request that was sent twice failed: ${firstFailure}`);
  const figures: Figures = {
    moves: handovers.length,
    handoverP50Ms: median(handovers),
    maxHandoverMs: Math.max(...handovers),
    latenessP99Ms: p99Ms!,
    maxLatenessMs: maxMs!,
    sentAgain: counts.again,
    failed: counts.failed,
  };
  run.find({
    what: `${among.length} nodes restarted one after the other, ${perSecond} jobs a second, ${jobs.toLocaleString('en')} there`,
    figures,
    must: [
      atMost('a handover at most 0.5 s', figures.maxHandoverMs! / 1000, 0.5),
      atMost('a job at most 1 s late', figures.maxLatenessMs! / 1000, 1),
      atMost('no request fails twice', counts.failed, 0),
    ],
  });
}

async function startAgain(node: ServerProcess, among: readonly ServerProcess[]): Promise<void> {
  await node.start();
  await untilShared(among);
}

/** @param other sees it, and goes on meanwhile */
async function phase(other: ServerProcess, change: () => Promise<void>): Promise<Phase> {
  const before = await partsOf(other);
  const begun = Date.now();
  await change();
  await sleep(calmMs);
  const after = await partsOf(other);
  const epochs = new Map(before.map(({ shard, epoch }) => [shard, epoch]));
  const moved = after.filter(({ shard, epoch }) => epochs.get(shard) !== epoch).map(({ shard }) => shard);
  return { begun, ended: Date.now(), moved };
}

/** For each shard that moved how late the latest of its jobs began: for so long nobody started any. */
function handoversOf(
  { begun, ended, moved }: Phase,
  made: ReadonlyMap<number, MadeJob>,
  began: ReadonlyMap<number, number>,
): readonly number[] {
  const latest = new Map(moved.map((shard) => [shard, 0]));
  for (const [n, { due, shard }] of made) {
    const most = latest.get(shard);
    if (most === undefined || due < begun || due > ended) continue;
    latest.set(shard, Math.max(most, (began.get(n) ?? due) - due));
  }
  return [...latest.values()];
}

/** When each of them began, by its number. One whose request was sent once begins once. */
async function untilBegun(
  among: readonly ServerProcess[],
  made: ReadonlyMap<number, MadeJob>,
  run: Run,
): Promise<ReadonlyMap<number, number>> {
  const end = performance.now() + beginLimitMs;
  for (;;) {
    const began = new Map<number, number>();
    let twice = 0;
    for (const { job, began: at } of among.flatMap((node) => node.stamps())) {
      const known = made.get(job);
      if (known === undefined) continue;
      if (began.has(job) && !known.isRepeated) twice++;
      began.set(job, Math.min(began.get(job) ?? at, at));
    }
    if (began.size === made.size || performance.now() > end) {
      run.equal(began.size, made.size, 'jobs that began in a rolling restart');
      run.equal(twice, 0, 'jobs that began twice in a rolling restart');
      return began;
    }
    await sleep(200);
  }
}
