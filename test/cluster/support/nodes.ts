/**
 * Real nodes, each a process of its own: started, killed, stopped and cut off from their database, their peers and their clients.
 * Each is reached through a proxy of its own, and reaches its database through another.
 */
import { join } from 'node:path';
import { Client } from '../../support/client.js';
import { type Server, startProcess, temporary } from '../../support/server.js';
import type { Recorder } from '../checker/recorder.js';
import { TcpProxy } from './proxy.js';

/** What a node is started with. */
export interface Place {
  /** From 0 on. */
  readonly index: number;
  /** Where its peers reach it. */
  readonly advertise: string;
  /** Where it reaches its database; undefined without one. */
  readonly database: string | undefined;
}

export interface NodesOptions {
  readonly count: number;
  /** More of the command line; default: none, each is a server of its own. */
  readonly args?: (place: Place) => string[];
  /** Of all of them, or of each. */
  readonly env?: Record<string, string> | ((place: Place) => Record<string, string>);
  /** As of `startServer`. */
  readonly handlers?: string | Record<string, string>;
  /** URL of PostgreSQL. */
  readonly database?: string | undefined;
  /** Is told of what is done to nodes. */
  readonly recorder?: Recorder | undefined;
}

export class ClusterNode {
  /** Between others and it: peers and clients. */
  readonly front: TcpProxy;
  /** Between it and its database. */
  readonly database: TcpProxy | undefined;
  /** As clients see it, through `front`. */
  readonly api: Client;
  readonly #recorder: Recorder | undefined;
  readonly #start: () => Promise<Server>;
  #server: Server | undefined;

  constructor(
    readonly index: number,
    parts: {
      front: TcpProxy;
      database: TcpProxy | undefined;
      recorder: Recorder | undefined;
      start: () => Promise<Server>;
    },
  ) {
    this.front = parts.front;
    this.database = parts.database;
    this.#recorder = parts.recorder;
    this.#start = parts.start;
    this.api = new Client(this);
  }

  /** Where clients reach it; it stays over restarts. */
  get port(): number {
    return this.front.port;
  }

  /** Where it listens. While it starts for the first time it calls itself already: nobody listens there then. */
  get target(): number {
    return this.#server?.port ?? 1;
  }

  get pid(): number {
    return this.server.pid;
  }

  /** @throws Error while it was never started */
  get server(): Server {
    if (this.#server === undefined) throw new Error(`node ${this.index} was not started`);
    return this.#server;
  }

  /** Starts it for the first time, or again on its directory. */
  async start(): Promise<void> {
    if (this.#server === undefined) this.#server = await this.#start();
    else await this.#server.restart();
    this.#recorder?.fault(this.server, 'started');
  }

  /** kill -9. */
  async kill(): Promise<void> {
    this.#recorder?.fault(this.server, 'killed');
    await this.server.kill('SIGKILL');
  }

  /** SIGTERM. @returns the exit code */
  async end(): Promise<number | null> {
    const code = await this.server.stop();
    this.#recorder?.fault(this.server, 'ended');
    return code;
  }

  /** SIGSTOP: everything stands still, connections stay. */
  stop(): void {
    this.#recorder?.fault(this.server, 'stopped');
    this.server.signal('SIGSTOP');
  }

  continue(): void {
    this.server.signal('SIGCONT');
    this.#recorder?.fault(this.server, 'continued');
  }
}

/** Starts them one after the other. All end with the test. */
export async function startNodes(options: NodesOptions): Promise<ClusterNode[]> {
  const nodes: ClusterNode[] = [];
  for (let index = 0; index < options.count; index++) nodes.push(await prepare(index, options));
  for (const node of nodes) await node.start();
  return nodes;
}

async function prepare(index: number, { args, env, handlers, database, recorder }: NodesOptions): Promise<ClusterNode> {
  const dataDir = join(temporary(`node-${index}`), 'store');
  const reached = database === undefined ? undefined : await through(database);
  const front = await TcpProxy.to(() => node.target);
  const place = { index, advertise: `http://127.0.0.1:${front.port}`, database: reached?.url };
  const start = (): Promise<Server> =>
    startProcess({
      dataDir,
      args: args?.(place) ?? [],
      ...(env && { env: typeof env === 'function' ? env(place) : env }),
      ...(handlers && { handlers }),
    });
  const node: ClusterNode = new ClusterNode(index, { front, database: reached?.proxy, recorder, start });
  return node;
}

/** The same URL by way of a proxy. */
async function through(database: string): Promise<{ proxy: TcpProxy; url: string }> {
  const url = new URL(database);
  const port = Number(url.port || 5432);
  const proxy = await TcpProxy.to(() => port);
  url.host = `127.0.0.1:${proxy.port}`;
  return { proxy, url: url.href };
}
