/**
 * Wires everything: directory, store, pool, scheduler, server. What flows up between them goes through the callbacks
 * handed out here. `start` resolves when the server answers.
 */
import type { Logger as Pino } from 'pino';
import { systemClock } from './clock.js';
import type { Config } from './config.js';
import { useIdKey } from './domain/id.js';
import { health, jobsWithoutHandler } from './health.js';
import { uncompiled } from './pool/handlers.js';
import type { HandlerInfo } from './pool/messages.js';
import { WorkerPool } from './pool/pool.js';
import type { ProcessEnd } from './process/end.js';
import { ProcessStops } from './process/stops.js';
import { mergeBounds } from './scheduler/merge-policy.js';
import { Scheduler } from './scheduler/scheduler.js';
import { TimerWaker } from './scheduler/waker.js';
import { checkExposure, whyNoBind } from './server/bind.js';
import { chooseHttp } from './server/http-choice.js';
import type { Server } from './server/server.js';
import { shutDown } from './shutdown.js';
import { DamageReports } from './store/damage.js';
import {
  claimDirectory,
  DirectoryError,
  type DirectoryLock,
  damagedDirectory,
  refuseInUse,
} from './store/directory.js';
import { DirectoryWatch } from './store/directory-watch.js';
import { DueCursor } from './store/due-index.js';
import { JobSets } from './store/job-sets.js';
import { LmdbKv } from './store/kv-lmdb.js';
import { Memtable } from './store/memtable.js';
import { StoreQueries } from './store/queries.js';
import { StoreReader } from './store/reader.js';
import { restore } from './store/restore.js';
import { ThreadedStore } from './store/threaded-store.js';
import { tryToOpen } from './store/trial.js';
import { TypeDictionary } from './store/types.js';
import { DueWindow } from './timer/window.js';

export interface Running {
  /** Where it listens. */
  readonly url: string;
  /** Stops in order, as SIGTERM does; resolves when everything is on disk and closed. */
  stop(): Promise<void>;
}

const unclean =
  'the store was not closed in order (its server was killed, or this is a restored backup): what ran then runs again. Only if the server had ended by SIGSEGV or SIGABRT may pages be damaged: stop this one then, and run "escapement check"';

/** What the process gives the server. */
export interface Surroundings {
  readonly log: Pino;
  /** Hears of the threads that must end before the process does. */
  readonly end: Pick<ProcessEnd, 'first' | 'threads'>;
  /** Ends the process: the server cannot go on, for this reason. */
  readonly fatal: (reason: string) => void;
  /** Aborted when the server is to stop, be it during startup. */
  readonly stopping: AbortSignal;
}

/**
 * Starts a server. Rejects with an Error whose message is for the user when it cannot, and with the reason of `stopping` when
 * that is aborted meanwhile; all is closed in order then.
 */
export async function start(config: Config, around: Surroundings): Promise<Running> {
  const { log, stopping } = around;
  checkExposure(config.host, config.token);
  const cannotListen = await whyNoBind(config.host, config.port);
  if (cannotListen) {
    // Where the server that has the port has the directory as well, this one was started twice: that says more.
    await refuseInUse(config.dataDir);
    throw cannotListen;
  }
  stopping.throwIfAborted();
  const lock = await claimDirectory(config.dataDir);
  try {
    if (lock.facts.backup) {
      throw new DirectoryError(
        `${lock.path} is a backup, which a server would change: make a data directory of it by "escapement restore ${lock.path} --data-dir NEW" and start on that`,
      );
    }
    log.info({ directory: lock.path }, 'opening the store');
    // Should it fail, the note of the failed start stays, and the next start has the same reason to give.
    if (lock.lastStartFailed && !lock.facts.unused) await tryToOpen(lock.path, stopping);
    stopping.throwIfAborted();
    lock.opening();
    return await startIn(lock, config, around).finally(lock.opened);
  } catch (error) {
    lock.release();
    throw damagedDirectory(error, lock.path);
  }
}

async function startIn(lock: DirectoryLock, config: Config, around: Surroundings): Promise<Running> {
  const { log, end, stopping } = around;
  useIdKey(lock.facts.idKey);
  const clock = systemClock;
  const startedAt = clock.monotonic();
  // The server's libraries are read while the store opens and the threads start.
  const serving = Promise.all([import('./server/server.js'), chooseHttp(config.http, log)]);
  // Should it fail, that is told where it is waited for.
  serving.catch(() => {});
  // The parts that call each other are made in turn; none is called before all are there, nor when the process ends.
  const late: { scheduler?: Scheduler | undefined; server?: Server | undefined } = {};
  end.first(() => {
    late.server?.abandon();
    late.server = undefined;
    late.scheduler = undefined;
  });

  const pool = new WorkerPool({
    handlersDir: config.handlersDir,
    threads: config.threads,
    threadMemoryMiB: config.threadMemoryMiB,
    attemptsPerThread: config.attemptsPerThread,
    graceMs: config.graceMs,
    events: {
      outcomes: (outcomes) => late.scheduler?.outcomes(outcomes),
      room: () => late.scheduler?.turn(),
    },
    logLevel: config.logLevel,
    log: ({ level, message, fields, ...line }) => log[level]({ ...line, ...fields }, message),
  });
  end.threads(async () => {
    await pool.stop();
    return pool.hasEnded;
  });
  const [store, handlers] = await openBoth(lock.path, pool, around);
  if (!store.clean) log.warn(unclean);
  const damage = new DamageReports(log);
  const kv = new LmdbKv(lock.path);
  const types = new TypeDictionary();
  const reader = new StoreReader(kv, types);
  const sets = new JobSets();
  const memtable = new Memtable(reader, sets);
  const cursor = new DueCursor(kv);
  const window = new DueWindow(cursor);
  const restored = restore({ reader, memtable, sets }, (due, seq) => window.add(due, seq));
  cursor.seek({ due: restored.watermark, seq: 0 });

  const stops = new ProcessStops();
  const waker = new TimerWaker(clock, () => late.scheduler?.turn());
  const watch = await DirectoryWatch.start({ path: lock.path, directory: lock.identity, log, gone: around.fatal });
  const scheduler = new Scheduler(
    {
      clock,
      store,
      memtable,
      sets,
      reader,
      types,
      pool,
      window,
      waker,
      handlers,
      timezone: config.timezone,
      retention: config,
      merge: { ...mergeBounds, ageMs: config.mergeAgeMs },
      log,
      damage,
      publish: (events) => late.server?.publish(events),
      takeStop: () => stops.take(),
      fatal: around.fatal,
    },
    { ...restored, clean: store.clean },
  );
  late.scheduler = scheduler;
  store.listen(scheduler, (error) => around.fatal(error.message));
  const queries = new StoreQueries({ memtable, sets, reader, counters: () => scheduler.ledger.committed, damage });
  const names = handlers.map(({ name }) => name);
  const handled = new Set(names);
  const withoutHandler = () => jobsWithoutHandler(types, sets, (name) => handled.has(name));
  const [{ Server }, http] = await serving;
  const server = new Server({
    config,
    http,
    clock,
    requests: scheduler,
    queries,
    handlers,
    health: () => health({ scheduler, pool, withoutHandler }),
    withoutHandler,
    startedAt,
    secret: lock.facts.identity,
    backUp: async (directory) => {
      const done = await store.backUp(directory);
      log.info({ directory, ...done }, 'a backup was written');
      return done;
    },
    log,
  });
  late.server = server;
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    watch.close();
    stopped ??= shutDown({ scheduler, pool, server, store, waker, graceMs: config.graceMs, log }).then(async () => {
      await stops.close();
      await kv.close();
      lock.release();
    });
    return stopped;
  };
  scheduler.recover();
  scheduler.turn();
  let urls: string[];
  try {
    while (!scheduler.recovered && scheduler.blockedMs === undefined && !stopping.aborted) await nextTurn();
    stopping.throwIfAborted();
    lock.used();
    ({ urls } = await server.listen());
  } catch (error) {
    await stop();
    throw error;
  }
  stops.start();
  const { threads, timezone } = config;
  log.info({ urls, http: http.name, handlers: names, threads, timezone, pending: sets.count('pending') }, 'ready');
  const waiting = withoutHandler();
  if (waiting.length > 0) {
    log.warn(
      { jobs: Object.fromEntries(waiting.map(({ name, pending }) => [name, pending])) },
      'jobs have no handler in the handlers folder: they wait until the server is started with one',
    );
  }

  const passedOver = await uncompiled(config.handlersDir);
  if (passedOver.length > 0)
    log.warn({ files: passedOver }, 'TypeScript is passed over: compile it and name the folder with the .js files');
  return { url: urls[0] as string, stop };
}

/** Opens the store while the threads start. When one fails or the server is to stop, both are closed. */
async function openBoth(
  directory: string,
  pool: WorkerPool,
  { end, stopping }: Surroundings,
): Promise<[ThreadedStore, readonly HandlerInfo[]]> {
  const stopPool = (): void => void pool.stop();
  stopping.addEventListener('abort', stopPool);
  const [opened, started] = await Promise.allSettled([ThreadedStore.open({ directory }), pool.start()]);
  stopping.removeEventListener('abort', stopPool);
  const store = opened.status === 'fulfilled' ? opened.value : undefined;
  if (store) end.threads(() => store.end());
  if (store && started.status === 'fulfilled' && !stopping.aborted) return [store, started.value];
  await pool.stop();
  await store?.close(store.clean);
  stopping.throwIfAborted();
  throw opened.status === 'rejected' ? opened.reason : (started as PromiseRejectedResult).reason;
}

function nextTurn(): Promise<void> {
  return new Promise(setImmediate);
}
