/**
 * The start of a node of a cluster, as `startup` is that of a server by itself: its jobs are in PostgreSQL, and its data directory has
 * nothing but caches of them. It serves as soon as it is there; shards come to it then.
 */
import { systemClock } from '../clock.js';
import { GatheredQueries } from '../cluster/gathering/gathered-queries.js';
import { NodeParts } from '../cluster/node-parts.js';
import type { ShardsOwner } from '../cluster/process-shards.js';
import { RoutedRequests } from '../cluster/routed-requests.js';
import type { RunKeeper } from '../cluster/sharing/shared-pool.js';
import { ShardNews } from '../cluster/standing/shard-news.js';
import { unreached, withStanding } from '../cluster/standing/standing.js';
import { togetherOf } from '../cluster/together.js';
import type { ClusterConfig, Config } from '../config.js';
import { useIdKey } from '../domain/id.js';
import { metricsText } from '../figures.js';
import { health, JobsByType, logPauses } from '../health.js';
import { Late } from '../late.js';
import { loadLibraries, tracesOf } from '../libraries.js';
import { overviewOf } from '../overview/overview.js';
import { BeginDeadline } from '../pool/shared/deadline.js';
import type { ElsewhereType } from '../pool/shared/messages.js';
import { makePool } from '../pools.js';
import { ProcessStops } from '../process/stops.js';
import { FolderWatch } from '../reload/folder-watch.js';
import { jobCheckFor } from '../reload/job-check.js';
import { jobTypesOf, type LoadedType } from '../reload/job-types.js';
import { Reloads } from '../reload/reloads.js';
import { keepLines, type LineKeeper } from '../scheduler/attempts/lines.js';
import { mergeBounds } from '../scheduler/merging.js';
import { checkExposure, whyNoBind } from '../server/http/bind.js';
import { isLoopback } from '../server/http/gate.js';
import { withTokenFile } from '../server/http/token-file.js';
import type { Server } from '../server/server.js';
import { version } from '../server/version.js';
import { shutDown } from '../shutdown.js';
import { DamageLog } from '../store/damage-log.js';
import { claimDirectory, DirectoryError } from '../store/directory/directory.js';
import { schemaVersion } from '../store/format/layout.js';
import { hostOf } from '../store/postgres/pg/address.js';
import { newShards, openPostgres } from '../store/postgres/pg/open.js';
import { newRandomId } from '../store/postgres/shard-log.js';
import { ShardIndexes } from '../store/thread/shard-indexes.js';
import { Counts } from '../telemetry/counts.js';
import { Recent } from '../telemetry/recent.js';
import type { Running, Surroundings } from './running.js';
import { logUnhandled } from './unhandled.js';
import { Waiting } from './waiting.js';

/** What is open so far, and how it is closed; the last is closed first. */
type Close = () => unknown;

/** See `start`. */
export async function startNode(config: Config, cluster: ClusterConfig, around: Surroundings): Promise<Running> {
  const closes: Close[] = [];
  const close = async (): Promise<void> => {
    for (const each of closes.splice(0).reverse()) await each();
  };
  try {
    return await begin(config, cluster, around, closes);
  } catch (error) {
    await close();
    throw error;
  }
}

async function begin(
  config: Config,
  { store, advertise, settleMs }: ClusterConfig,
  { log, end, fatal, stopping }: Surroundings,
  closes: Close[],
): Promise<Running> {
  const startedAt = systemClock.monotonic();
  const libraries = loadLibraries(config, log);
  libraries.catch(() => {});
  checkExposure(config.host, config.tokens.full.length > 0);
  const cannotListen = await whyNoBind(config.host, config.port);
  if (cannotListen) throw cannotListen;
  stopping.throwIfAborted();
  const lock = await claimDirectory(config.dataDir);
  closes.push(() => lock.release());
  const { moved, unused } = lock.facts;
  if (moved)
    throw new DirectoryError(
      `the jobs of ${lock.path} were moved to PostgreSQL at ${moved.to} (${moved.at}): give the node another --data-dir, for its copies of shards`,
    );
  if (!unused)
    throw new DirectoryError(
      `${lock.path} has jobs of a server by itself: a node of a cluster needs a directory of its own (--data-dir)`,
    );
  warnOfLoopback(advertise, store, log);
  const sessions = newRandomId();
  const waiting = new Waiting({
    log,
    open: async (reason) => {
      const [{ WaitingServer }, { http }] = await Promise.all([import('../server/waiting-server.js'), libraries]);
      return new WaitingServer({ config, http, log, clock: systemClock, telemetry: new Counts(), reason });
    },
  });
  closes.push(() => waiting.end());
  const opened = await openPostgres({
    ...{ url: store, node: sessions, shards: config.shards ?? newShards, format: schemaVersion, log, signal: stopping },
    waits: (where, reason) => waiting.waits(where, reason),
  });
  waiting.over();
  closes.push(() => opened.close());
  useIdKey(opened.facts.idKey || undefined);
  const { shards } = opened.facts;
  if (config.shards !== undefined && config.shards !== shards)
    log.warn(`this cluster was made with ${shards} shards and keeps them: --shards ${config.shards} is ignored`);

  const scheduler = new Late<ShardsOwner>('scheduler');
  const serving = new Late<Server>('server');
  const lines = new Late<LineKeeper & RunKeeper>('keeper of lines');
  end.first(() => {
    scheduler.drop();
    serving.drop();
  });
  const counts = new Counts();
  const traces = await tracesOf(log);
  const deadline = new BeginDeadline();
  const pool = await makePool(config, {
    jobCheck: jobCheckFor(config.timezone),
    events: {
      outcomes: (outcomes) => scheduler.call((part) => part.outcomes(outcomes)),
      lines: (all) => {
        const now = systemClock.now();
        // Those of jobs that have moved are kept by their owner.
        const own = node.moves.lines(all, now);
        serving.call((part) => keepLines(own, lines.get(), part, now));
      },
      progress: (reports) => {
        const { outgoing, sayings } = node.moves;
        if (outgoing.running > 0) sayings.progress(reports.filter((report) => outgoing.runs(report)));
        scheduler.call((part) => part.progress(reports));
      },
      room: () => scheduler.call((part) => part.room()),
    },
    log,
    telemetry: counts,
    deadline,
  });
  closes.push(() => pool.stop());
  end.threads(async () => {
    await pool.stop();
    return pool.hasEnded;
  });
  const readAt = Date.now();
  let types: readonly LoadedType[] = await pool.start().then(jobTypesOf);
  stopping.throwIfAborted();
  const indexes = new ShardIndexes(lock.path, (error) => fatal(error.message));
  closes.push(() => indexes.close());
  const stops = new ProcessStops({
    onWatching: () => log.debug({}, 'stops of the process are noticed from now on'),
    onFailure: (err) => log.warn({ err }, 'the thread that notices stops of the process did not start'),
  });
  const node: NodeParts<LoadedType> = new NodeParts<LoadedType>({
    hear: ({ handed, lines: said, progress }) => {
      scheduler.call((part) => part.progress(progress));
      for (const run of handed) lines.get().addRun(run);
      serving.call((part) => keepLines(said, lines.get(), part, systemClock.now()));
    },
    ...{ opened, sessions, indexes, deadline, log, directory: lock.path, address: advertise, settleMs },
    resumed: () => {
      pool.deadlineMoved();
      scheduler.call((part) => part.room());
    },
    ports: {
      clock: systemClock,
      pool,
      // For shards that come after they were read anew.
      get handlers() {
        return types;
      },
      timezone: config.timezone,
      jobLogs: {
        maxBytes: config.jobLogsBytes,
        later: (ms, step) => void setTimeout(step, ms).unref(),
        isMirrored: true,
      },
      typeElsewhere: (name) => node.types.elsewhere(name),
      readEnqueued: (text, now) => serving.get().readEnqueued(text, now),
      retention: config,
      merge: { ...mergeBounds, ageMs: config.mergeAgeMs },
      log,
      telemetry: counts,
      traces,
      damage: new DamageLog(log),
      publish: (events) => serving.call((server) => server.publish(events)),
      publishTransient: (event) => serving.call((server) => server.publishTransient(event)),
      takeStop: () => stops.take(),
      fatal,
    },
    types: {
      own: types,
      compile: jobTypesOf,
      changed: (all) => {
        serving.call((part) => part.replaceJobTypes(all));
        pool.know(elsewhereOf(all, node.types));
      },
    },
    turn: (shard) => scheduler.call((part) => part.turn(shard)),
  });
  const together = togetherOf(node.several.shards, node.settings, node.names);
  const states = {
    [Symbol.iterator]: () => together.states[Symbol.iterator](),
  };
  const recent = new Recent(counts);
  const jobsOfTypes = new JobsByType(states, types, recent);
  const { Server, http, pages } = await libraries;
  const figures = { version, clock: systemClock, directory: lock.path, together, counts, pool, stores: node.stores };
  const overview = await overviewOf({ ...figures, config, http: http.name, begunAt: startedAt, logger: log });
  let stopped: Promise<void> | undefined;
  const server = new Server({
    ...{ config, pages, http, jobsOfTypes, startedAt, log, traces, clock: systemClock, handlers: types },
    requests: together.requests,
    queries: together.queries,
    health: (access) => {
      if (stopped !== undefined) return { status: 'draining', reason: 'this node gives its shards away and ends' };
      return withStanding(
        health({ scheduler: together.scheduler, pool, jobsOfTypes }),
        together.scheduler.mode,
        unreached(opened.reached.problem, access !== 'none') ?? node.standing.problem,
      );
    },
    // What is wrong with other nodes, or with shards that nobody runs, is no reason to send requests elsewhere.
    ready: () => stopped === undefined && node.standing.hasLease && together.scheduler.mode.health === undefined,
    cluster: () => node.view,
    secret: opened.facts.secret,
    peers: node.peers,
    ...{ peerAttempts: node.moves, peerPlaces: node.places },
    own: {
      own: (shards) => new GatheredQueries(node.several.shards.only(shards)),
      jobsOfTypes: (shards) => {
        const { all } = node.several.shards.only(shards);
        const some = all.map(({ state }) => state);
        return new JobsByType(some, types, recent);
      },
      bulks: {
        of: (shards) => new RoutedRequests(node.several.shards.only(shards)),
        next: () => opened.database.nextBulk(),
      },
    },
    keyedJobs: (shard, places) => node.keyedJobs(shard, places),
    telemetry: counts,
    ...overview.shown,
    metrics: () => metricsText(counts, { ...figures, cluster: node.figures }),
  });
  end.first(() => server.abandon());
  const { givenTokens, tokenFile, tokens } = config;
  const reloads = new Reloads(
    {
      folder: config.handlersDir,
      load: () => pool.load(),
      replaceTypes: (loaded) => {
        types = loaded;
        jobsOfTypes.replace(loaded);
        node.types.replaceOwn(loaded);
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
  lines.set(together.jobLogs);
  scheduler.set(node.several.owner);
  serving.set(server);
  const onChange = (): void => void reloads.request('watch');
  const folder = { folder: config.handlersDir, readAt, onChange, log };
  const folderWatch = config.watch ? await FolderWatch.start(folder) : undefined;

  let endUnhandled = (): void => {};
  const news = new ShardNews({ own: () => node.several.shards.all.length, all: shards, log });
  const stopInOrder = async (): Promise<void> => {
    endUnhandled();
    news.stop();
    reloads.stop();
    await node.leave();
    await overview.history.stop();
    await folderWatch?.close();
    await shutDown({
      scheduler: node.leaving(together.scheduler),
      ...{ pool, server, log, graceMs: config.graceMs, jobLogs: together.jobLogs, waker: node.several.waker },
      store: { close: () => node.end() },
    });
    await traces?.flush();
    await stops.close();
    lock.release();
  };
  const stop = (): Promise<void> => {
    stopped ??= stopInOrder();
    return stopped;
  };
  try {
    await node.prepare();
    logPauses(together.scheduler, log);
    await waiting.end();
    const { urls } = await server.listen();
    stops.start();
    overview.history.start();
    reloads.start();
    node.start();
    news.start();
    endUnhandled = logUnhandled({
      jobs: () => jobsOfTypes.withoutHandler(),
      isElsewhere: (type) => node.types.elsewhere(type) !== undefined,
      isSettled: () => node.several.shards.all.length > 0 && node.idleShards === 0,
      log,
    });
    log.info({ urls, http: http.name, handlers: types.map(({ name }) => name), shards }, 'ready');
    return { url: urls[0] as string, stop, reload: (cause) => reloads.request(cause) };
  } catch (error) {
    closes.length = 0;
    await waiting.end();
    await stop();
    throw error;
  }
}

/** What handlers' threads are to know of the types that other nodes alone have. */
function elsewhereOf(
  all: readonly LoadedType[],
  types: Pick<NodeParts<LoadedType>['types'], 'elsewhere'>,
): readonly ElsewhereType[] {
  return all
    .filter(({ name }) => types.elsewhere(name) !== undefined)
    .map(({ name, payload }) => ({ name, ...(payload && { payload: JSON.stringify(payload.schema) }) }));
}

/** From each machine such an address leads to that machine itself, so this node finds nothing wrong with it. */
function warnOfLoopback(advertise: string, store: string, log: Surroundings['log']): void {
  const address = hostOf(advertise);
  const database = hostOf(store);
  // Without a host, or with a folder in place of one, it is on this machine.
  if (address === undefined || !isLoopback(address)) return;
  if (database === undefined || database === '' || database.startsWith('/') || isLoopback(database)) return;
  log.warn(
    { advertise },
    'the address of --advertise is a loopback address, and the database is on another machine: nodes on other machines cannot reach this one. Set --advertise to an address at which they can',
  );
}
