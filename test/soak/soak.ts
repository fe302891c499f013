/**
 * A soak: the real server under mixed load for minutes, with faults thrown in (kill -9, a process that is stopped for two
 * seconds, a subscriber cut off, a backup), and afterwards the question whether everything happened that was promised
 * and whether anything grew that should not have. Kills come in the first half only: the second is one life to judge by.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../bench/support/bench.js';
import { removeTemporary, root, temporary } from '../../bench/support/processes.js';
import { ServerProcess } from '../../bench/support/server-process.js';
import { Random } from '../simulation/random.js';
import { held } from './heap.js';
import { Hostile, hostileHandlers } from './hostile.js';
import { Load, type Tally } from './load.js';
import { Observer } from './observer.js';
import { type Growth, growths, look, type Sample } from './samples.js';

export interface SoakPlan {
  readonly minutes: number;
  /** One-shot jobs a second. */
  readonly perSecond: number;
  readonly seed: number;
  readonly faultEverySeconds: number;
  readonly print: (line: string) => void;
}

export interface SoakReport {
  readonly samples: readonly Sample[];
  readonly growths: readonly Growth[];
  readonly tally: Tally;
  readonly faults: Readonly<Record<string, number>>;
  readonly events: number;
  /** What was not as promised; empty when all was. */
  readonly wrong: readonly string[];
}

const handlers = ['echo', 'exit', 'fail', 'noop', 'spin'] as const;
const retainedJobs = 20_000;
const sampleEverySeconds = 5;
const stoppedMs = 2000;
/** For jobs still on their way when the load ends, and what a busy machine needs. */
const settleLimitMs = 60_000;

export async function soak({ minutes, perSecond, seed, faultEverySeconds, print }: SoakPlan): Promise<SoakReport> {
  const folder = handlersFolder();
  const args = ['--retain', String(retainedJobs)];
  const server = await ServerProcess.start({ handlers: folder, inspected: true, args });
  const observer = new Observer(() => server.port);
  const load = new Load(server, observer, seed);
  const faults = new Faults(server, observer, new Random(seed + 1));
  const hostile = new Hostile(server, new Random(seed + 2));
  const samples: Sample[] = [];
  try {
    const seconds = Math.round(minutes * 60);
    await load.begin();
    for (let second = 1; second <= seconds; second++) {
      const fault = second % faultEverySeconds === 0 ? faults.next(second <= seconds / 2) : undefined;
      await Promise.all([load.second(perSecond), hostile.second(), fault]);
      if (second % sampleEverySeconds !== 0) continue;
      const latenessMs = load.latenessOf(server.stamps());
      const sample = look(server.pid, server.dataDir, {
        atSeconds: second,
        latenessMs,
        ...(await held(server.inspector)),
      });
      if (second > seconds / 2) samples.push(sample);
      print(line(sample));
    }
    const wrong = [...load.wrong, ...(await unsettled(server, observer)), ...(await counted(server))];
    await server.stop();
    wrong.push(...observer.wrong, ...(await checked(server.dataDir)));
    const { events } = observer;
    return { samples, growths: growths(samples), tally: load.tally, faults: faults.counts, events, wrong };
  } finally {
    observer.stop();
    await server.discard();
    removeTemporary(folder);
  }
}

/** Faults that come every now and then. */
class Faults {
  readonly counts: Record<string, number> = { kill: 0, stop: 0, cut: 0, backup: 0 };
  readonly #server: ServerProcess;
  readonly #observer: Observer;
  readonly #random: Random;

  constructor(server: ServerProcess, observer: Observer, random: Random) {
    this.#server = server;
    this.#observer = observer;
    this.#random = random;
  }

  async next(kills: boolean): Promise<void> {
    const kind = this.#random.pick(
      kills ? (['kill', 'kill', 'stop', 'cut', 'backup'] as const) : (['stop', 'cut', 'backup'] as const),
    );
    this.counts[kind] = (this.counts[kind] ?? 0) + 1;
    switch (kind) {
      case 'kill':
        await this.#server.crash();
        return this.#server.start();
      case 'stop':
        process.kill(this.#server.pid, 'SIGSTOP');
        await sleep(stoppedMs);
        process.kill(this.#server.pid, 'SIGCONT');
        return;
      case 'cut':
        return this.#observer.cut();
      case 'backup':
        return this.#backup();
      default:
        kind satisfies never;
    }
  }

  async #backup(): Promise<void> {
    const target = mkdtempSync(join(tmpdir(), 'escapement-soak-backup-'));
    try {
      await this.#server.ask('POST', '/backup', JSON.stringify({ directory: target }));
      const faults = await checked(target);
      if (faults.length > 0) throw new Error(`a backup is not whole: ${faults.join('; ')}`);
    } finally {
      rmSync(target, { recursive: true, force: true });
    }
  }
}

/** The handlers of the tests, and the one of the benches that notes when it began. */
function handlersFolder(): string {
  const folder = temporary('handlers');
  const pass = (name: string, from: string): void =>
    writeFileSync(join(folder, `${name}.mjs`), `export { default } from '${join(root, from, `${name}.mjs`)}';\n`);
  for (const name of handlers) pass(name, 'test/support/handlers');
  pass('stamp', 'bench/handlers');
  for (const [name, source] of Object.entries(hostileHandlers)) writeFileSync(join(folder, `${name}.mjs`), source);
  return folder;
}

/** Waits for the end of every job that was acknowledged; tells how those stand whose end was not heard of. */
async function unsettled(server: ServerProcess, observer: Observer): Promise<string[]> {
  for (const end = Date.now() + settleLimitMs; observer.open.length > 0 && Date.now() < end; ) await sleep(200);
  const { open } = observer;
  if (open.length === 0) return [];
  const some: string[] = [];
  for (const id of open.slice(0, 5)) some.push((await server.ask('GET', `/jobs/${id}`)).body);
  return [`the end of ${open.length} acknowledged jobs was not told: ${some.join(', ')}`];
}

/** The totals and the lists tell the same. */
async function counted(server: ServerProcess): Promise<string[]> {
  const wrong: string[] = [];
  const total = await server.total();
  const byStatus = { pending: 0, running: 0, success: 0, failed: 0, cancelled: 0 };
  for (const status of Object.keys(byStatus))
    byStatus[status as keyof typeof byStatus] = await server.total(`&status=${status}`);
  const { success, failed, cancelled } = byStatus;
  if (success + failed + cancelled > retainedJobs * 1.1)
    wrong.push(`${success + failed + cancelled} finished jobs are kept, not ${retainedJobs}`);
  const sum = Object.values(byStatus).reduce((all, count) => all + count, 0);
  // Repeating jobs go on meanwhile.
  if (Math.abs(sum - total) > 40) wrong.push(`${total} jobs in all, but ${sum} by status`);
  return wrong;
}

/** `escapement check` finds nothing. */
async function checked(directory: string): Promise<string[]> {
  const child = spawn(process.execPath, [join(root, 'dist/src/cli.js'), 'check', directory]);
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const code = await new Promise<number | null>((done) => child.once('close', done));
  return code === 0 ? [] : [`escapement check: ${output.trim()}`];
}

export function line({
  atSeconds,
  heapMiB,
  handles,
  rssMiB,
  privateMiB,
  descriptors,
  threads,
  fileMiB,
  latenessMs,
}: Sample): string {
  const late = Number.isNaN(latenessMs) ? '-' : `${latenessMs.toFixed(0)} ms`;
  return `${String(atSeconds).padStart(5)} s  heap ${heapMiB.toFixed(1)} MiB  handles ${handles}  rss ${rssMiB.toFixed(0)} MiB, private ${privateMiB.toFixed(0)} MiB  descriptors ${descriptors}  threads ${threads}  file ${fileMiB.toFixed(0)} MiB  latest start ${late}`;
}
