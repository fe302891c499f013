/**
 * `npm run cluster`: three nodes and a PostgreSQL on this machine, to try them out. A node that is killed, or stopped, comes back, as a
 * supervisor would have it. All of it ends with Ctrl-C, and nothing stays.
 */
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

/** Milliseconds until a node that has ended comes back: longer than the others need to see that it is dead. */
const comesBackAfter = 10_000;

const comingBack = new Set<NodeJS.Timeout>();
const closes: (() => unknown)[] = [];
const folder = mkdtempSync(join(tmpdir(), 'escapement-nodes-'));
closes.push(() => rmSync(folder, { recursive: true, force: true }));

async function close(running: readonly ChildProcess[]): Promise<void> {
  for (const timer of comingBack) clearTimeout(timer);
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
  const cluster = ['--store', store, '--advertise', `http://127.0.0.1:${own}`, '--log-format', 'text'];
  const command = [process.execPath, join(root, 'dist/src/cli.js'), 'start', ...args, ...cluster];
  // It ends with this process, however that ends.
  const node = spawn('setpriv', ['--pdeathsig', 'TERM', ...command], {
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
    // A terminal and npm both pass Ctrl-C on: the second one must not end this process before its nodes.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => resolve());
  });
  const started: ChildProcess[] = [];
  let isStopping = false;
  try {
    const postgres = await startPostgres({ teardown: (each) => void closes.push(each) });
    const store = await postgres.fresh();
    const failed = new Promise<void>((resolve) => {
      const keep = (index: number): void => {
        const node = startNode(index, store);
        started[index] = node;
        const own = String(port + index);
        process.stdout.write(`${own} | process ${node.pid}\n`);
        node.once('exit', (code, signal) => {
          if (isStopping) return;
          if (code !== null && code !== 0) {
            process.stderr.write(`${own} | has ended with ${code}: the others end, too\n`);
            process.exitCode = 1;
            resolve();
            return;
          }
          process.stdout.write(
            `${own} | has ended (${signal ?? 'stopped'}), and comes back in ${comesBackAfter / 1_000} s\n`,
          );
          const timer = setTimeout(() => {
            comingBack.delete(timer);
            keep(index);
          }, comesBackAfter);
          comingBack.add(timer);
        });
      };
      for (let index = 0; index < nodes; index++) keep(index);
    });
    process.stdout.write(
      `PostgreSQL: ${store}\nLook at it: node dist/src/cli.js cluster --url http://127.0.0.1:${port}, or in a browser: http://127.0.0.1:${port}/#/cluster\nKill a node by its process, and look again. Ctrl-C ends all of it.\n`,
    );
    await Promise.race([stopping, failed]);
  } finally {
    isStopping = true;
    await close(started);
  }
}
