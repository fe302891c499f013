/** How the server is as a whole, as types. */
import type { Instant, JsonObject } from './types.js';

/** How the server is. */
export interface Health {
  readonly status: 'healthy' | 'degraded' | 'draining';
  readonly time: string;
  readonly version: string;
  /** Why it is not healthy. */
  readonly reason?: string;
  readonly paused?: true;
  /** By job type: pending jobs that have no handler there. */
  readonly waiting_for_handler?: Readonly<Record<string, number>>;
}

export interface HistoryFilter {
  /** Default `10s`. */
  readonly step?: '10s' | '5m';
  readonly from?: Instant;
  readonly to?: Instant;
}

/** What happened in a step. */
export interface HistoryPoint {
  /** When it began. */
  readonly at: string;
  readonly created: number;
  readonly started: number;
  readonly succeeded: number;
  readonly failed: number;
  /** At its end. */
  readonly pending: number;
  readonly running: number;
  /** null where nothing started. */
  readonly lateness_p50_ms: number | null;
  readonly lateness_p99_ms: number | null;
}

export interface History {
  readonly step: '10s' | '5m';
  /** Steps in which no server ran are not there. */
  readonly items: readonly HistoryPoint[];
}

/** A node of a cluster. Times are milliseconds. */
export interface ClusterNode {
  /** Of this start of its process. */
  readonly node: string;
  /** Where its peers reach it. */
  readonly address: string;
  readonly state: 'live' | 'leaving' | 'dead';
  /** How long ago a new beat of it was seen. */
  readonly beat_age_ms?: number;
  /** Its clock less the database's. */
  readonly clock_offset_ms?: number;
  /** How many it owns. */
  readonly shards: number;
}

/** A shard of a cluster. `appended`, `applied` and `merged` are positions in its log. */
export interface ClusterShard {
  readonly shard: number;
  /** Id of a node; null: nobody. */
  readonly owner: string | null;
  /** Grows by one each time that it is taken. */
  readonly epoch: number;
  readonly appended?: number;
  readonly applied?: number;
  readonly merged: number;
  /** How long another node would need to load it, milliseconds. */
  readonly load_ms?: number;
  /** Nodes that could not run it, by their ids, and why. */
  readonly given_up?: readonly { readonly node: string; readonly reason: string }[];
}

/** A cluster as one of its nodes sees it. */
export interface Cluster {
  /** Id of that node. */
  readonly node: string;
  readonly nodes: readonly ClusterNode[];
  readonly shards: readonly ClusterShard[];
}

/** What `cron` is asked. */
export interface CronQuestion {
  /** Default: that of the server. */
  readonly timezone?: string;
  /** How many times the answer lists, 1 to 100; default 5. */
  readonly count?: number;
  /** Only times after this one; default: now. */
  readonly after?: Instant;
}

/** What a cron expression means, and when it fires next. */
export interface CronTimes {
  readonly cron_expr: string;
  readonly timezone: string;
  /** In English. */
  readonly description: string;
  readonly items: readonly { readonly at: string; readonly local: string }[];
}

/** A copy of the store, in a directory on the machine of the server. */
export interface Backup {
  readonly directory: string;
  readonly bytes: number;
  readonly position: number;
  readonly duration_ms: number;
}

export interface System {
  readonly version: string;
  readonly node: string;
  readonly started_at: string;
  readonly threads: JsonObject;
  readonly store: JsonObject;
  readonly events: JsonObject;
  readonly http: JsonObject;
  readonly options: JsonObject;
}
