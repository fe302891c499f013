/**
 * Runs benches: all of them small, or those that are named; `--full` at full size. Exits non-zero when a result was wrong,
 * never because one was slow.
 *
 *     npm run bench
 *     npm run bench -- ingest --full
 *     npm run bench -- ingest --full --runs 3    medians over three runs, each with a server of its own, and each one's ratio
 *     npm run bench -- throughput --profile      leaves CPU profiles of the server in bench/results/profiles
 */
import { join } from 'node:path';
import { Argument } from 'commander';
import { benches } from './benches.js';
import { type AnyBench, Run, type Size } from './support/bench.js';
import { commandLine, wholeNumber } from './support/command-line.js';
import { readFacts } from './support/facts.js';
import { TooLate } from './support/fill.js';
import { findingLines, resultsDir, writeReport } from './support/report.js';
import { overRuns } from './support/runs.js';
import { profiling } from './support/server-process.js';

/** Runs one so many times, prints and writes what it found; false when something was wrong. */
async function runBench(bench: AnyBench, size: Size, runs: number): Promise<boolean> {
  const facts = readFacts();
  const at = new Date().toISOString();
  const begun = performance.now();
  console.log(`\n${bench.name}: ${bench.question}`);
  const done: Run[] = [];
  while (done.length < runs) {
    const run = await runOnce(bench, size);
    for (const finding of run.findings) for (const line of findingLines(finding)) console.log(`  ${line}`);
    done.push(run);
    if (runs > 1) console.log(`  -- run ${done.length} of ${runs}`);
  }
  const seconds = (performance.now() - begun) / 1000;
  const errors = done.flatMap((run) => run.errors);
  console.log(`  ${seconds.toFixed(1)} s${errors.length > 0 ? `, ${errors.length} WRONG` : ''}`);
  writeReport({
    bench: bench.name,
    question: bench.question,
    size,
    command: `npm run bench -- ${bench.name}${size === 'full' ? ' --full' : ''}${runs > 1 ? ` --runs ${runs}` : ''}`,
    runs,
    at,
    seconds,
    facts,
    plan: bench.plans[size],
    findings: overRuns(done.map((run) => run.findings)),
    skipped: [...new Set(done.flatMap((run) => run.skipped))],
    errors,
  });
  return errors.length === 0;
}

async function runOnce(bench: AnyBench, size: Size): Promise<Run> {
  const run = new Run((line) => console.log(line));
  try {
    await bench.run(bench.plans[size], run);
  } catch (error) {
    if (error instanceof TooLate) run.skip(error.message);
    else run.check(false, (error as Error).message);
  } finally {
    await run.end();
  }
  return run;
}

const names = benches.map(({ name }) => name);
const command = commandLine('bench', 'Measures the server; fails on wrong results, never on slow ones.')
  .addArgument(new Argument('[name...]', 'which benches; all of them unless told').choices(names))
  .option('--full', 'at full size, minutes each', false)
  .option('--runs <number>', 'so many runs, each with a server of its own; figures are medians', wholeNumber(1), 1)
  .option('--profile', 'leave CPU profiles of the server in bench/results/profiles', false)
  .parse();
const { full, runs, profile } = command.opts<{ full: boolean; runs: number; profile: boolean }>();
if (profile) profiling.folder = join(resultsDir, 'profiles');

const chosen = command.args.length === 0 ? benches : benches.filter(({ name }) => command.args.includes(name));
const { cpu, cores, memoryGiB, kernel, node, commit, fileSystem, load } = readFacts();
console.log(
  `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${fileSystem}, ${kernel}, Node ${node}, commit ${commit}, load ${load}`,
);
let wrong = 0;
for (const bench of chosen) if (!(await runBench(bench, full ? 'full' : 'small', runs))) wrong++;
console.log(wrong === 0 ? '\nAll results were right.' : `\n${wrong} of ${chosen.length} benches had wrong results.`);
process.exit(wrong === 0 ? 0 : 1);
