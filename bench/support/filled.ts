/**
 * Data directories with so many pending jobs, spread over thirty days. Filling one with ten million takes minutes, so each
 * is filled once per process, on top of the next smaller one, and handed out as a copy.
 */
import { cpSync, rmSync } from 'node:fs';
import type { Run } from './bench.js';
import { fillFar } from './fill.js';
import { temporary } from './processes.js';
import { ServerProcess } from './server-process.js';

const filled = new Map<number, string>();

/** A fresh directory with `jobs` pending jobs, left in order. It belongs to the caller. */
export async function filledDirectory(jobs: number, run: Run): Promise<string> {
  const copy = temporary('data');
  if (jobs === 0) return copy;
  const known = filled.get(jobs);
  if (known !== undefined) {
    copyOver(known, copy);
    return copy;
  }
  const smaller = Math.max(0, ...[...filled.keys()].filter((count) => count < jobs));
  const master = temporary('filled');
  if (smaller > 0) copyOver(filled.get(smaller)!, master);
  run.say(`filling: ${(jobs - smaller).toLocaleString('en-US')} jobs`);
  const server = await ServerProcess.start({ dataDir: master });
  await fillFar(server, run, smaller, jobs);
  await server.quiet();
  run.equal(await server.total('&status=pending'), jobs, 'pending jobs after filling');
  await server.stop();
  filled.set(jobs, master);
  copyOver(master, copy);
  return copy;
}

function copyOver(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}
