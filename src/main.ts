/**
 * Wires everything: directory, store, pool, scheduler, server. What flows up between them goes through the callbacks
 * handed out here. `start` resolves when the server answers; signals stop it in order.
 */

import { type Logger as Pino, pino } from 'pino';
import { systemClock } from './clock.js';
import type { Config } from './config.js';
import { useIdKey } from './domain/id.js';
import { health, jobsWithoutHandler } from './health.js';
import { uncompiled } from './pool/handlers.js';
import { WorkerPool } from './pool/pool.js';
import { ProcessStops } from './process-stops.js';
import { mergeBounds } from './scheduler/merge-policy.js';
import { Scheduler } from './scheduler/scheduler.js';
import { TimerWaker } from './scheduler/waker.js';
import { checkExposure } from './server/bind.js';
import type { Server } from './server/server.js';
import { shutDown } from './shutdown.js';
import { DamageLog } from './store/damage-log.js';
import { claimDirectory, DirectoryError, type DirectoryLock, damagedDirectory } from './store/directory/directory.js';
import { tryToOpen } from './store/directory/trial.js';
import { LmdbKv } from './store/kv/kv-lmdb.js';
import { KvLogSource } from './store/log/kv-log.js';
import { CommittedState } from './store/state/committed-state.js';
import { CommittedStore } from './store/state/committed-store.js';
import { StoreQueries } from './store/state/queries.js';
import { ThreadedStore } from './store/thread/threaded-store.js';
import { DueWindow } from './timer/window.js';

export interface Running {
  /** Where it listens. */
  readonly url: string;
  /** Stops in order, as SIGTERM does; resolves when everything is on disk and closed. */
  stop(): Promise<void>;
}

const unclean =
  'the store was not closed in order (its server was killed, or this is a restored backup): what ran then runs again. Only if the server had ended by SIGSEGV or SIGABRT may pages be damaged: stop this one then, and run "escapement check"';

/** Starts a server. Rejects with an Error whose message is for the user when it cannot. */
export async function start(config: Config): Promise<Running> {
  checkExposure(config.host, config.token);
  const log = pino({ level: config.logLevel });
  const lock = await claimDirectory(config.dataDir);
  try {
    if (lock.facts.backup) {
      throw new DirectoryError(
        `${lock.path} is a backup, which a server would change: make a data directory of it by "escapement restore ${lock.path} --data-dir NEW" and start on that`,
      );
    }
    log.info({ directory: lock.path }, 'opening the store');
    // Should it fail, the note of the failed start stays, and the next start has the same reason to give.
    if (lock.lastStartFailed && !lock.facts.unused) await tryToOpen(lock.path);
    lock.opening();
    return await startIn(lock, config, log).finally(lock.opened);
  } catch (error) {
    lock.release();
    throw damagedDirectory(error, lock.path);
  }
}

async function startIn(lock: DirectoryLock, config: Config, log: Pino): Promise<Running> {
  useIdKey(lock.facts.idKey);
  const clock = systemClock;
  const startedAt = clock.monotonic();
  // The server's libraries are read while the store opens and the threads start.
  const serving = import('./server/server.js');
  // Should it fail, that is told where it is waited for.
  serving.catch(() => {});
  // The parts that call each other are made in turn; none is called before all are there.
  const late: { scheduler?: Scheduler; server?: Server } = {};

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
  const [store, handlers] = await both(ThreadedStore.open({ directory: lock.path }), pool.start(), async () => {
    await pool.stop();
  });

  if (!store.clean) log.warn(unclean);
  const damage = new DamageLog(log);
  const kv = new LmdbKv(lock.path);
  const state = new CommittedState(kv, new KvLogSource(kv));
  const window = new DueWindow(state.dueIndex);
  const restored = state.restore((due, seq) => window.add(due, seq));
  const jobs = new CommittedStore(store, state, restored);
  const { sets, types } = state;

  const stops = new ProcessStops();
  const waker = new TimerWaker(clock, () => late.scheduler?.turn());
  const fatal = (reason: string): void => {
    log.fatal({ reason }, 'the server must stop');
    process.exitCode = 1;
    // Nothing more may be answered; what is on disk is whole.
    setImmediate(() => process.exit(1));
  };
  const scheduler = new Scheduler(
    {
      clock,
      store: jobs,
      sets,
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
      fatal,
    },
    { ...restored, clean: store.clean },
  );
  late.scheduler = scheduler;
  jobs.listen(scheduler);
  store.listen(jobs, (error) => fatal(error.message));
  const queries = new StoreQueries({ state, counters: () => scheduler.ledger.committed, damage });
  const names = handlers.map(({ name }) => name);
  const handled = new Set(names);
  const withoutHandler = () => jobsWithoutHandler(types, sets, (name) => handled.has(name));
  const { Server } = await serving;
  const server = new Server({
    config,
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
  scheduler.recover();
  scheduler.turn();
  while (!scheduler.recovered && scheduler.blockedMs === undefined) await new Promise(setImmediate);
  lock.used();
  const { urls } = await server.listen();
  stops.start();
  const { threads, timezone } = config;
  log.info({ urls, handlers: names, threads, timezone, pending: sets.count('pending') }, 'ready');
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

  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= shutDown({ scheduler, pool, server, store, waker, graceMs: config.graceMs, log }).then(async () => {
      await stops.close();
      await kv.close();
      lock.release();
    });
    return stopping;
  };
  stopOnSignals(stop, log);
  return { url: urls[0] as string, stop };
}

/** Waits for both; when one fails, ends the other by `undo` and rejects. */
async function both<A, B>(a: Promise<A>, b: Promise<B>, undo: () => Promise<void>): Promise<[A, B]> {
  const [first, second] = await Promise.allSettled([a, b]);
  if (first.status === 'fulfilled' && second.status === 'fulfilled') return [first.value, second.value];
  await undo();
  throw first.status === 'rejected' ? first.reason : (second as PromiseRejectedResult).reason;
}

/** The first signal stops in order; a second one at once. */
function stopOnSignals(stop: () => Promise<void>, log: Pino): void {
  let signals = 0;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (++signals > 1) process.exit(1);
      log.info({ signal }, 'stopping');
      stop().then(
        () => {
          log.info('stopped');
          process.exit(process.exitCode ?? 0);
        },
        (error: unknown) => {
          log.fatal({ err: error }, 'the server could not stop in order');
          process.exit(1);
        },
      );
    });
  }
}
