/**
 * The same work on Escapement and on what users would pick instead; see README.md. Writes `bench/results/peers.json`, from
 * which BENCHMARKS.md and docs/benchmarks.svg are made. Exits non-zero when a count was wrong, never because one is slow.
 *
 *     node run.mjs [--full] [name …]
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Run } from '../../dist/bench/support/bench.js';
import { readFacts } from '../../dist/bench/support/facts.js';
import { findingLines, writeReport } from '../../dist/bench/support/report.js';
import { measureEscapement, startEscapement, startOnPostgres } from './escapement.mjs';
import { bun, node24, startBunqueue, startPostgres, startRedis } from './servers.mjs';

const here = new URL('.', import.meta.url);
const plans = {
  small: { enqueue: 5000, bulk: 20_000, run: 10_000, latenessPerSecond: 1000, latenessSeconds: 2 },
  full: { enqueue: 100_000, bulk: 200_000, run: 100_000, latenessPerSecond: 1000, latenessSeconds: 20 },
};
const limitMs = 600_000;

const version = (name) => JSON.parse(readFileSync(new URL(`node_modules/${name}/package.json`, here), 'utf8')).version;

const peers = [
  {
    name: 'escapement-client',
    what: 'Escapement, by its client, two batches under way',
    promise: 'written and flushed to disk',
    start: startEscapement,
    client: ['escapement-client', process.execPath],
  },
  { name: 'escapement', what: 'Escapement, HTTP', promise: 'written and flushed to disk' },
  {
    name: 'escapement-postgres',
    what: 'Escapement, HTTP, one node on PostgreSQL',
    promise: 'written and flushed to disk',
    start: startPostgres,
    store: true,
  },
  {
    name: 'bullmq-memory',
    what: `BullMQ ${version('bullmq')}, Redis without AOF`,
    promise: "in Redis's memory: a crash loses it",
    start: () => startRedis(false),
    client: ['bullmq', process.execPath],
  },
  {
    name: 'bullmq-always',
    what: `BullMQ ${version('bullmq')}, Redis with AOF always`,
    promise: 'written and flushed to disk',
    start: () => startRedis(true),
    client: ['bullmq', process.execPath],
  },
  {
    name: 'graphile',
    what: `graphile-worker ${version('graphile-worker')}, PostgreSQL`,
    promise: 'written and flushed to disk',
    start: startPostgres,
    client: ['graphile', process.execPath],
  },
  {
    name: 'pgboss',
    what: `pg-boss ${version('pg-boss')}, PostgreSQL`,
    promise: 'written and flushed to disk',
    start: startPostgres,
    client: ['pgboss', node24],
  },
  {
    name: 'bunqueue-buffered',
    what: `bunqueue ${version('bunqueue')}, SQLite, buffered`,
    promise: "in the server's memory, on disk some milliseconds later: a crash loses those",
    start: startBunqueue,
    client: ['bunqueue', bun],
    options: { durable: false },
  },
  {
    name: 'bunqueue-durable',
    what: `bunqueue ${version('bunqueue')}, SQLite, durable`,
    promise:
      "handed to the operating system (SQLite's synchronous=NORMAL): survives a crash of the process, not of the machine",
    start: startBunqueue,
    client: ['bunqueue', bun],
    options: { durable: true },
  },
];

/** Runs the client process of a peer and returns what it prints. */
function runClient([module, program], options) {
  return new Promise((done, failed) => {
    const child = spawn(program, ['client.mjs', module, JSON.stringify(options)], {
      cwd: here,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', () => child.kill('SIGKILL'));
    const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
    let output = '';
    let errors = '';
    child.stdout.on('data', (text) => (output += text));
    child.stderr.on('data', (text) => (errors = (errors + text).slice(-2000)));
    child.once('error', failed);
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const line = output.split('\n').find((text) => text.startsWith('{"figures"'));
      if (line === undefined)
        failed(new Error(`its client ended with ${code ?? signal}: ${errors || output.slice(-2000)}`));
      else done(JSON.parse(line));
    });
  });
}

async function measure({ start, client, options, store }, plan, run, what) {
  if (start === undefined) return measureEscapement(plan, run);
  const server = await start();
  try {
    if (store) return await measureEscapement(plan, run, () => startOnPostgres(server.port, run));
    const { figures, errors } = await runClient(client, { port: server.port, plan, ...options });
    for (const error of errors) run.check(false, `${what}: ${error}`);
    return figures;
  } finally {
    await server.stop();
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { full: { type: 'boolean', default: false } },
});
const size = values.full ? 'full' : 'small';
const run = new Run((line) => console.log(line));
const facts = readFacts();
const at = new Date().toISOString();
const begun = performance.now();
for (const peer of peers.filter(({ name }) => positionals.length === 0 || positionals.includes(name))) {
  try {
    const figures = await measure(peer, plans[size], run, peer.what);
    run.find({ what: peer.what, figures, promise: peer.promise });
    for (const line of findingLines(run.findings.at(-1))) console.log(line);
  } catch (error) {
    run.skip(`${peer.what}: ${error.message}`);
  }
}
await run.end();
if (positionals.length === 0) {
  writeReport({
    bench: 'peers',
    question: 'The same work on what users would pick instead',
    size,
    command: `cd bench/peers && npm run bench${values.full ? ' -- --full' : ''}`,
    at,
    seconds: (performance.now() - begun) / 1000,
    facts,
    plan: plans[size],
    findings: run.findings,
    skipped: run.skipped,
    errors: run.errors,
  });
}
process.exit(run.errors.length === 0 ? 0 : 1);
