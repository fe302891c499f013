/** What a thread did with its time, as the kernel counts it: the shortest profile there is, and it costs nothing. */
import { existsSync, readFileSync } from 'node:fs';
import type { Figures } from './bench.js';

/** Nanoseconds since the thread began. */
interface ThreadTime {
  /** On a core. */
  readonly run: number;
  /** Ready to run, while no core was free. */
  readonly wait: number;
}

/** Of the thread that gave the process its id, Node.js's main thread; undefined where the kernel does not count. */
function mainThread(pid: number): ThreadTime | undefined {
  const file = `/proc/${pid}/task/${pid}/schedstat`;
  if (!existsSync(file)) return undefined;
  const [run, wait] = readFileSync(file, 'utf8').split(' ').map(Number);
  return { run: run!, wait: wait! };
}

/**
 * The figures that `work` comes to, and beside them the shares of its time in which the main thread of the process `pid` ran,
 * and in which it was kept from running by others on the same cores. What it serves waits for both: only the first is its own
 * doing.
 */
export async function withMainThread(pid: number, work: () => Promise<Figures>): Promise<Figures> {
  const before = mainThread(pid);
  const begun = performance.now();
  const figures = await work();
  const tookNs = (performance.now() - begun) * 1e6;
  const after = mainThread(pid);
  if (before === undefined || after === undefined) return figures;
  const percent = (name: keyof ThreadTime): number => ((after[name] - before[name]) / tookNs) * 100;
  return { ...figures, mainRunsPercent: percent('run'), mainWaitsPercent: percent('wait') };
}
