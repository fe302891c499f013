/**
 * The server: REST, WebSocket and event streams on one port. It puts the parts together and holds no state of its own; what it shows
 * comes from the queries, what it is asked for goes to the scheduler.
 */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cursors } from '../api/cursor.js';
import type { Clock } from '../clock.js';
import type { PeerAttempts, PeerPlaces, Peers } from '../cluster/peers.js';
import type { Config } from '../config.js';
import type { JobEvent, TransientEvent } from '../domain/events.js';
import type { Logger } from '../log.js';
import type { JobDraft, Requests } from '../scheduler/messages.js';
import type { Queries } from '../store/queries-port.js';
import type { Telemetry } from '../telemetry/port.js';
import type { Traces } from '../telemetry/traces/port.js';
import { Turns } from './bodies/turns.js';
import { readEnqueued } from './enqueued/read-enqueued.js';
import type { HttpApp, Route } from './http/app.js';
import { bind, checkExposure, isPrivate, urlsOf } from './http/bind.js';
import { Gate } from './http/gate.js';
import type { HttpAdapter } from './http/http-port.js';
import { openApp } from './http/open-app.js';
import { type Access, type TokenLists, Tokens } from './http/tokens.js';
import { JobTypes } from './job-types.js';
import { EventStreams } from './live/sse.js';
import { StreamTopics } from './live/stream-topics.js';
import { type SubscriberBounds, Subscribers } from './live/subscribers.js';
import { Waits } from './live/waits.js';
import { WebSockets } from './live/websocket.js';
import { type ClusterView, clusterRoutes } from './overview/cluster.js';
import { type HistoryContext, historyRoutes } from './overview/history.js';
import { type SystemContext, systemRoutes } from './overview/system.js';
import { docsRoutes } from './pages/docs.js';
import { homeRoutes, iconRoute } from './pages/home.js';
import { attemptRoutes, placeRoutes } from './peers/attempt-routes.js';
import { ClusterFeed } from './peers/cluster-feed.js';
import type { ClusterContext } from './peers/gathering.js';
import { clusterOf, withOwners } from './peers/in-cluster.js';
import { type KeyedJobs, namesRoute } from './peers/names-route.js';
import { type Health, type JobsOfTypes, type JobType, noJobs } from './ports.js';
import { indexRoute } from './routes/api-index.js';
import { type BackUp, backupRoutes, noBackupRoutes } from './routes/backup.js';
import { batchRoutes } from './routes/batches.js';
import { bulkRoutes } from './routes/bulk.js';
import { cronRoutes } from './routes/cron.js';
import { descriptionRoutes } from './routes/description.js';
import { failuresRoutes } from './routes/failures.js';
import { healthRoutes } from './routes/health.js';
import { type JobsContext, jobsRoutes } from './routes/jobs.js';
import { logsRoutes } from './routes/logs.js';
import { type Exposition, metricsRoute } from './routes/metrics.js';
import { pauseRoutes } from './routes/pause.js';
import { runsRoutes } from './routes/runs.js';
import { statsCalls, statsRoutes } from './routes/stats.js';
import { groupsRoutes } from './routes/types/groups.js';
import { jobTypesRoutes } from './routes/types/job-types.js';

/** The settings that the server itself looks at. */
export type ServerConfig = Pick<
  Config,
  | 'host'
  | 'port'
  | 'timezone'
  | 'maxBodyBytes'
  | 'maxConnections'
  | 'threads'
  | 'attemptsPerThread'
  | 'tokens'
  | 'allowedHosts'
  | 'corsOrigins'
  | 'chunked'
  | 'tlsCert'
  | 'tlsKey'
>;

export interface ServerOptions {
  readonly config: ServerConfig;
  readonly http: HttpAdapter;
  readonly clock: Clock;
  readonly requests: Requests;
  readonly queries: Queries;
  readonly handlers: readonly JobType[];
  /** As far as it is for whoever has this access. */
  readonly health: (access: Access) => Health;
  /** Requests can be served here: a health that is not well need not keep them away. */
  readonly ready: () => boolean;
  /** Jobs by type; default: there are none. */
  readonly jobsOfTypes?: JobsOfTypes;
  readonly log: Logger;
  readonly telemetry: Telemetry;
  /** Absent: requests are not traced. */
  readonly traces?: Traces | undefined;
  /** Monotonic milliseconds at which `uptime` began; default: now. */
  readonly startedAt?: number;
  /** Writes backups; without it there is no such route. */
  readonly backUp?: BackUp;
  /** Figures to show in the statistics beside the contract's. */
  readonly stats?: () => Readonly<Record<string, number | string>>;
  /** Proves that cursors of lists came from here. As long as it stays the same they stay valid; default: a new one. */
  readonly secret?: string | Uint8Array;
  /** How long a request may wait for its answer, whole seconds; default 30 s. */
  readonly answerTimeoutMs?: number;
  /** Loads what shows the metrics; without it there is no such route. */
  readonly metrics?: () => Promise<Exposition>;
  /** The other nodes of its cluster; absent: there is none. */
  readonly peers?: Peers | undefined;
  /** Of jobs of this node that run elsewhere, and the other way round; absent: there are none. */
  readonly peerAttempts?: PeerAttempts | undefined;
  readonly peerPlaces?: PeerPlaces | undefined;
  /** Jobs of keys, for the other nodes. */
  readonly keyedJobs?: KeyedJobs | undefined;
  /** Some of the shards of this node, in a cluster. */
  readonly own?: Pick<ClusterContext, 'own' | 'jobsOfTypes' | 'bulks'> | undefined;
  /** What stands at `/`, and what belongs to it; default: a page that says where to go on. */
  readonly pages?: readonly Route[] | undefined;
  /** What happened over time; without it there is no such route. */
  readonly history?: HistoryContext['points'];
  /** What the server is made of; without it there is no such route. */
  readonly system?: SystemContext['system'];
  /** The cluster as this node sees it; absent: there is none. */
  readonly cluster?: (() => ClusterView) | undefined;
  /** Where they are to differ from the usual. */
  readonly subscriberBounds?: Partial<SubscriberBounds>;
}

const base = '/api/v1';
/** How long answers that are under way may take when the server closes. */
const closeGraceMs = 1000;

export class Server {
  readonly #options: ServerOptions;
  readonly #app: HttpApp;
  readonly #subscribers: Subscribers;
  readonly #waits: Waits;
  readonly #cluster: ClusterFeed | undefined;
  readonly #streams: EventStreams;
  readonly #types: JobTypes;
  readonly #tokens: Tokens;
  #closed: Promise<void> | undefined;

  /** @throws Error that tells the user what to do, when the settings cannot be used */
  constructor(options: ServerOptions) {
    const { config, clock, queries, requests, handlers, health, ready, log } = options;
    const { timezone } = config;
    const tokens = new Tokens(config.tokens);
    checkExposure(config.host, !tokens.isEmpty);
    this.#options = options;
    const gate = new Gate({
      ...config,
      tokens,
      loopback: isPrivate(config.host),
      trailers: options.http.readsTrailers,
      senderOf: options.peers && ((head) => options.peers?.senderOf(head) ?? 'client'),
    });
    const { http, telemetry, traces, answerTimeoutMs } = options;
    const app = openApp({ config, http, gate, log, clock, telemetry, traces, answerTimeoutMs });
    const turns = new Turns({ now: () => clock.monotonic(), soon: setImmediate });
    const all = clusterOf(options, base, turns);
    const stats = {
      queries,
      clock,
      cluster: all,
      startedAt: options.startedAt ?? clock.monotonic(),
      extras: () => ({
        connections: subscribers.size,
        connections_closed_slow: subscribers.closedSlow,
        ...options.stats?.(),
      }),
    };
    const topics = new StreamTopics();
    const waits = new Waits();
    const cluster =
      options.peers &&
      new ClusterFeed({
        ...{ peers: options.peers, queries, clock },
        subscribers: () => subscribers,
        dropped: (shard) => waits.endOfShard(shard, queries.shards),
        closing: () => app.closing,
      });
    const subscribers: Subscribers = new Subscribers({
      publish: (topic, message, resumeAt) => {
        app.publish(topic, message);
        topics.publish(topic, message, resumeAt);
      },
      clock,
      log,
      telemetry: options.telemetry,
      timezone,
      maxConnections: config.maxConnections,
      latest: Array.from({ length: queries.shards }, (_, shard) => queries.lastEventOf(shard)),
      queries,
      others: cluster,
      bounds: options.subscriberBounds,
    });
    const streams = new EventStreams({ subscribers, topics, closing: () => app.closing });
    new WebSockets({ app, gate, clock, subscribers, timezone, stats: statsCalls(stats, base) });
    const types = new JobTypes(handlers);
    const jobs: JobsContext = {
      requests,
      queries,
      clock,
      base,
      waits,
      turns,
      cluster: all,
      cursors: new Cursors(options.secret ?? randomBytes(32)),
      rules: {
        timezone,
        now: () => clock.now(),
        isRegistered: (name) => types.has(name),
        get jobTypes() {
          return types.names;
        },
        get checksPayloads() {
          return types.checksPayloads;
        },
        payloadCheckOf: (name) => types.payloadCheckOf(name),
        waitingFor: (job) => requests.waitingFor(job),
        progressOf: (job) => requests.progressOf(job),
      },
      maxBodyBytes: config.maxBodyBytes,
    };
    const exposed = tokens.isEmpty && config.allowedHosts.length > 0;
    const routes = [
      ...jobsRoutes(jobs),
      ...logsRoutes(jobs),
      ...runsRoutes(jobs),
      ...batchRoutes(jobs),
      cluster ? cluster.route(streams.route(base)) : streams.route(base),
      ...bulkRoutes(jobs),
      ...failuresRoutes(base, { queries, timezone, turns, cluster: all, cursors: jobs.cursors }),
      ...statsRoutes(base, stats),
      ...cronRoutes(base, { clock, timezone }),
      ...(options.history ? historyRoutes(base, { points: options.history, clock, timezone, cluster: all }) : []),
      ...(options.system ? systemRoutes(base, { system: options.system, exposed }) : []),
      ...(options.cluster ? clusterRoutes(base, { view: options.cluster, cluster: all }) : []),
      ...healthRoutes(base, { health, ready, clock, timezone }),
      ...(options.metrics ? [metricsRoute(options.metrics)] : []),
      ...jobTypesRoutes({ ...jobs, types, capacity: config, jobsOfTypes: options.jobsOfTypes ?? noJobs }),
      ...groupsRoutes(jobs),
      ...pauseRoutes(jobs),
      ...(options.backUp ? backupRoutes(base, { backUp: options.backUp, requests, exposed }) : []),
    ];
    const owned = [
      ...withOwners(routes, base, options),
      ...attemptRoutes(options.peerAttempts),
      ...placeRoutes(options.peerPlaces),
    ];
    const described = { base, jobTypes: types, guarded: !tokens.isEmpty };
    // What there is not is said, and the index does not name it.
    const none = options.cluster ? noBackupRoutes(base) : clusterRoutes(base, { view: undefined });
    const forPeers = options.keyedJobs ? [namesRoute({ requests, jobsOf: options.keyedJobs })] : [];
    const pages = [...(options.pages ?? homeRoutes(base)), iconRoute, ...docsRoutes()];
    for (const route of [
      ...owned,
      ...none,
      ...forPeers,
      indexRoute(base, routes),
      ...descriptionRoutes(described),
      ...pages,
    ])
      app.route(route);
    app.routeRest(base);
    this.#app = app;
    this.#subscribers = subscribers;
    this.#waits = waits;
    this.#cluster = cluster;
    this.#streams = streams;
    this.#types = types;
    this.#tokens = tokens;
  }

  /** The server is about to close, and takes its time for what runs: answers that wait for the end of a job go out now. */
  drain(): void {
    this.#waits.close();
  }

  /** @throws Error that tells the user what to do, when the address cannot be had */
  async listen(): Promise<{ port: number; urls: string[] }> {
    const { config, log } = this.#options;
    const bound = await bind(this.#app, config.host, config.port, log);
    return { port: bound.port, urls: urlsOf(bound, config.tlsCert !== undefined) };
  }

  /** Tells subscribers, and those who wait for the end of a job, what happened. The events are on disk, in order of `seq`. */
  publish(events: readonly JobEvent[]): void {
    if (this.#cluster) this.#cluster.publish(events);
    else this.#subscribers.feed.publish(events);
    this.#waits.publish(events);
  }

  /** Tells subscribers of an event that is not kept. */
  publishTransient(event: TransientEvent): void {
    if (this.#cluster) this.#cluster.publishTransient(event);
    else this.#subscribers.transient.publish(event);
  }

  /**
   * A job that a handler has enqueued, as `POST /jobs` would read it. Its type was known to the thread of that handler.
   *
   * @param now Unix milliseconds
   * @throws Refusal
   */
  readEnqueued(text: string, now: number): JobDraft {
    const types = this.#types;
    const { timezone } = this.#options.config;
    return readEnqueued(text, {
      timezone,
      now: () => now,
      isRegistered: () => true,
      checksPayloads: types.checksPayloads,
      payloadCheckOf: (name) => types.payloadCheckOf(name),
    });
  }

  /** From now on these job types are registered, and no others. */
  replaceJobTypes(types: readonly JobType[]): void {
    this.#types.replace(types);
  }

  /**
   * From now on these tokens are valid, and no others. What was connected with one that is not any more is closed. There must
   * be one if there was one before.
   *
   * @returns how many connections were closed
   */
  replaceTokens(lists: TokenLists): number {
    this.#tokens.replace(lists);
    return this.#subscribers.revoke((token) => this.#tokens.accessOf(token) === 'none');
  }

  /** Takes no new connections, closes WebSockets with 1001, ends event streams, lets answers that are under way go out, and ends. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** Closes all connections now, without an answer: for a process that must end. */
  abandon(): void {
    this.#app.close();
  }

  async #close(): Promise<void> {
    this.#app.windDown();
    this.#waits.close();
    this.#subscribers.close();
    this.#streams.close();
    this.#cluster?.close();
    const step = 10;
    const { open } = this.#app;
    const isUnderWay = (): boolean =>
      open.size > 0 || open.lingering > 0 || this.#streams.size > 0 || this.#app.unsentBytes > 0;
    for (let waited = 0; isUnderWay() && waited < closeGraceMs; waited += step) await sleep(step);
    // The last bytes leave with the event loop's next turns.
    await sleep(step);
    this.#app.close();
  }
}
