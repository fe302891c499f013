import { spawn } from 'node:child_process';
import { once } from 'node:events';

/** Stops this process and lets it go on after `ms`: a child does it, since a stopped process cannot. */
export async function stopFor(ms: number): Promise<void> {
  const helper = spawn('sh', ['-c', `kill -STOP ${process.pid}; sleep ${ms / 1000}; kill -CONT ${process.pid}`]);
  await once(helper, 'exit');
}
