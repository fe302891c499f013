/**
 * Proves that the simulation bites: `npm run mutate`. Each deliberate fault of scripts/mutations/ is put into a copy of
 * the project, built, and must make the simulation fail within a number of seeds, or the test that it names; the server as
 * it is must pass all of them first. Prints the table of docs/testing.md; the exit code is 1 when a fault is not found.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { mutate, mutations } from './mutations.mjs';
import { wholeNumber } from './whole-number.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const STEPS = 150;
/** A fault may make a life endless. */
const LIFE_LIMIT_MS = 600_000;

const { seeds, only } = new Command('npm run mutate --')
  .description('Puts one deliberate fault after the other into a copy, and expects the simulation to find it.')
  .option('--seeds <number>', 'lives for each fault', wholeNumber, 1000)
  .option('--only <word>', 'the faults whose name contains it', '')
  .parse()
  .opts();
const copy = mkdtempSync(join(tmpdir(), 'escapement-mutate-'));

/** Lives seeds from 1 on, in a process of its own, and prints the first failure. */
const LIVING = `
  const { live } = await import('./dist/test/simulation/shrink.js');
  for (let seed = 1; seed <= ${seeds}; seed++) {
    const failure = live({ seed, steps: ${STEPS} });
    if (failure) {
      console.log(JSON.stringify({ seed, message: failure.error.message }));
      break;
    }
  }`;

function run(args) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: copy,
    encoding: 'utf8',
    timeout: LIFE_LIMIT_MS,
  });
  return { ok: status === 0, late: signal !== null, stdout, stderr };
}

/** Later builds look only at what changed. */
function build() {
  const compiler = join(copy, 'node_modules/typescript/bin/tsc');
  const { ok, stdout } = run([
    compiler,
    '-p',
    '.',
    '--incremental',
    '--noUnusedLocals',
    'false',
    '--noUnusedParameters',
    'false',
  ]);
  if (!ok) throw new Error(`it does not build:\n${stdout}`);
}

/** The first failure of the copy as it is; undefined: all lives held. */
function findFailure() {
  build();
  const { ok, late, stdout, stderr } = run(['--input-type=module', '-e', LIVING]);
  if (late) return { seed: seeds, message: 'a life did not end' };
  if (!ok) throw new Error(stderr);
  return stdout === '' ? undefined : JSON.parse(stdout);
}

/** As `findFailure`, by the one test that is made for the fault. */
function failsTest(test) {
  build();
  return run([join('dist/test', `${test}.test.js`)]).ok
    ? undefined
    : { seed: `\`${test}\``, message: 'a test of its own' };
}

/** What fits a table. */
function cell(message) {
  const text = message.replaceAll('|', '/');
  return text.length <= 110 ? text : `${text.slice(0, text.lastIndexOf(' ', 110))} …`;
}

/** Makes the changes of one fault; returns what takes them back. */
function apply({ changes }) {
  const before = new Map();
  for (const each of changes) {
    const path = join(copy, each.file);
    const source = readFileSync(path, 'utf8');
    if (!before.has(path)) before.set(path, source);
    writeFileSync(path, mutate(source, each));
  }
  return () => {
    for (const [path, source] of before) writeFileSync(path, source);
  };
}

function main() {
  for (const name of ['src', 'test', 'workers', 'bench', 'scripts', 'tsconfig.json', 'package.json'])
    cpSync(join(ROOT, name), join(copy, name), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  const control = findFailure();
  if (control) {
    console.log(`Without any fault put in, seed ${control.seed} fails: ${control.message}`);
    return false;
  }
  console.log(`Without any fault, ${seeds} lives of ${STEPS} steps hold.\n`);
  console.log('| fault | found at seed | what the invariant said |\n|---|---|---|');
  let survived = 0;
  for (const mutation of mutations.filter(({ name }) => name.includes(only))) {
    const restore = apply(mutation);
    const found = mutation.test === undefined ? findFailure() : failsTest(mutation.test);
    restore();
    if (!found) survived++;
    console.log(`| ${mutation.name} | ${found ? `${found.seed} | ${cell(found.message)}` : 'NOT FOUND |'} |`);
  }
  console.log(`\n${survived === 0 ? 'All were found.' : `${survived} not found within ${seeds} seeds.`}`);
  return survived === 0;
}

try {
  process.exitCode = main() ? 0 : 1;
} finally {
  rmSync(copy, { recursive: true, force: true });
}
