/**
 * A recorded history: what clients asked and what they were told, what subscribers heard, which attempts began, what was done to
 * nodes, and how all jobs stood in the end. It is a file of JSON, one line each, in any order: `at` says when.
 *
 * All is noted outside of the servers, and before it is acted on: a request before it is sent, a begin before the handler's work.
 */

/** Milliseconds of the machine's monotonic clock, which all processes share: see `now`. */
type Monotonic = number;
/** Unix milliseconds. */
type Wall = number;

/** A job that somebody wants made. */
export interface Wanted {
  /** Names what was asked for: it stands in the payload, as `token`. A request that is repeated has the same. */
  readonly token: string;
  readonly type: string;
  readonly idempotencyKey?: string | undefined;
  readonly key?: string | undefined;
  readonly ifExists?: 'reject' | 'return' | 'replace' | undefined;
}

/** A request is about to be sent. */
export interface Asked {
  readonly line: 'asked';
  readonly at: Monotonic;
  /** Names the request within the history. */
  readonly request: string;
  /** `change`: anything after which a job may be due at another time, or run once more. */
  readonly action: 'create' | 'cancel' | 'change' | 'remove';
  /** To be made: one, or all of a batch. */
  readonly jobs?: readonly Wanted[];
  /** The id of the job that is there already. */
  readonly job?: string;
}

/** Its answer has come. A request without one may have been carried out, or may be yet. */
export interface Told {
  readonly line: 'told';
  readonly at: Monotonic;
  readonly request: string;
  /** Of HTTP. */
  readonly status: number;
  /** Jobs of the answer, in the order of those that were asked for. `due` is of one that was made just now. */
  readonly jobs?: readonly { readonly id: string; readonly due?: Wall | undefined }[];
}

/** A message as the server sends it. */
export interface Message {
  readonly type: string;
  readonly seq?: number;
  /** These are of a cluster. */
  readonly shard?: number;
  readonly epoch?: number;
  readonly cursor?: string;
  readonly job_id?: string;
  readonly timestamp?: string;
  readonly data?: { readonly error?: string };
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** A subscriber to everything has heard something. Over cuts it resumes; where it begins anew it has another name. */
export interface Heard {
  readonly line: 'heard';
  readonly at: Monotonic;
  readonly subscriber: string;
  readonly message: Message;
}

/** A handler was called. */
export interface Began {
  readonly line: 'began';
  readonly at: Monotonic;
  readonly wall: Wall;
  readonly node: string;
  /** Names this call; it is in the job's result, or in the message of its error, as `attempt`. */
  readonly attempt: string;
  readonly job: string;
  /** Number within the occurrence. */
  readonly number: number;
  readonly scheduledFor: Wall;
  /** Tokens of the jobs that it enqueues. */
  readonly children?: readonly string[];
}

/** Something was done to a node, or has been done. */
export interface NodeFault {
  readonly line: 'node';
  readonly at: Monotonic;
  readonly node: string;
  readonly what: 'started' | 'killed' | 'ended' | 'stopped' | 'continued' | 'cut' | 'mended';
}

/** A run, as `GET /jobs/:id/runs` shows it. */
export interface Run {
  readonly run?: number;
  readonly scheduled_for: string;
  readonly manual: boolean;
  readonly outcome: string;
  readonly started_at?: string;
  readonly finished_at?: string;
}

/** A job, as `GET /jobs/:id` shows it. */
export interface Job {
  readonly id: string;
  readonly name: string;
  readonly status: 'pending' | 'running' | 'success' | 'failed' | 'cancelled';
  readonly trigger_at: string;
  readonly created_at: string;
  readonly updated_at: string;
  readonly is_repeat: boolean;
  readonly paused?: boolean;
  readonly key?: string;
  readonly parent_id?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly result?: unknown;
}

/** A job that is there in the end. */
export interface Found {
  readonly line: 'found';
  readonly at: Monotonic;
  readonly job: Job;
  readonly runs?: readonly Run[];
}

/** All jobs that are there have been found: what is not among them is not there. */
export interface Complete {
  readonly line: 'complete';
  readonly at: Monotonic;
  /** What was due until then has had its time to run; absent where that was not waited for. */
  readonly settled?: Wall;
}

export type Line = Asked | Told | Heard | Began | NodeFault | Found | Complete;

/** What each kind of line must have, beside `at`. */
const needed = {
  asked: ['request', 'action'],
  told: ['request', 'status'],
  heard: ['subscriber', 'message'],
  began: ['wall', 'node', 'attempt', 'job', 'number', 'scheduledFor'],
  node: ['node', 'what'],
  found: ['job'],
  complete: [],
} as const satisfies Record<Line['line'], readonly string[]>;

/** The instant, for `at`: by the clock that all processes of a machine have in common and nobody sets. */
export function now(): Monotonic {
  return Number(process.hrtime.bigint()) / 1e6;
}

/**
 * Reads a history.
 *
 * @param name of the file, for errors
 * @throws Error that names the line which is none of a history
 */
export function parseLines(text: string, name = 'history'): Line[] {
  return text.split('\n').flatMap((line, i) => (line === '' ? [] : [parseLine(line, `${name}:${i + 1}`)]));
}

function parseLine(text: string, where: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error(`${where} is not JSON: ${text.slice(0, 100)}`);
  }
  const line = value as Record<string, unknown>;
  const kind = (line as { line?: unknown } | null)?.line;
  if (typeof kind !== 'string' || !Object.hasOwn(needed, kind))
    throw new Error(`${where}: "line" must be one of ${Object.keys(needed).join(', ')}`);
  if (typeof line.at !== 'number') throw new Error(`${where}: "at" must be a number of milliseconds`);
  const missing = needed[kind as Line['line']].find((field) => line[field] === undefined);
  if (missing !== undefined) throw new Error(`${where}: a line "${kind}" must have "${missing}"`);
  return value as Line;
}
