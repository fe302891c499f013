/**
 * Traces as a port: what requests, commits and attempts report so that spans can be made of them. Unlike metrics they take
 * ids and make objects. So whoever calls has `Traces | undefined`, and where no SDK is loaded there is nothing to call.
 *
 * The parts hold a `TraceContext` of a request, which says where in which trace it was. It is kept with the job that the request
 * made.
 */
import type { TraceContext } from '../../domain/job.js';

/** What a span says of a request, while its headers can be read. */
export interface TracedRequest {
  /** Path of its route, `/api/v1/jobs/:id`; `/*` when there is none. */
  readonly route: string;
  /** In lower case. */
  readonly method: string;
  /** As it was sent, without the query. */
  readonly path: string;
  readonly secure: boolean;
  /** A header by its name in lower case; '' when it is not there. */
  header(name: string): string;
}

/** The span of a request. One of its two ends is called, once. */
export interface RequestSpan {
  /** For what the request makes; undefined where the SDK makes no ids for it. */
  readonly context: TraceContext | undefined;
  /** The head of its answer goes out. */
  answered(status: number): void;
  /** The client has gone before that. */
  aborted(): void;
}

/** What a span says of a commit. */
export interface TracedCommit {
  /** Jobs that it changes, and events about them. */
  readonly jobs: number;
  readonly events: number;
  /** Traced requests that wait for it; `requests` has the first `maxLinks` of them. */
  readonly requested: number;
  readonly requests: readonly TraceContext[];
}

/** The span of a commit. One of its two ends is called, once. */
export interface CommitSpan {
  /** It is on disk. */
  written(): void;
  /** It is not, and never will be. */
  refused(): void;
}

/** Requests that a commit is linked to, at most. */
export const maxLinks = 128;

/** What a span says of an attempt that leaves for its thread. */
export interface TracedAttempt {
  readonly jobSeq: number;
  readonly fence: number;
  readonly jobId: string;
  /** The job type. */
  readonly name: string;
  /** Its number: 1 for the first of an occurrence. */
  readonly attempt: number;
  /** How long after it was due, in milliseconds. */
  readonly latenessMs: number;
  /** The job has occurrences after this one, so its trace would never end. */
  readonly repeats: boolean;
  /** The request that made the job, where that was traced. */
  readonly created: TraceContext | undefined;
}

/** How an attempt ended, as its outcome says. */
export interface TracedOutcome {
  readonly jobSeq: number;
  readonly fence: number;
  readonly kind: 'succeeded' | 'failed' | 'interrupted' | 'snoozed';
  /** Of a failure: its code, and what was thrown. */
  readonly code?: string;
  readonly name?: string;
  readonly message?: string;
}

export interface Traces {
  /** A request has come. */
  request(request: TracedRequest): RequestSpan;
  /** A batch is handed to the store. */
  commit(commit: TracedCommit): CommitSpan;
  /** An attempt leaves for its thread. Returns what is to be active around its handler; undefined where the SDK makes no ids. */
  attemptStarted(attempt: TracedAttempt): TraceContext | undefined;
  /** Its outcome came. Returns what `attemptStarted` did; undefined for one that did not start, or has ended. */
  attemptEnded(outcome: TracedOutcome): TraceContext | undefined;
  /** Has the SDK send what it has gathered; waits for that, but not for ever. */
  flush(): Promise<void>;
}
