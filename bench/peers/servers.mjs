/**
 * The servers that peers need, from Debian's packages, each on a free port of the loopback interface and in a fresh
 * folder. Each start returns where it listens and how to stop it; only processes started here are ever signalled.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const startLimitMs = 30_000;
const stopLimitMs = 10_000;
const here = import.meta.dirname ?? new URL('.', import.meta.url).pathname;
const running = new Set();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(130));

function folder(what) {
  return mkdtempSync(join(process.env.BENCH_DIR ?? tmpdir(), `escapement-peer-${what}-`));
}

export function freePort() {
  return new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => done(port));
    });
  });
}

function answers(port) {
  return new Promise((done) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => done(true)).once('error', () => done(false));
    socket.once('connect', () => socket.destroy());
  });
}

/** Starts a program and waits until its port answers. */
async function startServer(command, args, { port, dir, options = {}, stopSignal = 'SIGTERM' }) {
  const child = spawn(command, args, { cwd: dir, stdio: ['ignore', 'ignore', 'pipe'], ...options });
  running.add(child);
  let errors = '';
  child.stderr.on('data', (text) => {
    errors = (errors + text).slice(-2000);
  });
  const over = new Promise((done) => child.once('close', done).once('error', done));
  over.then(() => running.delete(child));
  const stop = async () => {
    child.kill(stopSignal);
    const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
    await over;
    clearTimeout(timer);
    rmSync(dir, { recursive: true, force: true });
  };
  for (
    const end = Date.now() + startLimitMs;
    !(await answers(port));
    await new Promise((done) => setTimeout(done, 50))
  ) {
    if (child.exitCode !== null || child.pid === undefined || Date.now() > end) {
      await stop();
      throw new Error(`${command} did not start: ${errors}`);
    }
  }
  return { port, stop };
}

/** @param durable `appendfsync always`; otherwise nothing is written to disk at all */
export async function startRedis(durable) {
  const dir = folder('redis');
  const port = await freePort();
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', dir, '--save', '', '--loglevel', 'warning'];
  args.push('--appendonly', durable ? 'yes' : 'no', '--appendfsync', 'always', '--maxmemory-policy', 'noeviction');
  return startServer('redis-server', args, { port, dir });
}

/** PostgreSQL as its package sets it up: `fsync` and `synchronous_commit` on. It refuses to run as root. */
export async function startPostgres() {
  const bin = postgresBin();
  const dir = folder('postgres');
  const port = await freePort();
  const options = {};
  if (process.getuid() === 0) {
    options.uid = Number(execFileSync('id', ['-u', 'postgres'], { encoding: 'utf8' }));
    options.gid = Number(execFileSync('id', ['-g', 'postgres'], { encoding: 'utf8' }));
    chownSync(dir, options.uid, options.gid);
  }
  const data = join(dir, 'data');
  execFileSync(join(bin, 'initdb'), ['-D', data, '-A', 'trust', '-U', 'postgres', '-E', 'UTF8'], {
    cwd: dir,
    stdio: 'ignore',
    ...options,
  });
  const args = ['-D', data, '-p', String(port), '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='];
  // Fast shutdown: the default signal would wait for clients.
  return startServer(join(bin, 'postgres'), args, { port, dir, options, stopSignal: 'SIGINT' });
}

export function postgresBin() {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql') : [];
  const newest = versions.sort((a, b) => Number(b) - Number(a))[0];
  if (newest === undefined) throw new Error('PostgreSQL is not installed: apt-get install postgresql');
  return `/usr/lib/postgresql/${newest}/bin`;
}

/** Its limit of 10,000 requests a minute would be what is measured. */
export async function startBunqueue() {
  const dir = folder('bunqueue');
  const port = await freePort();
  const httpPort = await freePort();
  const env = {
    ...process.env,
    TCP_PORT: String(port),
    HTTP_PORT: String(httpPort),
    HOST: '127.0.0.1',
    RATE_LIMIT_MAX_REQUESTS: '1000000000',
    BUNQUEUE_DATA_PATH: join(dir, 'queue.db'),
  };
  const args = [join(here, 'node_modules/bunqueue/dist/cli/index.js'), 'start'];
  return startServer(bun, args, { port, dir, options: { env } });
}

export const bun = join(here, 'node_modules/.bin/bun');
/** What pg-boss needs. */
export const node24 = join(here, 'node_modules/.bin/node');
