/** The real server as a process of its own, on a fresh directory unless given one, and what can be seen of it from outside. */
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from './bench.js';
import { HttpClient, request } from './http-client.js';
import { removeTemporary, root, startNode, temporary } from './processes.js';

export interface ServerSettings {
  readonly threads?: number;
  /** Default: `bench/handlers`. */
  readonly handlers?: string;
  /** Default: a fresh one, removed with the server. */
  readonly dataDir?: string;
  /** Many sockets are coming. */
  readonly manyFiles?: boolean;
  /** Its inspector listens: see `inspector`. */
  readonly inspected?: boolean;
  /** Further options of `escapement start`. */
  readonly args?: readonly string[];
  /** Resolves when a server that listens can do its work; default: at once. */
  readonly ready?: (server: ServerProcess) => Promise<void>;
}

export interface Stats {
  readonly pending: number;
  readonly running: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
}

/** Memory of a process in MiB: all that is resident, and of that what is not a part of a file (the store's map is). */
export interface Memory {
  readonly rssMiB: number;
  readonly privateMiB: number;
}

export const handlersDir = join(root, 'bench/handlers');
/** `--profile`: where the server leaves CPU profiles. It is then stopped in order where it would be killed. */
export const profiling: { folder: string | undefined } = { folder: undefined };

const startLimitMs = 120_000;
const stopLimitMs = 60_000;

export class ServerProcess {
  port = 0;
  /** From the start of the process to the line that says where it listens. */
  listeningAfterMs = 0;
  /** `wallMs`-like instant of the latest start. */
  startedAt = 0;
  readonly dataDir: string;
  readonly stampsDir: string;
  readonly #settings: ServerSettings;
  #child!: ChildProcess;
  #api: HttpClient | undefined;
  #errors = '';

  private constructor(settings: ServerSettings) {
    this.#settings = settings;
    this.dataDir = settings.dataDir ?? temporary('data');
    this.stampsDir = temporary('stamps');
  }

  static async start(settings: ServerSettings = {}): Promise<ServerProcess> {
    const server = new ServerProcess(settings);
    await server.start();
    return server;
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** Starts it again on the same directory. */
  async start(): Promise<void> {
    const { threads = 2, handlers = handlersDir, manyFiles, inspected, args: more = [] } = this.#settings;
    const inspect = inspected ? ['--inspect=127.0.0.1:0'] : [];
    const profile = profiling.folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profiling.folder}`];
    if (profiling.folder !== undefined) mkdirSync(profiling.folder, { recursive: true });
    const args = ['start', '--port', '0', '--data-dir', this.dataDir, '--handlers', handlers];
    args.push(
      '--threads',
      String(threads),
      '--timezone',
      'UTC',
      '--log-level',
      'warn',
      '--max-connections',
      '30000',
      ...more,
    );
    const begun = performance.now();
    this.startedAt = performance.timeOrigin + begun;
    this.#errors = '';
    this.#child = startNode(
      [...profile, ...inspect, '--max-semi-space-size=64', join(root, 'dist/src/cli.js'), ...args], // as `npm start` has it
      { BENCH_STAMPS: this.stampsDir },
      manyFiles,
    );
    this.port = await this.#listening();
    this.listeningAfterMs = performance.now() - begun;
    await this.#settings.ready?.(this);
  }

  /** Address of the inspector of the latest start. */
  get inspector(): string {
    const url = this.#errors.match(/ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/g)?.at(-1);
    if (url === undefined) throw new Error('the server was not started with an inspector');
    return url;
  }

  /** An answer of the API, as JSON. */
  async get<T = Record<string, unknown>>(path: string): Promise<T> {
    const { status, body } = await this.ask('GET', path);
    if (status !== 200) throw new Error(`GET ${path} was answered with ${status}: ${body}`);
    return JSON.parse(body) as T;
  }

  async ask(method: string, path: string, body?: string): Promise<{ status: number; body: string }> {
    if (this.#api === undefined || this.#api.size === 0) this.#api = await HttpClient.open(this.port, 1);
    return this.#api.ask(request(method, `/api/v1${path}`, body));
  }

  stats(): Promise<Stats> {
    return this.get<Stats & Record<string, unknown>>('/stats');
  }

  async total(filter = ''): Promise<number> {
    return (await this.get<{ total: number }>(`/jobs?limit=1${filter}`)).total;
  }

  memory(): Memory {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8');
    const kib = (field: string): number =>
      Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? Number.NaN);
    return { rssMiB: kib('VmRSS') / 1024, privateMiB: kib('RssAnon') / 1024 };
  }

  /** CPU time of all its threads so far, in seconds. */
  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.pid}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  /** Waits until it has nothing to do, merging in the background included: what is measured next is not to pay for it. */
  async quiet(limitMs = 10_000): Promise<void> {
    const windowMs = 200;
    const end = performance.now() + limitMs;
    for (let calm = 0, before = this.cpuSeconds(); calm < 2 && performance.now() < end; ) {
      await sleep(Math.min(windowMs, Math.max(0, end - performance.now())));
      const now = this.cpuSeconds();
      calm = now - before <= 0.02 ? calm + 1 : 0;
      before = now;
    }
  }

  /** Waits until so many occurrences have completed, asking every `everyMs`; the instant at which that was seen. */
  async completed(count: number, everyMs = 20, limitMs = 120_000): Promise<number> {
    const end = performance.now() + limitMs;
    for (;;) {
      const { completed, failed } = await this.stats();
      const now = performance.timeOrigin + performance.now();
      if (completed >= count) return now;
      if (failed > 0) throw new Error(`${failed} jobs of a bench failed`);
      if (performance.now() > end)
        throw new Error(`${completed} of ${count} jobs had completed after ${limitMs / 1000} s`);
      await sleep(everyMs);
    }
  }

  /** kill -9; in order where profiles are wanted. */
  async crash(): Promise<void> {
    await this.#end(profiling.folder === undefined ? 'SIGKILL' : 'SIGTERM');
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  /** Ends it and removes what it left. */
  async discard(): Promise<void> {
    await this.#end(profiling.folder === undefined ? 'SIGKILL' : 'SIGTERM');
    removeTemporary(this.stampsDir);
    removeTemporary(this.dataDir);
  }

  /** `[number, began]` of every job of the handler `stamp` that has run, in no order. */
  stamps(): { job: number; began: number }[] {
    return readdirSync(this.stampsDir).flatMap((file) => {
      const bytes = readFileSync(join(this.stampsDir, file));
      const found: { job: number; began: number }[] = [];
      for (let at = 0; at + 16 <= bytes.length; at += 16) {
        found.push({ job: bytes.readDoubleLE(at), began: bytes.readDoubleLE(at + 8) });
      }
      return found;
    });
  }

  #listening(): Promise<number> {
    const child = this.#child;
    let output = '';
    return new Promise((done, failed) => {
      const fail = (why: string): void => failed(new Error(`the server ${why}\n${output}${this.#errors}`));
      const timer = setTimeout(() => fail('did not listen in time'), startLimitMs);
      child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        output = (output + text).slice(-4096);
        const port = /escapement listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(output)?.[1];
        if (port === undefined) return;
        clearTimeout(timer);
        done(Number(port));
      });
      child.stderr
        ?.setEncoding('utf8')
        .on('data', (text: string) => (this.#errors = (this.#errors + text).slice(-4096)));
      child.once('exit', (code, signal) => {
        clearTimeout(timer);
        fail(`ended with ${code ?? signal}`);
      });
    });
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    this.#api?.close();
    this.#api = undefined;
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const over = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    await over;
    clearTimeout(timer);
  }
}
