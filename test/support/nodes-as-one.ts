/**
 * Nodes of a cluster that stand for one server: `TEST_NODES=3 npm test -- conformance` runs the tests of the API on three real nodes
 * over a real PostgreSQL. Each request goes to any of them. What happens to the server, such as a kill, happens to all.
 */
import { get as httpGet } from 'node:http';
import { get as httpsGet } from 'node:https';
import { join } from 'node:path';
import t from 'tap';
import { lastingPort } from './ports.js';
import { databasesFor, type TestPostgres, withoutPostgres } from './postgres.js';
import type { Exit, Server, ServerOptions } from './server.js';
import { testedNodes } from './tested-nodes.js';

if (testedNodes !== undefined && withoutPostgres) throw new Error(`TEST_NODES: ${withoutPostgres}`);

const wellWithinMs = 60_000;

let postgres: Promise<Pick<TestPostgres, 'fresh'>> | undefined;
/** By data directory: a server that is started on one again finds its jobs. */
const databases = new Map<string, Promise<string>>();

function databaseOf(dataDir: string): Promise<string> {
  postgres ??= databasesFor(t);
  const made = databases.get(dataDir) ?? postgres.then((there) => there.fresh());
  databases.set(dataDir, made);
  return made;
}

/** @param start starts one process */
export async function startNodesAsOne(
  options: ServerOptions & { readonly dataDir: string },
  count: number,
  start: (options: ServerOptions) => Promise<Server>,
): Promise<Server> {
  const { dataDir } = options;
  const store = await databaseOf(dataDir);
  const scheme = options.args?.includes('--tls-cert') ? 'https' : 'http';
  const places = Array.from({ length: count }, () => {
    const port = lastingPort();
    return ['--port', String(port), '--store', store, '--advertise', `${scheme}://127.0.0.1:${port}`];
  });
  const nodes = await Promise.all(
    places.map((place, index) =>
      start({ ...options, dataDir: join(dataDir, `node-${index}`), args: [...place, ...(options.args ?? [])] }),
    ),
  );
  await allWell(nodes);

  const any = (): Server => nodes[Math.floor(Math.random() * nodes.length)]!;
  const first = nodes[0]!;
  const ofAll = async (what: (node: Server) => Promise<Exit>): Promise<Exit> =>
    worst(await Promise.all(nodes.map(what)));
  return {
    get url() {
      return any().url;
    },
    get urls() {
      return nodes.map(({ url }) => url);
    },
    get port() {
      return any().port;
    },
    get api() {
      return any().api;
    },
    get pid() {
      return first.pid;
    },
    get exited() {
      return ofAll(({ exited }) => exited);
    },
    dataDir,
    output: () => withoutOurs(nodes.map((node) => node.output()).join('')),
    kill: (signal) => ofAll((node) => node.kill(signal)),
    signal: (signal) => {
      for (const node of nodes) node.signal(signal);
    },
    stop: async () => (await ofAll(async (node) => ({ code: await node.stop(), signal: null }))).code,
    restart: async (args) => {
      await Promise.all(nodes.map((node) => node.stop()));
      await Promise.all(nodes.map((node, index) => node.restart(args && [...places[index]!, ...args])));
      await allWell(nodes);
    },
  };
}

/** Without the warning of what PostgreSQL was given here to be quick. */
const withoutOurs = (output: string): string => output.replaceAll(/^.* has fsync = off: .*\n/gm, '');

/** The first that is no end in order, if there is one. */
const worst = (exits: readonly Exit[]): Exit => exits.find(({ code }) => code !== 0) ?? exits[0]!;

/** Waits until all shards are run, by some of the nodes at least. */
async function allWell(nodes: readonly Server[]): Promise<void> {
  const until = performance.now() + wellWithinMs;
  for (;;) {
    const said = await Promise.all(nodes.map(healthOf));
    if (said.every((health) => health.includes('"status":"healthy"'))) return;
    if (performance.now() > until) {
      const output = nodes.map((node) => node.output()).join('');
      throw new Error(`the nodes are not well in time, they say ${said.join(' ')}\n${output}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

function healthOf({ url }: Server): Promise<string> {
  const get = url.startsWith('https') ? httpsGet : httpGet;
  return new Promise((done, failed) => {
    const asked = get(`${url}/api/v1/health`, { rejectUnauthorized: false, agent: false }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      answer.on('end', () => done(text));
      answer.on('error', failed);
    });
    asked.on('error', failed);
  });
}
