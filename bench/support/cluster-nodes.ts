/** A PostgreSQL of a bench's own, and nodes of clusters that keep their jobs there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { type Run, sleep } from './bench.js';
import { root } from './processes.js';
import { ServerProcess, type ServerSettings } from './server-process.js';

/** As bench/peers/servers.mjs has them. */
interface Servers {
  startPostgres(): Promise<{ readonly port: number; stop(): Promise<void> }>;
  freePort(): Promise<number>;
  postgresBin(): string;
}

/** Of one shard. */
export interface ShardPart {
  readonly shard: number;
  readonly owner: string | null;
  readonly epoch: number;
}

interface ClusterAnswer {
  readonly shards: readonly ShardPart[];
}

const readyLimitMs = 60_000;

const servers = (): Promise<Servers> => import(join(root, 'bench/peers/servers.mjs')) as Promise<Servers>;

/** Undefined where PostgreSQL is not installed: the run says so. */
export async function startPostgres(run: Run): Promise<BenchPostgres | undefined> {
  const { startPostgres: start, postgresBin } = await servers();
  try {
    postgresBin();
  } catch (error) {
    run.skip((error as Error).message);
    return undefined;
  }
  const { port, stop } = await start();
  run.finally(stop);
  const postgres = new BenchPostgres(port, postgresBin());
  await postgres.ready();
  return postgres;
}

/** `fsync` and `synchronous_commit` are on, as by default. */
export class BenchPostgres {
  readonly #port: number;
  readonly #bin: string;
  #databases = 0;

  constructor(port: number, bin: string) {
    this.#port = port;
    this.#bin = bin;
  }

  url(database: string): string {
    return `postgres://postgres@127.0.0.1:${this.#port}/${database}`;
  }

  /** Waits until it takes connections: it listens before. */
  async ready(): Promise<void> {
    await this.#run('pg_isready', ['--quiet', '--timeout=1'], readyLimitMs);
  }

  /** Makes an empty database. @returns its URL */
  async fresh(): Promise<string> {
    const name = `bench_${++this.#databases}`;
    await this.#run('createdb', [name]);
    return this.url(name);
  }

  /** Reads all of a database once, in one snapshot. */
  dump(url: string): Promise<void> {
    return this.#run('pg_dump', ['--file=/dev/null', url]);
  }

  /** @param limitMs for how long it is tried again where it fails */
  async #run(program: string, args: readonly string[], limitMs = 0): Promise<void> {
    const end = performance.now() + limitMs;
    for (;;) {
      const child = spawn(
        join(this.#bin, program),
        ['--host=127.0.0.1', `--port=${this.#port}`, '--username=postgres', ...args],
        {
          stdio: ['ignore', 'ignore', 'inherit'],
        },
      );
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code === 0) return;
      if (performance.now() >= end) throw new Error(`${program} ended with ${code}`);
      await sleep(100);
    }
  }
}

/** A node, on a directory of its own. It ends with the run. */
export async function startNode(store: string, run: Run, settings: ServerSettings = {}): Promise<ServerProcess> {
  const port = String(await (await servers()).freePort());
  const args = ['--port', port, '--store', store, '--advertise', `http://127.0.0.1:${port}`, ...(settings.args ?? [])];
  const node = await ServerProcess.start({ ...settings, args, ready: untilOwned });
  run.finally(() => node.discard());
  return node;
}

/** Waits until every shard has an owner that answers. */
async function untilOwned(node: ServerProcess): Promise<void> {
  await until(node, '/jobs?limit=1', () => true);
}

/** Who owns what, as a node sees it. */
export async function partsOf(node: ServerProcess): Promise<readonly ShardPart[]> {
  return (await node.get<ClusterAnswer & Record<string, unknown>>('/cluster')).shards;
}

/** Waits until each node has its part of the shards, so that no more move. */
export async function untilShared(nodes: readonly ServerProcess[]): Promise<void> {
  for (const node of nodes) {
    await until(node, '/cluster', (body) => isShared((JSON.parse(body) as ClusterAnswer).shards, nodes.length));
    await untilOwned(node);
  }
}

/** No node has more than its share of them, rounded up, and so each has at least the rest. */
function isShared(shards: readonly ShardPart[], nodes: number): boolean {
  const most = Math.ceil(shards.length / nodes);
  const counts = new Map<string, number>();
  for (const { owner } of shards) if (owner !== null) counts.set(owner, (counts.get(owner) ?? 0) + 1);
  return counts.size === nodes && [...counts.values()].every((count) => count <= most);
}

async function until(node: ServerProcess, path: string, holds: (body: string) => boolean): Promise<void> {
  const end = performance.now() + readyLimitMs;
  for (;;) {
    const { status, body } = await node.ask('GET', path);
    if (status === 200 && holds(body)) return;
    if (performance.now() > end) throw new Error(`the cluster is not ready after ${readyLimitMs / 1000} s: ${body}`);
    await sleep(100);
  }
}
