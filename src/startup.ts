/**
 * The start of a server as a sequence of steps: claim the directory, try to open it where the last start failed, open the store and
 * the threads, recover what ran before, serve. A step that fails, or a stop meanwhile, closes in order what those before it made.
 */
import type { Logger as Pino } from 'pino';
import { systemClock } from './clock.js';
import { makeShards, type ShardsOwner } from './cluster/process-shards.js';
import { type Together, togetherOf } from './cluster/together.js';
import type { Config } from './config.js';
import { useIdKey } from './domain/id.js';
import { metricsText } from './figures.js';
import { health, JobsByType, logPauses } from './health.js';
import { Late } from './late.js';
import { type Libraries, loadLibraries, tracesOf } from './libraries.js';
import type { Running, Surroundings } from './node/running.js';
import { overviewOf } from './overview/overview.js';
import { runTypeScript, uncompiled } from './pool/shared/handlers-folder.js';
import { makePool, type Workers } from './pools.js';
import { ProcessStops } from './process/stops.js';
import { FolderWatch } from './reload/folder-watch.js';
import { jobCheckFor } from './reload/job-check.js';
import { jobTypesOf, type LoadedType } from './reload/job-types.js';
import { Reloads } from './reload/reloads.js';
import { keepLines, type LineKeeper } from './scheduler/attempts/lines.js';
import { mergeBounds } from './scheduler/merging.js';
import { checkExposure, whyNoBind } from './server/http/bind.js';
import type { HttpName } from './server/http/http-port.js';
import { withTokenFile } from './server/http/token-file.js';
import type { Server, ServerOptions } from './server/server.js';
import { version } from './server/version.js';
import { shutDown } from './shutdown.js';
import { DamageLog } from './store/damage-log.js';
import {
  claimDirectory,
  DirectoryError,
  type DirectoryLock,
  damagedDirectory,
  refuseInUse,
} from './store/directory/directory.js';
import { DirectoryWatch } from './store/directory/directory-watch.js';
import { tryToOpen } from './store/directory/trial.js';
import { Stores } from './store/thread/stores.js';
import { Counts } from './telemetry/counts.js';
import type { History } from './telemetry/history/history.js';
import { Recent } from './telemetry/recent.js';
import type { Traces } from './telemetry/traces/port.js';

export type { Running, Surroundings } from './node/running.js';

const unclean =
  'the store was not closed in order (its server was killed, or this is a restored backup): what ran then runs again. Only if the server had ended by SIGSEGV or SIGABRT may pages be damaged: stop this one then, and run "escapement check"';

/**
 * Starts a server. Rejects with an Error whose message is for the user when it cannot, and with the reason of `stopping` when
 * that is aborted meanwhile.
 */
export async function start(config: Config, around: Surroundings): Promise<Running> {
  if (config.cluster !== undefined) {
    const { startNode } = await import('./node/startup.js');
    return await startNode(config, config.cluster, around);
  }
  // The server's libraries are read while the store opens and the threads start.
  const libraries = loadLibraries(config, around.log);
  // Should it fail, that is reported where it is waited for.
  libraries.catch(() => {});
  const lock = await claim(config, around);
  try {
    await tryWhereItFailed(lock, around);
    return await startOn(lock, config, around, libraries).finally(lock.opened);
  } catch (error) {
    lock.release();
    throw damagedDirectory(error, lock.path);
  }
}

/** The address is free and the directory is this process's. */
async function claim({ host, port, tokens, dataDir }: Config, { stopping }: Surroundings): Promise<DirectoryLock> {
  checkExposure(host, tokens.full.length > 0);
  const cannotListen = await whyNoBind(host, port);
  if (cannotListen) {
    // Where the server that has the port has the directory as well, this one was started twice: that says more.
    await refuseInUse(dataDir);
    throw cannotListen;
  }
  stopping.throwIfAborted();
  return claimDirectory(dataDir);
}

async function tryWhereItFailed(lock: DirectoryLock, { log, stopping }: Surroundings): Promise<void> {
  if (lock.facts.backup) {
    throw new DirectoryError(
      `${lock.path} is a backup, which a server would change: make a data directory of it by "escapement restore ${lock.path} --data-dir NEW" and start on that`,
    );
  }
  if (lock.facts.moved) {
    const { at, to } = lock.facts.moved;
    throw new DirectoryError(
      `the jobs of ${lock.path} were moved to PostgreSQL at ${to} (${at}), and would run twice: start with --store, and with another --data-dir`,
    );
  }
  const before = lock.upgrade();
  if (before !== undefined)
    log.info(
      { directory: lock.path, from: before, to: lock.facts.schema },
      'the directory was upgraded: older versions refuse it from now on',
    );
  log.info({ directory: lock.path }, 'opening the store');
  // Should it fail, the note of the failed start stays, and the next start has the same reason to give.
  if (lock.lastStartFailed && !lock.facts.unused) await tryToOpen(lock.path, stopping);
  stopping.throwIfAborted();
  lock.opening();
}

async function startOn(
  lock: DirectoryLock,
  config: Config,
  around: Surroundings,
  libraries: Promise<Libraries>,
): Promise<Running> {
  const startedAt = systemClock.monotonic();
  useIdKey(lock.facts.idKey);
  const opened = await open(lock, config, around);
  let parts: Parts;
  try {
    parts = await assemble(opened, startedAt, lock, config, around, libraries);
  } catch (error) {
    await opened.pool.stop();
    await opened.stores.closeUnused();
    throw error;
  }
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= stopInOrder(parts, lock, config, around);
    return stopped;
  };
  try {
    await recover(parts, around);
    lock.used();
    const url = await serve(parts, config, around);
    return { url, stop, reload: (cause) => parts.reloads.request(cause) };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** What is open before there is anything that decides. */
interface Opened {
  readonly stores: Stores;
  readonly pool: Workers;
  readonly types: readonly LoadedType[];
  /** When the handlers folder was read, Unix milliseconds. */
  readonly readAt: number;
  readonly scheduler: Late<ShardsOwner>;
  readonly server: Late<Server>;
  readonly logs: Late<LineKeeper>;
  readonly counts: Counts;
  /** Of the SDK that the user has loaded; undefined without one. */
  readonly traces: Traces | undefined;
}

/** Opens the store while the threads start. When one fails or the server is to stop, both are closed. */
async function open(lock: DirectoryLock, config: Config, { log, end, stopping }: Surroundings): Promise<Opened> {
  const scheduler = new Late<ShardsOwner>('scheduler');
  const server = new Late<Server>('server');
  const logs = new Late<LineKeeper>('keeper of lines');
  const counts = new Counts();
  const traces = await tracesOf(log);
  end.first(() => {
    scheduler.drop();
    server.drop();
  });
  const pool = await makePool(config, {
    jobCheck: jobCheckFor(config.timezone),
    events: {
      outcomes: (outcomes) => scheduler.call((part) => part.outcomes(outcomes)),
      lines: (lines) => server.call((part) => keepLines(lines, logs.get(), part, systemClock.now())),
      progress: (reports) => scheduler.call((part) => part.progress(reports)),
      room: () => scheduler.call((part) => part.room()),
    },
    log,
    telemetry: counts,
  });
  end.threads(async () => {
    await pool.stop();
    return pool.hasEnded;
  });
  const stopPool = (): void => void pool.stop();
  stopping.addEventListener('abort', stopPool);
  const readAt = Date.now();
  const [stores, types] = await Promise.allSettled([
    Stores.open(lock.path, config.shards ?? 1),
    pool.start().then(jobTypesOf),
  ]);
  stopping.removeEventListener('abort', stopPool);
  if (stores.status === 'fulfilled') end.threads(() => stores.value.end());
  if (stores.status === 'fulfilled' && types.status === 'fulfilled' && !stopping.aborted) {
    if (!stores.value.clean) log.warn(unclean);
    return { stores: stores.value, pool, types: types.value, readAt, scheduler, server, logs, counts, traces };
  }
  await pool.stop();
  if (stores.status === 'fulfilled') await stores.value.closeUnused();
  stopping.throwIfAborted();
  throw stores.status === 'rejected' ? stores.reason : (types as PromiseRejectedResult).reason;
}

interface Parts extends Opened {
  readonly together: Together;
  readonly waker: { stop(): void };
  readonly stops: ProcessStops;
  readonly watch: DirectoryWatch;
  readonly jobsOfTypes: JobsByType;
  readonly listening: Server;
  readonly history: History;
  readonly reloads: Reloads;
  /** Of `--watch`. */
  readonly folderWatch: FolderWatch | undefined;
  /** Which adapter serves HTTP. */
  readonly http: HttpName;
}

/** Makes the parts that decide and serve, and connects them. Nothing runs yet. */
async function assemble(
  opened: Opened,
  startedAt: number,
  lock: DirectoryLock,
  config: Config,
  { log, end, fatal }: Surroundings,
  libraries: Promise<Libraries>,
): Promise<Parts> {
  const { stores, pool, types, counts, traces } = opened;
  const clock = systemClock;
  const stops = new ProcessStops({
    onWatching: () => log.debug('stops of the process are noticed from now on'),
    onFailure: (err) =>
      log.warn(
        { err },
        'the thread that notices stops of the process did not start and is tried again every ten seconds; until then, what came due during a stop runs late',
      ),
  });
  const { shards, owner, waker } = makeShards(
    stores.all.map(({ store, ...own }) => ({ ...own, storage: store, clean: store.clean })),
    {
      clock,
      pool,
      handlers: types,
      timezone: config.timezone,
      jobLogs: { maxBytes: config.jobLogsBytes, later: (ms, step) => void setTimeout(step, ms).unref() },
      readEnqueued: (text, now) => opened.server.get().readEnqueued(text, now),
      retention: config,
      merge: { ...mergeBounds, ageMs: config.mergeAgeMs },
      log,
      telemetry: counts,
      traces,
      damage: new DamageLog(log),
      publish: (events) => opened.server.call((server) => server.publish(events)),
      publishTransient: (event) => opened.server.call((server) => server.publishTransient(event)),
      takeStop: () => stops.take(),
      fatal,
    },
    (shard) => opened.scheduler.call((part) => part.turn(shard)),
  );
  const together = togetherOf(shards);
  const jobsOfTypes = new JobsByType(together.states, types, new Recent(counts));
  const { Server, http, pages } = await libraries;
  const figures = { version, clock, directory: lock.path, together, counts, pool, stores };
  const overview = await overviewOf({ ...figures, config, http: http.name, begunAt: startedAt, logger: log });
  const server = new Server({
    config,
    pages,
    http,
    clock,
    requests: together.requests,
    queries: together.queries,
    handlers: types,
    health: () => health({ scheduler: together.scheduler, pool, jobsOfTypes }),
    ready: () => together.scheduler.mode.health === undefined,
    jobsOfTypes,
    startedAt,
    secret: lock.facts.identity,
    ...backUpOf(stores, log),
    log,
    telemetry: counts,
    traces,
    ...overview.shown,
    metrics: () => metricsText(counts, figures),
  });
  end.first(() => server.abandon());
  const { givenTokens, tokenFile, tokens } = config;
  const reloads = new Reloads(
    {
      folder: config.handlersDir,
      load: () => pool.load(),
      replaceTypes: (loaded) => {
        jobsOfTypes.replace(loaded);
        server.replaceJobTypes(loaded);
        together.scheduler.replaceHandlers(loaded);
        jobsOfTypes.warn(log);
      },
      readTokens: tokenFile === undefined ? undefined : () => withTokenFile(givenTokens, tokenFile),
      replaceTokens: (lists) => server.replaceTokens(lists),
      log,
      telemetry: counts,
    },
    { types, tokens },
  );
  const watch = await DirectoryWatch.start({ path: lock.path, directory: lock.identity, log, gone: fatal });
  opened.logs.set(together.jobLogs);
  opened.scheduler.set(owner);
  opened.server.set(server);
  for (const { store, numbers } of stores.all)
    store.listen(shards.get(numbers.shard)?.store, (error) => fatal(error.message));
  const onChange = (): void => void reloads.request('watch');
  const folder = { folder: config.handlersDir, readAt: opened.readAt, onChange, log };
  const folderWatch = config.watch ? await FolderWatch.start(folder) : undefined;
  return {
    ...opened,
    together,
    waker,
    stops,
    watch,
    jobsOfTypes,
    listening: server,
    history: overview.history,
    http: http.name,
    reloads,
    folderWatch,
  };
}

/** Decides what becomes of attempts that ran when the last server ended. Waits until that is on disk, or the disk takes no writes. */
async function recover({ together: { scheduler } }: Parts, { stopping }: Surroundings): Promise<void> {
  scheduler.recover();
  scheduler.turn();
  while (!scheduler.recovered && scheduler.mode.writes === 'at_once' && !stopping.aborted) {
    await new Promise(setImmediate);
  }
  stopping.throwIfAborted();
}

/** Listens, and logs what whoever started the server should know. Returns the first URL. */
async function serve(parts: Parts, { threads, timezone, handlersDir }: Config, { log }: Surroundings): Promise<string> {
  const { listening, http, stops, types, together, jobsOfTypes, reloads } = parts;
  const { urls } = await listening.listen();
  stops.start();
  parts.history.start();
  const names = types.map(({ name }) => name);
  log.info({ urls, http, handlers: names, threads, timezone, pending: together.queries.totals().pending }, 'ready');
  jobsOfTypes.warn(log);
  logPauses(together.scheduler, log);
  const files = await uncompiled(handlersDir);
  if (files.length > 0) log.warn({ files }, `TypeScript is ignored, since ${runTypeScript}`);
  reloads.start();
  return urls[0] as string;
}

async function stopInOrder(
  parts: Parts,
  lock: DirectoryLock,
  { graceMs }: Config,
  { log }: Surroundings,
): Promise<void> {
  const { together, pool, listening: server, stores, waker } = parts;
  const { scheduler, jobLogs } = together;
  parts.watch.close();
  parts.reloads.stop();
  await parts.history.stop();
  await parts.folderWatch?.close();
  await shutDown({ scheduler, pool, server, store: stores, waker, jobLogs, graceMs, log });
  await parts.traces?.flush();
  await parts.stops.close();
  await stores.closeReaders();
  lock.release();
}

/** A backup is of one store. */
function backUpOf({ all }: Stores, log: Pino): Pick<ServerOptions, 'backUp'> {
  const [only] = all;
  if (all.length > 1 || only === undefined) return {};
  return {
    backUp: async (directory) => {
      const done = await only.store.backUp(directory);
      log.info({ directory, ...done }, 'a backup was written');
      return done;
    },
  };
}
