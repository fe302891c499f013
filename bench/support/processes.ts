/** Processes that a bench starts: they end with it, whatever way it ends, and nothing else is ever signalled. */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository; this file runs as `dist/bench/support/processes.js`. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

const children = new Set<ChildProcess>();
const folders = new Set<string>();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

function keep(child: ChildProcess): ChildProcess {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** A directory that is gone when this process is. `BENCH_DIR` says on which disk; default: the system's temporary one. */
export function temporary(what: string): string {
  const folder = mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), `escapement-bench-${what}-`));
  folders.add(folder);
  return folder;
}

export function removeTemporary(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  folders.delete(folder);
}

/** Descriptors enough for 20,000 sockets. */
const files = 65_536;

/** Starts node; with the limit on descriptors raised where the system lets us. */
export function startNode(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  manyFiles = false,
): ChildProcess {
  const command =
    manyFiles && canRaiseFiles() ? ['prlimit', `--nofile=${files}`, process.execPath] : [process.execPath];
  const [program, ...rest] = [...command, ...args] as [string, ...string[]];
  return keep(spawn(program, rest, { cwd: root, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] }));
}

let raisable: boolean | undefined;

/** Whether a process of ours may open as many sockets as the largest bench wants. Being root is not enough everywhere. */
export function canRaiseFiles(): boolean {
  raisable ??= spawnSync('prlimit', [`--nofile=${files}`, 'true'], { stdio: 'ignore' }).status === 0;
  return raisable;
}

/** Open files that a process may have at most. */
export function hardLimit(): number {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  return Number(/Max open files\s+\d+\s+(\d+)/.exec(limits)?.[1] ?? 0);
}

/** A helper of ours in its own process: compiled module below `dist/bench`, talked to by messages. */
export class Helper<In extends object, Out extends object> {
  readonly #child: ChildProcess;
  readonly #waiting: ((message: Out) => void)[] = [];
  readonly #early: Out[] = [];
  #failed: Error | undefined;

  /** @param module such as `ceilings/http.js` @param options handed over as JSON in the first argument */
  constructor(module: string, options: object = {}, manyFiles = false) {
    const viaPrlimit = manyFiles && canRaiseFiles();
    this.#child = keep(
      fork(join(root, 'dist/bench', module), [JSON.stringify(options)], {
        cwd: root,
        serialization: 'advanced',
        ...(viaPrlimit && { execPath: 'prlimit', execArgv: [`--nofile=${files}`, process.execPath] }),
      }),
    );
    this.#child.on('message', (message) => {
      const waiting = this.#waiting.shift();
      if (waiting) waiting(message as Out);
      else this.#early.push(message as Out);
    });
    this.#child.once('exit', (code, signal) => {
      this.#failed = new Error(`${module} ended with ${code ?? signal}`);
      for (const waiting of this.#waiting.splice(0)) waiting(this.#failed as unknown as Out);
    });
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** The next message of the helper. */
  async next(): Promise<Out> {
    const early = this.#early.shift();
    if (early) return early;
    if (this.#failed) throw this.#failed;
    const message = await new Promise<Out>((done) => this.#waiting.push(done));
    if (message instanceof Error) throw message;
    return message;
  }

  /** Sends, and waits for the next message. */
  async ask(message: In): Promise<Out> {
    this.#child.send(message);
    return this.next();
  }

  end(): Promise<void> {
    if (this.#failed) return Promise.resolve();
    const over = new Promise<void>((done) => this.#child.once('exit', () => done()));
    this.#child.kill('SIGKILL');
    return over;
  }
}

/** Runs a helper that does one thing and tells one result. */
export async function runHelper<Out extends object>(module: string, options: object): Promise<Out> {
  const helper = new Helper<object, Out>(module, options);
  try {
    return await helper.next();
  } finally {
    await helper.end();
  }
}
