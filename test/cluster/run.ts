/** `npm run cluster`: three nodes and a PostgreSQL on this machine, to try them out. All of it ends with Ctrl-C, and nothing stays. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError } from 'commander';
import { startPostgres, withoutPostgres } from '../support/postgres.js';

const root = fileURLToPath(new URL('../../../', import.meta.url));

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,5}$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

const { nodes, port } = new Command('npm run cluster --')
  .description('Start a PostgreSQL and nodes that keep their jobs there. What they store is removed at the end.')
  .option('--nodes <number>', 'how many', whole(1, 16), 3)
  .option('--port <number>', 'of the first node; the others have the next ones', whole(1, 65_000), 8081)
  .parse()
  .opts<{ nodes: number; port: number }>();

const closes: (() => unknown)[] = [];
const folder = mkdtempSync(join(tmpdir(), 'escapement-nodes-'));
closes.push(() => rmSync(folder, { recursive: true, force: true }));

async function close(running: readonly ChildProcess[]): Promise<void> {
  await Promise.all(running.map(endNode));
  for (const each of closes.splice(0).reverse()) await each();
}

async function endNode(node: ChildProcess): Promise<void> {
  if (node.exitCode !== null || node.signalCode !== null) return;
  const ended = once(node, 'exit');
  node.kill('SIGTERM');
  await ended;
}

function startNode(index: number, store: string): ChildProcess {
  const own = String(port + index);
  const args = ['--port', own, '--data-dir', join(folder, own), '--handlers', join(root, 'dist/workers')];
  const cluster = ['--store', store, '--advertise', `http://127.0.0.1:${own}`];
  const node = spawn(process.execPath, [join(root, 'dist/src/cli.js'), 'start', ...args, ...cluster], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // A terminal's Ctrl-C is for this process, which ends them in order.
    detached: true,
  });
  for (const [from, to] of [
    [node.stdout, process.stdout],
    [node.stderr, process.stderr],
  ] as const) {
    from?.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n')) if (line !== '') to.write(`${own} | ${line}\n`);
    });
  }
  return node;
}

if (withoutPostgres !== false) {
  process.stderr.write(`${withoutPostgres}\n`);
  process.exitCode = 1;
} else {
  const stopping = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  let started: ChildProcess[] = [];
  try {
    const postgres = await startPostgres({ teardown: (each) => void closes.push(each) });
    const store = await postgres.fresh();
    process.stdout.write(`PostgreSQL: ${store}\n`);
    started = Array.from({ length: nodes }, (_, index) => startNode(index, store));
    const failed = Promise.race(started.map(async (node) => await once(node, 'exit')));
    await Promise.race([stopping, failed]);
  } finally {
    await close(started);
  }
}
