/**
 * Runs the compiled tests: `npm test`, or `npm test -- cron pool/` for the files whose path contains one of these.
 *
 * Each file is run by Node itself, as node-tap allows, and not through tap's own runner: that one puts hooks into every
 * process and thread that a test starts, signal handlers among them, and the tests of this server are about how exactly
 * processes start, die and answer signals. What it prints ends with `N passed, N failed, N skipped`.
 */
import { spawn } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { filesBelow } from './remove-stale.mjs';
import { readTap } from './tap-report.mjs';
import { wholeNumber } from './whole-number.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
/** Files named so measure time or load the machine: they run last and by themselves. */
const ALONE = /\.alone\.test\.ts$/;
/** After its own time-out tap names the test that hung; only a process too stuck for that is killed, this much later. */
const KILL_AFTER_MS = 10_000;

const command = new Command('npm test --')
  .description('Runs the tests.')
  .argument('[path...]', 'only files whose path contains one of these')
  .option('--snapshot', '(re)write the snapshots in .tap-snapshots instead of comparing with them', false)
  .option('--jobs <number>', 'files at a time', wholeNumber, 2)
  .option('--timeout <seconds>', 'how long one file may take', wholeNumber, 300)
  .parse();
const options = command.opts();
const positionals = command.args;
const timeoutMs = options.timeout * 1000;
const running = new Set();
let endShared = () => {};

function selectFiles() {
  const wanted = positionals.map((word) => word.replace(/^(\.\/)?(dist\/)?/, '').replace(/\.[jt]s$/, ''));
  return filesBelow('test')
    .filter((file) => file.endsWith('.test.ts'))
    .filter((file) => wanted.length === 0 || wanted.some((word) => file.includes(word)));
}

const compiled = (source) => join(ROOT, 'dist', source.replace(/\.ts$/, '.js'));

/** Runs one test file; resolves to its report, `reason` being what went wrong beside failed points. */
function runFile(source) {
  const child = spawn(process.execPath, ['--enable-source-maps', compiled(source)], {
    cwd: ROOT,
    // A process group of its own, so that servers left over by a failing test end with it.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(options.timeout), TAP_SNAPSHOT: options.snapshot ? '1' : '0' },
  });
  running.add(child);
  let output = '';
  let errors = '';
  let late = false;
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (errors += text));
  const timer = setTimeout(() => {
    late = true;
    killGroup(child);
  }, timeoutMs + KILL_AFTER_MS);
  child.once('exit', () => killGroup(child));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      const report = readTap(output);
      resolve({ ...report, errors, reason: explain(report, { code, signal, late }) });
    });
  });
}

function explain(report, { code, signal, late }) {
  if (late) return `killed after ${options.timeout} s`;
  if (signal !== null) return `ended by ${signal}`;
  if (!report.planned) return `ended before its tests did, with exit code ${code}`;
  if (report.passed + report.failed + report.skipped === 0) return 'no test in it';
  if (code !== 0 && report.failed === 0) return `exit code ${code}`;
  return undefined;
}

function killGroup(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // The group is empty already.
  }
}

async function runAll(files, jobs, total) {
  const queue = [...files];
  const lane = async () => {
    for (let source = queue.shift(); source !== undefined; source = queue.shift()) {
      const start = performance.now();
      const report = await runFile(source);
      if (report.reason !== undefined && report.failed === 0) report.failed = 1;
      total.passed += report.passed;
      total.failed += report.failed;
      total.skipped += report.skipped;
      printFile(source, report, performance.now() - start);
    }
  };
  await Promise.all(Array.from({ length: jobs }, lane));
}

function printFile(source, report, tookMs) {
  const { passed, failed, skipped, reason, failures, errors } = report;
  const skips = skipped > 0 ? `, ${skipped} skipped` : '';
  const seconds = (tookMs / 1000).toFixed(1);
  if (failed === 0) {
    console.log(`ok      ${source}  ${passed} passed${skips}, ${seconds} s`);
    return;
  }
  console.log(`not ok  ${source}  ${passed} passed, ${failed} failed${skips}, ${seconds} s`);
  if (reason !== undefined) console.log(`    ${reason}`);
  for (const line of failures) console.log(`    ${line}`);
  for (const line of errors.trimEnd().split('\n')) if (line !== '') console.log(`    stderr: ${line}`);
}

/** With TEST_NODES each server of the tests is a cluster, and all of them have one PostgreSQL. Returns what ends that. */
async function startShared() {
  if (process.env.TEST_NODES === undefined) return () => {};
  const { sharePostgres, withoutPostgres } = await import('../dist/test/support/postgres.js');
  if (withoutPostgres) return () => {};
  const ends = [];
  await sharePostgres({ teardown: (end) => ends.push(end) }, options.jobs);
  return async () => {
    for (const end of ends) await end();
  };
}

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    for (const child of running) killGroup(child);
    await endShared();
    process.exit(130);
  });
}

const files = selectFiles();
const total = { passed: 0, failed: 0, skipped: 0 };
// A full run starts from nothing, so that the snapshots of tests that are gone go too.
if (options.snapshot && positionals.length === 0)
  rmSync(join(ROOT, '.tap-snapshots'), { recursive: true, force: true });
if (files.length > 0) endShared = await startShared();
await runAll(
  files.filter((file) => !ALONE.test(file)),
  options.jobs,
  total,
);
await runAll(
  files.filter((file) => ALONE.test(file)),
  1,
  total,
);
await endShared();

if (existsSync(join(ROOT, 'tap-snapshots'))) {
  console.log(
    "A test wrote into tap-snapshots/: it lacks `import './support/snapshots.js'` (test/support/snapshots.ts).",
  );
  total.failed++;
}
if (total.passed + total.failed === 0) {
  const why = positionals.length > 0 && files.length === 0 ? `: no file matches ${positionals.join(' ')}` : '';
  console.log(`No test ran${why}.`);
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 && total.passed > 0 ? 0 : 1;
