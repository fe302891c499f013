/**
 * What a soak looks at while it goes on, and whether any of it grows: memory of its own, descriptors, threads, the data
 * file. What is resident beside that is the data file, which the system maps in and takes back. A quantity leaks when the end of a stretch lies above its beginning by more than its own unrest explains.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { median } from '../../bench/support/bench.js';
import type { Held } from './heap.js';

/** One look at the server. `atSeconds` counts from the start of the soak. */
export interface Sample {
  readonly atSeconds: number;
  readonly rssMiB: number;
  /** Of that, what is no part of a file. */
  readonly privateMiB: number;
  /** Of the main thread, after a collection. */
  readonly heapMiB: number;
  readonly handles: number;
  readonly descriptors: number;
  readonly threads: number;
  readonly fileMiB: number;
  /** Worst start of a handler after its due time since the last look; NaN when none was due. */
  readonly latenessMs: number;
}

/** Looks at a process of this machine. */
export function look(
  pid: number,
  dataDir: string,
  { atSeconds, latenessMs, heapMiB, handles }: Held & { readonly atSeconds: number; readonly latenessMs: number },
): Sample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
  return {
    atSeconds,
    heapMiB,
    handles,
    rssMiB: field('VmRSS') / 1024,
    privateMiB: field('RssAnon') / 1024,
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    threads: field('Threads'),
    fileMiB: statSync(join(dataDir, 'data.mdb')).size / 2 ** 20,
    latenessMs,
  };
}

type Quantity = 'heapMiB' | 'handles' | 'privateMiB' | 'descriptors' | 'threads' | 'fileMiB';

/**
 * Growth that is none. Memory: a heap that settles. Threads: one that is being replaced has a successor already. The
 * file never shrinks, and grows by whole reservations.
 */
const tolerated: Readonly<Record<Quantity, { readonly share: number; readonly more: number }>> = {
  heapMiB: { share: 0.05, more: 4 },
  handles: { share: 0.1, more: 8 },
  privateMiB: { share: 0.1, more: 24 },
  descriptors: { share: 0.1, more: 8 },
  threads: { share: 0, more: 4 },
  fileMiB: { share: 0.25, more: 32 },
};

export interface Growth {
  readonly quantity: Quantity;
  readonly from: number;
  readonly to: number;
  readonly leaks: boolean;
}

/** Compares the medians of the second and of the last quarter; the first is warming up. */
export function growths(samples: readonly Sample[]): Growth[] {
  const quarter = Math.floor(samples.length / 4);
  const part = (from: number, of: Quantity): number =>
    median(samples.slice(from, from + Math.max(1, quarter)).map((sample) => sample[of]));
  return (Object.keys(tolerated) as Quantity[]).map((quantity) => {
    const from = part(quarter, quantity);
    const to = part(samples.length - Math.max(1, quarter), quantity);
    const { share, more } = tolerated[quantity];
    return { quantity, from, to, leaks: to > from * (1 + share) + more };
  });
}
