/**
 * Runs benches: all of them small, or those that are named; `--full` at full size. Exits non-zero when a result was wrong,
 * never because one was slow.
 *
 *     npm run bench
 *     npm run bench -- ingest --full
 *     npm run bench -- throughput --profile      leaves CPU profiles of the server in bench/results/profiles
 */
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benches } from './benches.js';
import { type AnyBench, Run, type Size } from './support/bench.js';
import { readFacts } from './support/facts.js';
import { TooLate } from './support/fill.js';
import { findingLines, resultsDir, writeReport } from './support/report.js';
import { profiling } from './support/server-process.js';

/** Runs one, prints and writes what it found; false when something was wrong. */
async function runBench(bench: AnyBench, size: Size): Promise<boolean> {
  const facts = readFacts();
  const at = new Date().toISOString();
  const begun = performance.now();
  const run = new Run((line) => console.log(line));
  console.log(`\n${bench.name}: ${bench.question}`);
  try {
    await bench.run(bench.plans[size], run);
  } catch (error) {
    if (error instanceof TooLate) run.skip(error.message);
    else run.check(false, (error as Error).message);
  } finally {
    await run.end();
  }
  const seconds = (performance.now() - begun) / 1000;
  for (const finding of run.findings) for (const line of findingLines(finding)) console.log(`  ${line}`);
  console.log(`  ${seconds.toFixed(1)} s${run.errors.length > 0 ? `, ${run.errors.length} WRONG` : ''}`);
  writeReport({
    bench: bench.name,
    question: bench.question,
    size,
    command: `npm run bench -- ${bench.name}${size === 'full' ? ' --full' : ''}`,
    at,
    seconds,
    facts,
    plan: bench.plans[size],
    findings: run.findings,
    skipped: run.skipped,
    errors: run.errors,
  });
  return run.errors.length === 0;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false }, profile: { type: 'boolean', default: false } },
});
const unknown = positionals.filter((name) => !benches.some((bench) => bench.name === name));
if (unknown.length > 0) {
  console.error(`There is no bench ${unknown.join(', ')}; there are ${benches.map(({ name }) => name).join(', ')}.`);
  process.exit(2);
}
if (values.profile) profiling.folder = join(resultsDir, 'profiles');

const chosen = positionals.length === 0 ? benches : benches.filter(({ name }) => positionals.includes(name));
const { cpu, cores, memoryGiB, kernel, node, commit, fileSystem, load } = readFacts();
console.log(
  `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${fileSystem}, ${kernel}, Node ${node}, commit ${commit}, load ${load}`,
);
let wrong = 0;
for (const bench of chosen) if (!(await runBench(bench, values.full ? 'full' : 'small'))) wrong++;
console.log(wrong === 0 ? '\nAll results were right.' : `\n${wrong} of ${chosen.length} benches had wrong results.`);
process.exit(wrong === 0 ? 0 : 1);
