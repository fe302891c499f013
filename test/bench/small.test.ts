/**
 * Every bench at a tiny size, for its checks alone: what it counts must be right, however slow the machine is just now.
 * The figures of so small a run mean nothing and are not looked at.
 */
import t, { type Test } from 'tap';
import { ingest } from '../../bench/ingest.js';
import { lateness } from '../../bench/lateness.js';
import { type Bench, Run } from '../../bench/support/bench.js';
import { throughput } from '../../bench/throughput.js';

/** Runs a bench and returns how it went. */
async function tiny<Plan>(bench: Bench<Plan>, plan: Plan): Promise<Run> {
  const run = new Run();
  try {
    await bench.run(plan, run);
  } finally {
    await run.end();
  }
  return run;
}

async function right<Plan>(t: Test, bench: Bench<Plan>, plan: Plan, findings: number): Promise<void> {
  const run = await tiny(bench, plan);
  t.same(run.errors, [], 'no result was wrong');
  t.equal(run.findings.length + run.skipped.length, findings, 'each setting has a finding, or says why not');
  for (const { what, figures } of run.findings) {
    t.ok(Object.values(figures).every(Number.isFinite), `the figures of "${what}" are numbers`);
  }
}

t.test('ingest keeps what it acknowledged, also after kill -9', (t) =>
  right(t, ingest, { connections: [16], rounds: 1, warmUpSeconds: 0, seconds: 0.3, openSeconds: 0.3 }, 2));

t.test('lateness: every job begins once and none early', (t) =>
  right(t, lateness, { steady: [{ perSecond: 200, seconds: 1 }], crowd: 200, rounds: 1 }, 2));

t.test('throughput: every job of a backlog succeeds once', (t) =>
  right(t, throughput, { threads: [2], jobs: 500, rounds: 1, ceilingJobs: 1000 }, 1));

t.test('a wrong count is an error and stops nothing', async (t) => {
  const run = new Run();
  run.equal(1, 2, 'jobs');
  run.check(true, 'never said');
  t.same(run.errors, ['jobs: 1 instead of 2']);
});
