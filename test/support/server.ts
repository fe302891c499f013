/**
 * Starts the real server in a process of its own, as a user would, and takes it away again: no test that imports this leaves a process or a
 * temporary directory behind, whatever way it ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, extname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';
import { testedHttp } from './http.js';
import { startNodesAsOne } from './nodes-as-one.js';
import { testedShards } from './shards.js';
import { testedNodes } from './tested-nodes.js';

/** The repository: this file runs as `dist/test/support/server.js`. */
const root = fileURLToPath(new URL('../../../', import.meta.url));
const cli = join(root, 'dist/src/cli.js');
/** The product's own handlers, and those written for tests. */
const handlerFolders = [join(root, 'dist/workers'), join(root, 'test/support/handlers')];

const startDeadlineMs = 60_000;
const stopDeadlineMs = 60_000;

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface ServerOptions {
  /** More of the command line, behind `start --port 0 --data-dir … --handlers …`. */
  args?: string[];
  env?: Record<string, string>;
  /** Default: a fresh one, removed at the end. */
  dataDir?: string;
  /** A folder; or sources by job type, added to the product's and the tests' handlers. Default: just those. */
  handlers?: string | Record<string, string>;
}

export interface Server {
  /** `http://127.0.0.1:<port>`; of several nodes any, another each time, and so with the next two. */
  readonly url: string;
  /** That of each node. */
  readonly urls: readonly string[];
  readonly port: number;
  /** The base URL of the API. */
  readonly api: string;
  readonly pid: number;
  readonly dataDir: string;
  /** All that it has written to stdout and stderr, restarts included. */
  output(): string;
  /** Sends a signal (default SIGKILL) and waits for the end. */
  kill(signal?: NodeJS.Signals): Promise<Exit>;
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** When the process is gone. */
  readonly exited: Promise<Exit>;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
  /** Ends it by SIGTERM if it still runs, and starts it again on the same directory with the same arguments (or these instead). */
  restart(args?: string[]): Promise<void>;
}

/** Ends a program with the process that has started it, however that ends: tap's alarm leaves it no time. Empty where nothing does that. */
const tie = ['setpriv', '--pdeathsig', 'KILL'];
const tied = spawnSync(tie[0]!, [...tie.slice(1), 'true']).status === 0 ? tie : [];

const children = new Set<ChildProcess>();
const folders = new Set<string>();

process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

t.teardown(async () => {
  await Promise.all([...children].map((child) => ended(child, 'SIGKILL')));
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  folders.clear();
});

/** A temporary directory that lives as long as the test file. */
export function temporary(what = 'data'): string {
  const folder = mkdtempSync(join(tmpdir(), `escapement-${what}-`));
  folders.add(folder);
  return folder;
}

/** A folder of handlers: one module for each source, and one for each of the product's and the tests' own that it does not replace. */
export function handlersFolder(sources: Record<string, string>, withOwn = true): string {
  const folder = temporary('handlers');
  for (const own of withOwn ? handlerFolders : []) {
    for (const file of list(own)) {
      const address = JSON.stringify(pathToFileURL(join(own, file)).href);
      const name = basename(file, extname(file));
      writeFileSync(join(folder, `${name}.mjs`), `export { default } from ${address}\nexport * from ${address}\n`);
    }
  }
  for (const [name, source] of Object.entries(sources)) writeFileSync(join(folder, `${name}.mjs`), source);
  return folder;
}

/** A server as tests ask for it: a process, or several that work as one (`TEST_NODES=3`). */
export const startServer: typeof startProcess = (options = {}) =>
  testedNodes === undefined
    ? startProcess(options)
    : startNodesAsOne({ dataDir: join(temporary(), 'store'), ...options }, testedNodes, startProcess);

/** A process of its own, whatever the tests run on. */
export async function startProcess(options: ServerOptions = {}): Promise<Server> {
  const dataDir = options.dataDir ?? join(temporary(), 'store');
  const handlers =
    typeof options.handlers === 'string' ? resolve(root, options.handlers) : handlersFolder(options.handlers ?? {});
  const base = ['start', '--port', '0', '--data-dir', dataDir, '--handlers', handlers];
  let text = '';
  let running = await launch([...base, ...(options.args ?? [])]);

  async function launch(args: string[]) {
    const child = run(args, options.env);
    const exited = exit(child);
    const from = text.length;
    const ready = new Promise<string>((found, failed) => {
      const fail = (why: string) => failed(new Error(`the server ${why}: ${args.join(' ')}\n${text.slice(from)}`));
      const timer = setTimeout(() => {
        child.kill('SIGKILL');
        fail(`did not listen within ${startDeadlineMs} ms`);
      }, startDeadlineMs);
      const hear = (chunk: string) => {
        text += chunk;
        const line = /escapement listening on (https?:\/\/\S+:\d+)/.exec(text.slice(from));
        if (line === null) return;
        clearTimeout(timer);
        found(line[1]!);
      };
      child.stdout!.setEncoding('utf8').on('data', hear);
      child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      void exited.then(({ code, signal }) => {
        clearTimeout(timer);
        fail(`ended with ${code ?? signal} before it listened`);
      });
    });
    const url = await ready;
    return { child, exited, url, port: Number(new URL(url).port), args };
  }

  return {
    get url() {
      return running.url;
    },
    get urls() {
      return [running.url];
    },
    get port() {
      return running.port;
    },
    get api() {
      return `${running.url}/api/v1`;
    },
    get pid() {
      return running.child.pid!;
    },
    get exited() {
      return running.exited;
    },
    dataDir,
    output: () => text,
    kill: (signal = 'SIGKILL') => ended(running.child, signal),
    signal: (signal) => void running.child.kill(signal),
    stop: async () => (await ended(running.child, 'SIGTERM')).code,
    restart: async (args) => {
      await ended(running.child, 'SIGTERM');
      running = await launch(args === undefined ? running.args : [...base, ...args]);
    },
  };
}

/** Runs the command to its end: for command lines that are refused. */
export async function runCli(
  args: string[],
  env?: Record<string, string>,
  input?: string,
): Promise<Exit & { stdout: string; stderr: string; output: string }> {
  const child = run(args, env, 'pipe', input === undefined ? 'ignore' : 'pipe');
  child.stdin?.end(input);
  let stdout = '';
  let stderr = '';
  child.stdout!.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr!.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const timer = setTimeout(() => child.kill('SIGKILL'), startDeadlineMs);
  const end = await exit(child);
  clearTimeout(timer);
  return { ...end, stdout, stderr, output: stdout + stderr };
}

/** The program with these arguments, and a standard output of its own. It is killed with the test file. */
export function run(
  args: string[],
  env: Record<string, string> = {},
  stdout: 'pipe' | number = 'pipe',
  stdin: 'ignore' | 'pipe' = 'ignore',
): ChildProcess {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(TAP|ESCAPEMENT|NODE_OPTIONS|NODE_V8_COVERAGE|_TAP)/.test(name),
  );
  const [program, ...rest] = [...tied, process.execPath, cli, ...args] as [string, ...string[]];
  const child = spawn(program, rest, {
    cwd: root,
    env: {
      ...Object.fromEntries(inherited),
      ESCAPEMENT_HTTP: testedHttp,
      ...(testedShards > 1 && { ESCAPEMENT_TEST_SHARDS: String(testedShards) }),
      ...env,
    },
    stdio: [stdin, stdout, 'pipe'],
  });
  children.add(child);
  return child;
}

/** 'close' rather than 'exit': all output has been read then. */
function exit(child: ChildProcess): Promise<Exit> {
  return new Promise((done) =>
    child.once('close', (code, signal) => {
      children.delete(child);
      done({ code, signal });
    }),
  );
}

async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<Exit> {
  if (child.exitCode !== null || child.signalCode !== null) return { code: child.exitCode, signal: child.signalCode };
  const end = exit(child);
  child.kill(signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), stopDeadlineMs);
  const result = await end;
  clearTimeout(timer);
  return result;
}

function list(folder: string): string[] {
  return (existsSync(folder) ? readdirSync(folder) : []).filter(
    (file) => ['.js', '.mjs'].includes(extname(file)) && !file.startsWith('_'),
  );
}
