/**
 * What the fault tests share: tools that may be lacking on a machine, system calls that are watched or made to fail, a
 * wall clock that can be set, and what clients and handlers keep in files of their own, out of the server's reach.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { type Client, eventually, type Job } from './client.js';
import { type Server, startServer, temporary } from './server.js';

/** Set for runs that may take long, by hand or at night: more rounds of what is random. */
export const full = process.env.FAULTS === 'full';

// --- Tools ---

const faketimeLibrary = findFaketime();

const probes = {
  strace: canTrace,
  prlimit: () => succeeds('prlimit', ['--pid', String(process.pid), '--nofile']),
  faketime: () => faketimeLibrary !== undefined,
  openssl: () => succeeds('openssl', ['version']),
} satisfies Record<string, () => boolean>;

const lacking = {
  strace: 'strace is not there or may not attach to processes (kernel.yama.ptrace_scope)',
  prlimit: 'prlimit (util-linux) is not there',
  faketime: 'libfaketime is not there',
  openssl: 'openssl is not there',
} satisfies Record<keyof typeof probes, string>;

/**
 * Options of a test that needs these tools: it is skipped with the reason where one is lacking, but in CI, where all are
 * to be there, that is an error.
 */
export function needs(...tools: (keyof typeof probes)[]): { skip?: string } {
  const missing = tools.find((tool) => !probes[tool]());
  return missing === undefined ? {} : without(lacking[missing]);
}

/** As `needs`, for what a test has found out by itself. */
export function without(reason: string): { skip: string } {
  if (process.env.CI) throw new Error(`this test cannot be skipped in CI: ${reason}`);
  return { skip: reason };
}

function succeeds(command: string, args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}

function canTrace(): boolean {
  const target = spawn('sleep', ['10'], { stdio: 'ignore' });
  try {
    const args = ['-p', String(target.pid), '-o', '/dev/null', '-e', 'trace=none'];
    // Ended by the time limit it was attached; it ends by itself when it may not.
    return spawnSync('strace', args, { stdio: 'ignore', timeout: 300 }).signal !== null;
  } finally {
    target.kill('SIGKILL');
  }
}

function findFaketime(): string | undefined {
  for (const folder of ['/usr/lib', ...subfolders('/usr/lib'), '/usr/local/lib']) {
    const library = join(folder, 'faketime/libfaketimeMT.so.1');
    if (existsSync(library)) return library;
  }
  return undefined;
}

function subfolders(folder: string): string[] {
  const found = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return found.map(({ name }) => join(folder, name));
}

// --- System calls ---

const tracers = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of tracers) child.kill('SIGKILL');
});
t.teardown(() => {
  for (const child of tracers) child.kill('SIGKILL');
});

export interface Tracer {
  /** What strace has written so far. */
  text(): string;
  /** How many calls were tampered with so far. */
  injected(): number;
  /** Lets go of the server. */
  stop(): Promise<void>;
}

/** Attaches strace to all threads of a running server. `args` say what to watch and what to do to it. */
export async function trace(server: { readonly pid: number }, args: readonly string[]): Promise<Tracer> {
  const file = join(temporary('strace'), 'calls');
  const child = spawn('strace', ['-f', '-ttt', '-p', String(server.pid), '-o', file, ...args], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  tracers.add(child);
  const over = new Promise<void>((done) =>
    child.once('close', () => {
      tracers.delete(child);
      done();
    }),
  );
  let errors = '';
  await new Promise<void>((attached, failed) => {
    child.once('error', failed);
    void over.then(() => failed(new Error(`strace ended: ${errors}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      if (/ attached/.test(errors)) attached();
    });
  });
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '');
  return {
    text,
    injected: () => text().split('(INJECTED)').length - 1 + (text().split('(DELAYED)').length - 1),
    stop: async () => {
      // When the server is gone it ends by itself, and writes how it ended before that.
      if (isAlive(server.pid)) child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await over;
      clearTimeout(timer);
    },
  };
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** Arguments of `trace` that make calls on the server's data file or its journal fail or wait. */
export function onDataFile(dataDir: string, calls: string, what: string): string[] {
  return [
    '-P',
    join(dataDir, 'data.mdb'),
    '-P',
    join(dataDir, 'journal'),
    '-e',
    `trace=${calls}`,
    '-e',
    `inject=${calls}:${what}`,
  ];
}

/** Seconds, as the trace has them, from the first injected error to the end of the process. */
export function secondsToTheEnd(trace: string, pid: number): number {
  const at = (line: string | undefined) => Number(/^\d+ +(\d+\.\d+)/.exec(line ?? '')?.[1]);
  const lines = trace.split('\n');
  const failure = lines.find((line) => line.includes('(INJECTED)'));
  const end = lines.find((line) => line.startsWith(`${pid} `) && /\+\+\+ (exited|killed)/.test(line));
  return at(end) - at(failure);
}

// --- Time ---

/** A wall clock for one server: real time and an offset that can be changed at any moment. Monotonic time is left alone. */
export class FakeTime {
  readonly #file = join(temporary('time'), 'offset');
  #offsetMs = 0;

  constructor() {
    this.shift(0);
  }

  /** What the server is to be started with. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: faketimeLibrary ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DISABLE_SHM: '1',
    };
  }

  /** Unix milliseconds, as the server has them. */
  get now(): number {
    return Date.now() + this.#offsetMs;
  }

  /** Sets the clock on, or back. */
  shift(ms: number): void {
    this.#offsetMs += ms;
    const seconds = (this.#offsetMs / 1000).toFixed(3);
    // In one piece: the server reads it with every look at the clock.
    writeFileSync(`${this.#file}.new`, this.#offsetMs < 0 ? seconds : `+${seconds}`);
    renameSync(`${this.#file}.new`, this.#file);
  }

  /** Sets the clock to an instant. */
  set(instant: number): void {
    this.shift(instant - this.now);
  }
}

/** What libfaketime leaves in shared memory when its process is killed. */
export function removeTimeMemory(pid: number): void {
  for (const name of existsSync('/dev/shm') ? readdirSync('/dev/shm') : []) {
    if (/faketime/.test(name) && name.endsWith(`_${pid}`)) rmSync(join('/dev/shm', name), { force: true });
  }
}

/** A server in UTC whose wall clock is `time`. */
export async function startAt(time: FakeTime): Promise<Server> {
  const server = await startServer({ args: ['--timezone', 'UTC'], env: time.env });
  const { pid } = server;
  t.teardown(() => removeTimeMemory(pid));
  return server;
}

/** Stops a server that logs at level debug for so long, once it can notice that. */
export async function stopFor(server: Server, ms: number): Promise<void> {
  await eventually(() => server.output().includes('stops of the process are noticed'), 'it notices no stops', 30_000);
  server.signal('SIGSTOP');
  await new Promise((resolve) => setTimeout(resolve, ms));
  server.signal('SIGCONT');
}

// --- Kept elsewhere ---

/** The file that the handler `ledger` writes to. */
export class LedgerFile {
  readonly path = join(temporary('ledger'), 'ledger');

  /** How often a job's attempts began, and how often they came to their end. */
  counts(jobId: string): { begun: number; ended: number } {
    const lines = this.#lines().filter(([id]) => id === jobId);
    const count = (what: string) => lines.filter(([, , step]) => step === what).length;
    return { begun: count('begin'), ended: count('end') };
  }

  begun(jobId: string): number {
    return this.counts(jobId).begun;
  }

  /** The due times, in Unix milliseconds, of the attempts that began, in that order. */
  slots(jobId: string): number[] {
    return this.#lines()
      .filter(([id, , step]) => id === jobId && step === 'begin')
      .map(([, , , slot]) => Number(slot));
  }

  #lines(): string[][] {
    if (!existsSync(this.path)) return [];
    const text = readFileSync(this.path, 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => line.split(' '));
  }
}

/** Options of a server whose trees are brought up to date soon after something changed, and that says when they were. */
export const mergesOften = ['--merge-age', '300ms', '--log-level', 'debug'];

/** How often the trees of a server with `mergesOften` were brought up to date. */
export function merges(server: Server): number {
  return server.output().split('the trees were brought up to date').length - 1;
}

/** Waits until all that was acknowledged so far is in the trees. Runs two jobs for it. */
export async function merged(server: Server, api: Client): Promise<void> {
  // The first merge to end may have begun before this call; the one after it has not.
  for (let round = 0; round < 2; round++) {
    const before = merges(server);
    await api.until((await api.create({ name: 'noop', delay: '0s' })).id, 'success');
    await eventually(() => merges(server) > before, 'the trees are not brought up to date', 60_000);
  }
}

/** The acknowledgements that clients got, in a file: one line for each, written as soon as the answer is there. */
export class Acknowledgements {
  readonly #file = join(temporary('acknowledged'), 'side-file');

  constructor() {
    writeFileSync(this.#file, '');
  }

  note(id: string, fact: Record<string, unknown>): void {
    appendFileSync(this.#file, `${JSON.stringify({ id, ...fact })}\n`);
  }

  /** By job, the facts of one job joined. */
  read(): Map<string, Record<string, unknown>> {
    const all = new Map<string, Record<string, unknown>>();
    for (const line of readFileSync(this.#file, 'utf8').split('\n')) {
      if (line === '') continue;
      const { id, ...fact } = JSON.parse(line) as { id: string };
      all.set(id, { ...all.get(id), ...fact });
    }
    return all;
  }
}

/** Those of the jobs that the server does not have; as many questions at a time as the client has connections. */
export async function missing(api: Client, ids: Iterable<string>): Promise<string[]> {
  const lost: string[] = [];
  await each(ids, async (id) => {
    const { status } = await api.get<Job>(`/jobs/${id}`);
    if (status !== 200) lost.push(`${id}: ${status}`);
  });
  return lost;
}

/** Does something to all, a few at a time. */
export async function each<T>(items: Iterable<T>, work: (item: T) => Promise<void>, lanes = 32): Promise<void> {
  const queue = [...items];
  const lane = async () => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** Posts jobs on some connections, one after the other on each, until the server is gone or refuses; the ids that got a 201. */
export async function streamJobs(
  api: Client,
  body: (n: number) => Record<string, unknown>,
  { clients = 4, until = () => false }: { clients?: number; until?: () => boolean } = {},
): Promise<string[]> {
  const ids: string[] = [];
  let n = 0;
  const stream = async () => {
    while (!until()) {
      try {
        const { status, body: job } = await api.post<Job>('/jobs', body(n++));
        if (status !== 201) return;
        ids.push(job.id);
      } catch {
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: clients }, stream));
  return ids;
}

/** Memory of a process that is in RAM, in bytes. */
export function residentBytes(pid: number): number {
  return kibibytes(pid, 'VmRSS') * 1024;
}

/** The same without the mapped pages of files, which the kernel takes back when it wants to: what the process holds. */
export function heldBytes(pid: number): number {
  return kibibytes(pid, 'RssAnon') * 1024;
}

function kibibytes(pid: number, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
