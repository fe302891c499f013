/** `escapement start`: its options, and the configuration that they make. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { Command, type Option } from 'commander';
import type { Config } from '../../config.js';
import { limits } from '../../domain/limits.js';
import { type ClusterOptions, readCluster, withCluster } from '../cluster.js';
import { type HttpTypeOptions, readHttpType, withHttpType } from '../http-type.js';
import { examples, option } from '../option.js';
import {
  bodySize,
  duration,
  hostName,
  jobLogsSize,
  many,
  origin,
  repeated,
  threadMemory,
  wholeNumber,
  zone,
} from '../option-values.js';
import { fail, orFail } from '../output.js';
import { systemZone } from '../system-zone.js';
import { readTokens, type TokenOptions } from '../tokens.js';

const jobLogLevels = ['debug', 'info', 'warn', 'error', 'silent'];
const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** The options of `start` as commander hands them over. */
interface StartOptions extends TokenOptions, HttpTypeOptions, ClusterOptions {
  readonly host?: string;
  readonly port: number;
  readonly http?: 'uws' | 'node';
  readonly dataDir: string;
  readonly handlers: string;
  readonly watch?: true;
  readonly threads: number;
  readonly threadMemory: number;
  readonly threadAttempts: number;
  readonly timezone?: string;
  readonly grace: number;
  readonly mergeAge: number;
  readonly retention: number;
  readonly retain: number;
  readonly retentionFailed: number;
  readonly retainFailed: number;
  readonly maxBody: number;
  readonly maxConnections: number;
  readonly allowedHost: readonly string[];
  readonly corsOrigin: readonly string[];
  readonly chunked: boolean;
  readonly dashboard: boolean;
  readonly testShards?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly logLevel: string;
  readonly jobLogLevel: string;
  readonly jobLogs: number;
  readonly logFormat: 'text' | 'json' | undefined;
}

/** For tests: what happens every few seconds is to happen at once, or not at all. */
function mergeAge(): Option {
  return option('--merge-age <duration>', 'how long changes may wait to be merged into the trees')
    .default(limits.mergeAgeMs, '5s')
    .argParser(duration)
    .hideHelp();
}

/** @param run starts the server; it decides the exit code */
export function startCommand(run: (config: Config) => Promise<void>): Command {
  const threads = Math.max(2, availableParallelism() - 1);
  const command = new Command('start')
    .description(
      'Start the server. It runs until SIGTERM or SIGINT; a second signal, half a second later or more, ends it at once. SIGHUP reads handlers and tokens anew, or ends a server that was started in a terminal.',
    )
    .addOption(
      option(
        '--host <address>',
        'address to listen on (default: 127.0.0.1 and ::1); any other than loopback needs a token',
      ),
    )
    .addOption(
      option('--port <number>', 'port to listen on; 0 takes a free one')
        .default(8080)
        .argParser(wholeNumber(0, 65_535)),
    )
    .addOption(
      option(
        '--http <name>',
        "what serves HTTP: uWebSockets.js or Node's own, which is slower (default: the first where its binary loads)",
      ).choices(['uws', 'node']),
    )
    .addOption(option('--data-dir <folder>', 'where jobs are kept; created if it does not exist').default('./data'))
    .addOption(
      option('--handlers <folder>', 'modules that do the work, one for each job type, named after it').default(
        './workers',
      ),
    )
    .addOption(option('--watch', 'read the handlers anew whenever something in their folder changes, as SIGHUP does'))
    .addOption(
      option('--threads <number>', 'worker threads')
        .default(threads, `${threads}: one less than there are cores, at least 2`)
        .argParser(wholeNumber(1, 1024)),
    )
    .addOption(
      option('--thread-memory <size>', 'heap of a worker thread; a plain number is in MiB')
        .default(256, '256MiB')
        .argParser(threadMemory),
    )
    .addOption(
      option('--thread-attempts <number>', 'attempts that a worker thread may hold at once, running or about to')
        .default(256)
        .argParser(wholeNumber(1, 256)),
    )
    .addOption(
      option(
        '--timezone <name>',
        "zone of answers, of cron expressions without one and of instants without an offset (default: the system's)",
      ).argParser(zone),
    )
    .addOption(
      option(
        '--grace <duration>',
        'how long jobs may still run when they are cancelled, have timed out, or the server shuts down',
      )
        .default(5000, '5s')
        .argParser(duration),
    )
    .addOption(
      option('--retention <duration>', 'how long finished jobs are kept')
        .default(7 * 86_400_000, '7d')
        .argParser(duration),
    )
    .addOption(
      option('--retain <number>', 'how many finished jobs are kept at most')
        .default(1_000_000)
        .argParser(wholeNumber(0, 1e12)),
    )
    .addOption(
      option('--retention-failed <duration>', 'how long failed jobs are kept')
        .default(30 * 86_400_000, '30d')
        .argParser(duration),
    )
    .addOption(
      option('--retain-failed <number>', 'how many failed jobs are kept at most')
        .default(1_000_000)
        .argParser(wholeNumber(0, 1e12)),
    )
    .addOption(
      option('--max-body <size>', 'largest body of a request: 512KiB, 1MiB or a number of bytes')
        .default(1024 ** 2, '1MiB')
        .argParser(bodySize),
    )
    .addOption(
      option(
        '--max-connections <number>',
        'WebSockets and event streams at the same time, and as many other connections',
      )
        .default(10_000)
        .argParser(wholeNumber(1, 1_000_000)),
    )
    .addOption(
      option(
        '--token <secret>',
        'what clients must send as "Authorization: Bearer <secret>" (repeatable); better set as variable, since others can see command lines',
      )
        .default([], 'none')
        .argParser(repeated),
    )
    .addOption(option('--token-file <file>', 'further tokens, one a line'))
    .addOption(
      option(
        '--read-token <secret>',
        'a token that may only read: GET, HEAD and /ws (repeatable); needs --token or --token-file',
      )
        .default([], 'none')
        .argParser(repeated),
    )
    .addOption(
      option(
        '--allowed-host <name>',
        'a name by which the server may be called without a token (repeatable, or with commas)',
      )
        .default([], 'localhost and IP addresses')
        .argParser(many(hostName)),
    )
    .addOption(
      option('--cors-origin <origin>', 'an origin whose pages may use the server (repeatable, or with commas)')
        .default([], 'none')
        .argParser(many(origin)),
    )
    .addOption(
      option(
        '--no-chunked',
        'refuse bodies in chunks (411): for a server behind a proxy that passes on chunks as they came; as variable: true or false',
      ),
    )
    .addOption(option('--no-dashboard', 'serve no dashboard at /, only a page with links; as variable: true or false'))
    .addOption(option('--tls-cert <file>', 'certificate chain, PEM: serve https and wss'))
    .addOption(option('--tls-key <file>', 'private key of the certificate, PEM'))
    .addOption(mergeAge())
    .addOption(option('--log-level <level>', 'lowest level that is logged').default('info').choices(logLevels))
    .addOption(
      option('--job-log-level <level>', 'lowest level of the lines of handlers (ctx.log) that are kept with their job')
        .default('info')
        .choices(jobLogLevels),
    )
    .addOption(
      option(
        '--job-logs <size>',
        'size of all these lines together; the oldest are removed: 256MiB, 4GiB; 0: none are kept',
      )
        .default(256 * 1024 ** 2, '256MiB')
        .argParser(jobLogsSize),
    )
    .addOption(
      option('--log-format <format>', 'lines for people, or JSON (default: text on a terminal, else json)').choices([
        'text',
        'json',
      ]),
    )
    .action((options: StartOptions) => run(toConfig(options)));
  return examples(
    withCluster(withHttpType(command)),
    'escapement start --data-dir ./data --handlers ./workers',
    'ESCAPEMENT_TOKEN=change-me escapement start --host 0.0.0.0',
    'escapement start --store postgres://user:password@db.internal/escapement --advertise http://10.0.0.5:8080 --host 0.0.0.0 --token-file tokens',
  );
}

/** @throws CommanderError where options contradict each other */
function toConfig(options: StartOptions): Config {
  const { tlsCert, tlsKey, tokenFile } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined)) fail('--tls-cert and --tls-key must be given together');
  return {
    host: options.host,
    port: options.port,
    http: options.http,
    dataDir: resolve(options.dataDir),
    shards: options.shards ?? options.testShards,
    cluster: readCluster(options),
    handlersDir: resolve(options.handlers),
    watch: options.watch === true,
    threads: options.threads,
    threadMemoryMiB: options.threadMemory,
    attemptsPerThread: options.threadAttempts,
    timezone: options.timezone ?? zoneOfSystem(),
    mergeAgeMs: options.mergeAge,
    graceMs: options.grace,
    retentionMs: options.retention,
    retainJobs: options.retain,
    failedRetentionMs: options.retentionFailed,
    retainFailed: options.retainFailed,
    maxBodyBytes: options.maxBody,
    maxConnections: options.maxConnections,
    tokens: readTokens(options),
    tokenFile: tokenFile === undefined ? undefined : resolve(tokenFile),
    givenTokens: { full: options.token, read: options.readToken },
    httpType: readHttpType(options),
    allowedHosts: options.allowedHost,
    corsOrigins: options.corsOrigin,
    chunked: options.chunked,
    dashboard: options.dashboard,
    tlsCert,
    tlsKey,
    logLevel: options.logLevel,
    jobLogLevel: options.jobLogLevel,
    jobLogsBytes: options.jobLogs,
    logFormat: options.logFormat ?? (isatty(1) ? 'text' : 'json'),
  };
}

/** Looked at only where none is given: help and other commands do not depend on it. */
function zoneOfSystem(): string {
  return orFail(() => systemZone(process.env.TZ));
}
