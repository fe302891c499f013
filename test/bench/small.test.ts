/**
 * Every bench at a tiny size, for its checks alone: what it counts must be right, however slow the machine is just now.
 * The figures of so small a run mean nothing and are not looked at.
 */
import t from 'tap';
import { benches } from '../../bench/benches.js';
import { cluster } from '../../bench/cluster.js';
import { control } from '../../bench/control.js';
import { dashboard } from '../../bench/dashboard.js';
import { fanout } from '../../bench/fanout.js';
import { growth } from '../../bench/growth.js';
import { ingest } from '../../bench/ingest.js';
import { ingestBatch } from '../../bench/ingest-batch.js';
import { lateness } from '../../bench/lateness.js';
import { memory } from '../../bench/memory.js';
import { queries } from '../../bench/queries.js';
import { withFigures } from '../../bench/render.js';
import { restart } from '../../bench/restart.js';
import { type AnyBench, type Bench, Run } from '../../bench/support/bench.js';
import { throughput } from '../../bench/throughput.js';

interface Tiny {
  readonly bench: AnyBench;
  readonly plan: unknown;
}

/** Pairs a bench with a plan of its type. */
const tiny = <Plan>(bench: Bench<Plan>, plan: Plan): Tiny => ({ bench, plan });

const steady = { perSecond: 100, seconds: 1 };
const all: readonly Tiny[] = [
  tiny(ingest, { connections: [16], rounds: 1, warmUpSeconds: 0, seconds: 0.2, openSeconds: 0.2 }),
  tiny(ingestBatch, {
    batches: [
      { jobs: 100, lines: false },
      { jobs: 100, lines: true },
    ],
    connections: 2,
    rounds: 1,
    jobsPerRound: 1000,
  }),
  tiny(lateness, { steady: [steady], crowd: 100, rounds: 1 }),
  tiny(throughput, { threads: [2], jobs: 500, rounds: 1, ceilingJobs: 1000 }),
  tiny(fanout, { subscribers: [10], streams: [10], filters: ['all', 'types', 'own'], deliveries: 500, rounds: 1 }),
  tiny(memory, { jobs: [0, 500] }),
  tiny(restart, { jobs: [500], rounds: 1 }),
  tiny(queries, { jobs: 500, rounds: 1, seconds: 0.1, ingestPerSecond: 100 }),
  tiny(growth, { jobs: [100, 500], rounds: 1, ingestSeconds: 0.2, lateness: steady, backlog: 200 }),
  tiny(control, {
    jobs: 300,
    rounds: 1,
    seconds: 0.2,
    groups: { many: 50, few: 5, jobs: 300 },
    bulk: 500,
    beside: steady,
    tagged: 0,
  }),
  tiny(dashboard, { opens: 1, perSecond: 50, seconds: 0.2, jobs: 300, rounds: 1 }),
  tiny(cluster, {
    ...{ rounds: 1, seconds: 0.2, backlog: 200, lateness: steady, jobs: 500, waiting: 30, due: 30 },
    ...{ shards: 8, rollingPerSecond: 50 },
    sizes: { few: 100, many: 500 },
  }),
];

async function runTiny({ bench, plan }: Tiny): Promise<Run> {
  const run = new Run();
  try {
    await bench.run(plan, run);
  } catch (error) {
    run.check(false, String(error));
  } finally {
    await run.end();
  }
  return run;
}

t.setTimeout(280_000);

/** They mostly wait for jobs to come due, so a few go on at a time, the longest first. */
const lanes = 3;
const waiting = [...all].reverse();
const runs = new Map<string, Promise<Run>>();
const lane = async (): Promise<void> => {
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    const run = runTiny(next);
    runs.set(next.bench.name, run);
    await run;
  }
};
const done = Promise.all(Array.from({ length: lanes }, lane));

for (const { bench } of all) {
  t.test(`${bench.name}: nothing is wrong at a tiny size`, async (t) => {
    await done;
    const run = (await runs.get(bench.name)) as Run;
    t.same(run.errors, []);
    t.ok(run.findings.length > 0, 'something was found');
    for (const { what, figures } of run.findings) {
      t.ok(Object.values(figures).every(Number.isFinite), `the figures of "${what}" are numbers`);
    }
  });
}

t.test('every bench is among them', async (t) => {
  t.same(
    all.map(({ bench }) => bench.name),
    benches.map(({ name }) => name),
  );
});

t.test('a wrong count is an error', async (t) => {
  const run = new Run();
  run.equal(1, 2, 'jobs');
  run.check(true, 'never said');
  t.same(run.errors, ['jobs: 1 instead of 2']);
});

t.test('a page without its report says so, and is left alone around it', async (t) => {
  const page = 'before\n<!-- bench:ingest -->\nold\n<!-- /bench -->\nafter\n';
  const once = withFigures(page, () => undefined);
  t.equal(once, 'before\n<!-- bench:ingest -->\n\nNot measured yet.\n\n<!-- /bench -->\nafter\n');
  t.equal(
    withFigures(once, () => undefined),
    once,
    'twice is as once',
  );
});
