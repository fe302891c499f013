/** A server that was started, and what the process gives it: the same for one by itself and for a node of a cluster. Types only. */
import type { Logger as Pino } from 'pino';
import type { ProcessEnd } from '../process/end.js';
import type { ReloadCause } from '../reload/reloads.js';

export interface Running {
  /** Where it listens. */
  readonly url: string;
  /** Reads handlers and tokens anew; resolves when that is over, or has failed and was logged. */
  reload(cause: ReloadCause): Promise<void>;
  /** Stops in order, as SIGTERM does; resolves when everything is on disk and closed. */
  stop(): Promise<void>;
}

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
