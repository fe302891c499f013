/** What jobs of the built-in type `http` may do. */
export interface HttpTypeConfig {
  /** Origins that they may call, as `URL` writes them; `*` is among them where all that are public may be called. */
  readonly targets: readonly string[];
  /** What requests are signed with: `whsec_…`. */
  readonly secrets: readonly string[];
  /** A file with further ones; absolute path. */
  readonly secretFile: string | undefined;
  /** Variables of the environment that headers may take their value from, each for one origin. */
  readonly variables: readonly { readonly name: string; readonly origin: string; readonly value: string }[];
}

/** What makes a server a node of a cluster. */
export interface ClusterConfig {
  /** `postgres://…` */
  readonly store: string;
  /** Where the other nodes reach it: a URL. */
  readonly advertise: string;
  /** From its first beat until it is given shards that others own; undefined: as usual. */
  readonly settleMs?: number | undefined;
}

/** The settings of a server, resolved: the command line over the environment over the defaults. */
export interface Config {
  readonly host: string | undefined;
  readonly port: number;
  /** What serves HTTP: uWebSockets.js or Node's own; undefined: the first where its binary loads. */
  readonly http: 'uws' | 'node' | undefined;
  readonly dataDir: string;
  /** What a new cluster is divided into, and in tests a new directory. Undefined: sixteen, or one. */
  readonly shards: number | undefined;
  /** Jobs are kept in PostgreSQL, together with other nodes; absent: in the data directory. */
  readonly cluster?: ClusterConfig | undefined;
  readonly handlersDir: string;
  /** Handlers are read anew whenever their folder changes. */
  readonly watch: boolean;
  /** Worker threads. */
  readonly threads: number;
  /** Heap of a worker thread. */
  readonly threadMemoryMiB: number;
  /** Attempts that one worker thread may hold at once. */
  readonly attemptsPerThread: number;
  /** IANA name. */
  readonly timezone: string;
  readonly graceMs: number;
  /** How long changes may wait to be merged into the trees. */
  readonly mergeAgeMs: number;
  /** Finished jobs are kept this long, and at most so many. */
  readonly retentionMs: number;
  readonly retainJobs: number;
  /** The same of jobs that have failed. */
  readonly failedRetentionMs: number;
  readonly retainFailed: number;
  readonly maxBodyBytes: number;
  readonly maxConnections: number;
  /** Tokens by what they allow; those of `tokenFile` are among them. */
  readonly tokens: { readonly full: readonly string[]; readonly read: readonly string[] };
  readonly tokenFile: string | undefined;
  /** Those that do not come from the file. */
  readonly givenTokens: { readonly full: readonly string[]; readonly read: readonly string[] };
  /** Undefined: there is no such type. */
  readonly httpType: HttpTypeConfig | undefined;
  readonly allowedHosts: readonly string[];
  readonly corsOrigins: readonly string[];
  /** Bodies in chunks are taken; else 411. */
  readonly chunked: boolean;
  /** The dashboard is served at `/`. */
  readonly dashboard: boolean;
  readonly tlsCert: string | undefined;
  readonly tlsKey: string | undefined;
  readonly logLevel: string;
  /** Least level of handlers' lines that are kept with their job. */
  readonly jobLogLevel: string;
  /** What those may take in all; 0: none are kept. */
  readonly jobLogsBytes: number;
  readonly logFormat: 'text' | 'json';
}
