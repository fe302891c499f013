/**
 * The command line. Every option is also an environment variable; the command line goes first, then the environment, then
 * the default. What is wrong with either ends in one line and exit code 2, what is wrong with the start in one line and
 * exit code 1.
 */
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { isatty } from 'node:tty';
import { Command, CommanderError, Option } from 'commander';
import type { Config } from '../config.js';
import { limits } from '../domain/limits.js';
import { stopSignals } from '../process/signals.js';
import type { HealthQuestion } from './health.js';
import {
  bodySize,
  duration,
  hostName,
  many,
  origin,
  repeated,
  serverUrl,
  threadMemory,
  wholeNumber,
  zone,
} from './option-values.js';
import { checkToken, explain, fail, oneLine, orExplain, orFail, print, startError, usageError } from './output.js';
import { systemZone } from './system-zone.js';
import { readTokens, type TokenOptions } from './tokens.js';
import { passOverServiceLinks, readVariables } from './variables.js';

const { version } = createRequire(import.meta.url)('../../../package.json') as { version: string };

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
const noAnswer = 3;

/** The options of `start` as commander hands them over. */
interface StartOptions extends TokenOptions {
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
  readonly maxBody: number;
  readonly maxConnections: number;
  readonly allowedHost: readonly string[];
  readonly corsOrigin: readonly string[];
  readonly chunked: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly logLevel: string;
  readonly logFormat: 'text' | 'json' | undefined;
}

/** An option that can also be set as `ESCAPEMENT_<NAME>`. */
function option(flags: string, description: string): Option {
  const made = new Option(flags, description);
  return made.env(`ESCAPEMENT_${made.name().replaceAll('-', '_').toUpperCase()}`);
}

/** For tests: what happens every few seconds is to happen at once, or not at all. */
function mergeAge(): Option {
  return option('--merge-age <duration>', 'how long changes may wait to be merged into the trees')
    .default(limits.mergeAgeMs, '5s')
    .argParser(duration)
    .hideHelp();
}

function startCommand(run: (options: StartOptions) => Promise<void>): Command {
  const threads = Math.max(2, availableParallelism() - 1);
  return new Command('start')
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
    .addOption(option('--data-dir <folder>', 'where jobs are kept; made if it is not there').default('./data'))
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
        'how long a job that is cancelled or has timed out, or all jobs at the end, may go on',
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
    .addOption(option('--tls-cert <file>', 'certificate chain, PEM: serve https and wss'))
    .addOption(option('--tls-key <file>', 'private key of the certificate, PEM'))
    .addOption(mergeAge())
    .addOption(option('--log-level <level>', 'least level that is logged').default('info').choices(logLevels))
    .addOption(
      option('--log-format <format>', 'lines for people, or JSON (default: text on a terminal, else json)').choices([
        'text',
        'json',
      ]),
    )
    .allowExcessArguments(false)
    .action(run);
}

function backupCommand(): Command {
  return new Command('backup')
    .description(
      'Write a backup of a running server, which keeps working. The directory must be new or empty, and is on the machine of the server.',
    )
    .argument('<directory>', 'where the backup goes')
    .addOption(option('--url <url>', 'where the server answers').default('http://127.0.0.1:8080').argParser(serverUrl))
    .addOption(option('--token <secret>', 'the token that the server was started with; better set as variable'))
    .allowExcessArguments(false)
    .action((directory: string, { url, token }: { url: string; token?: string }) =>
      orExplain(async () => {
        if (token !== undefined) checkToken(token);
        const { backUp } = await import('./backup.js');
        print(await backUp(resolve(directory), { url, token }));
      }),
    );
}

function restoreCommand(): Command {
  return new Command('restore')
    .description(
      'Make a data directory from a backup, after checking it. What happened after the backup is forgotten; what is due by then runs at the next start.',
    )
    .argument('<backup>', 'a directory that "escapement backup" wrote')
    .addOption(option('--data-dir <folder>', 'the directory to make: new or empty').makeOptionMandatory())
    .allowExcessArguments(false)
    .action((backup: string, { dataDir }: { dataDir: string }) =>
      orExplain(async () => {
        const { restore } = await import('./check.js');
        await restore(resolve(backup), resolve(dataDir), print);
      }),
    );
}

function checkCommand(): Command {
  return new Command('check')
    .description(
      'Check every record, index and counter of a backup, or of a data directory whose server is stopped. Exit code 1 when something is wrong.',
    )
    .argument('<directory>', 'what to check; nothing in it is changed')
    .allowExcessArguments(false)
    .action((directory: string) =>
      orExplain(async () => {
        const { check } = await import('./check.js');
        if (!(await check(resolve(directory), print))) process.exitCode = startError;
      }),
    );
}

function healthCommand(): Command {
  return new Command('health')
    .description(
      'Ask a server how it is. Exit code 0: healthy; 1: degraded or stopping, with the reason; 3: no answer within two seconds.',
    )
    .addOption(
      option('--url <url>', 'where the server answers (default: by the options below, as "start" has them)').argParser(
        serverUrl,
      ),
    )
    .addOption(option('--token <secret>', 'sent along, for a proxy that asks for it; the server itself does not'))
    .option('--live', 'ask only whether it answers: what restarts a container should not do so for a full disk')
    .addOption(option('--host <address>', 'address that the server listens on (default: 127.0.0.1)'))
    .addOption(option('--port <number>', 'port that it listens on').default(8080).argParser(wholeNumber(0, 65_535)))
    .addOption(option('--tls-cert <file>', 'its certificate, which is trusted: asks by https'))
    .allowExcessArguments(false)
    .action((question: HealthQuestion) =>
      orExplain(async () => {
        if (question.token !== undefined) checkToken(question.token);
        const { askHealth, healthUrl } = await import('./health.js');
        const origin = healthUrl(question);
        if (origin === undefined) return fail('the server takes any free port: name where it answers with --url');
        const { exitCode, line } = await askHealth(origin, question);
        if (exitCode === noAnswer) process.stderr.write(oneLine(line));
        else print(line);
        process.exitCode = exitCode;
      }),
    );
}

function program(run: (options: StartOptions) => Promise<void>): Command {
  const escapement = new Command('escapement')
    .description(
      'A job scheduler server: durable delayed, cron and repeating jobs over HTTP, run in worker threads, watched over WebSocket.',
    )
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addCommand(startCommand(run))
    .addCommand(backupCommand())
    .addCommand(restoreCommand())
    .addCommand(checkCommand())
    .addCommand(healthCommand());
  for (const command of [escapement, ...escapement.commands]) {
    command
      .exitOverride()
      .configureOutput({ outputError: (text, write) => write(oneLine(text.replace(/^error: /, ''))) });
  }
  return escapement;
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
    maxBodyBytes: options.maxBody,
    maxConnections: options.maxConnections,
    tokens: readTokens(options),
    tokenFile: tokenFile === undefined ? undefined : resolve(tokenFile),
    givenTokens: { full: options.token, read: options.readToken },
    allowedHosts: options.allowedHost,
    corsOrigins: options.corsOrigin,
    chunked: options.chunked,
    tlsCert,
    tlsKey,
    logLevel: options.logLevel,
    logFormat: options.logFormat ?? (isatty(1) ? 'text' : 'json'),
  };
}

/** Looked at only where none is given: help and other commands do not depend on it. */
function zoneOfSystem(): string {
  return orFail(() => systemZone(process.env.TZ));
}

// --- Running ---

async function startServer(options: StartOptions): Promise<void> {
  const config = toConfig(options);
  if (serviceLinks.length > 0) {
    process.stderr.write(
      oneLine(
        `ignored ${serviceLinks.join(', ')}: Kubernetes sets them for a Service, and they are no settings of this server ("enableServiceLinks: false" in the pod leaves them out)`,
      ),
    );
  }
  const unknown = unknownVariables();
  if (unknown.length > 0) {
    const names = unknown.join(', ');
    process.stderr.write(
      oneLine(`no option has the variable ${names}; "escapement start --help" shows those there are`),
    );
  }
  try {
    // Loaded only now: help and usage errors must not depend on whether native libraries load here.
    const { runServer } = await import('../main.js');
    await runServer(config, stopSignals, (error) => oneLine(explain(error)));
  } catch (error) {
    process.stderr.write(oneLine(explain(error)));
    process.exit(startError);
  }
}

/** Variables that look like ours and set nothing: a misspelt token would leave the server open. */
function unknownVariables(): string[] {
  const known = new Set(escapement.commands.flatMap(({ options }) => options.map(({ envVar }) => envVar)));
  return Object.keys(process.env).filter(
    (name) => name.startsWith('ESCAPEMENT_') && !known.has(name) && !serviceLinks.includes(name),
  );
}

const escapement = program(startServer);
const allOptions = escapement.commands.flatMap(({ options }) => options);
const serviceLinks = passOverServiceLinks(allOptions, process.env);
try {
  const mistake = readVariables(allOptions, process.env);
  if (mistake !== undefined) fail(mistake);
  await escapement.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : usageError;
}
