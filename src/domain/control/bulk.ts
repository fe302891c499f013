/** What is done with many jobs at once, at a user's request: which jobs were meant is fixed when it is accepted, and each is acted on once. */
import type { ErrorCode } from '../errors.js';
import type { JobFilter } from '../finding/job-filter.js';
import type { Status } from '../lifecycle.js';

/** What can be done, and with jobs in which statuses: others are not meant, whatever the filter says. */
export const bulkActions = {
  cancel: ['pending', 'running'],
  retry: ['failed'],
  run: ['pending'],
  pause: ['pending', 'running'],
  resume: ['pending', 'running'],
  remove: ['success', 'failed', 'cancelled'],
  update: ['pending'],
} as const satisfies Record<string, readonly Status[]>;

export type BulkAction = keyof typeof bulkActions;

export type BulkStatus = 'pending' | 'running' | 'success' | 'cancelled';

/** A job that the action was refused for. */
export interface BulkError {
  /** Public id. */
  readonly jobId: string;
  readonly code: ErrorCode;
  readonly detail: string;
}

/** One such request, and how far it is. Plain data. Instants are Unix milliseconds, 0 stands for "not yet". */
export interface BulkRecord {
  /** Grows by one with each. */
  readonly id: number;
  readonly action: BulkAction;
  readonly filter: JobFilter;
  /** The filter as it was asked for, as JSON text, and what jobs are to be changed to. */
  readonly askedFilter: string;
  readonly askedChange?: string | undefined;
  /** The change as it was read: null takes a field away. */
  readonly patch?: Readonly<Record<string, unknown>>;
  readonly status: BulkStatus;
  readonly matched: number;
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
  /** The first of them. */
  readonly errors: readonly BulkError[];
  readonly createdAt: number;
  readonly finishedAt: number;
  /** Jobs before this `seq` have been acted on. */
  readonly next: number;
}

/** Errors that are kept. */
export const keptErrors = 10;
/** Of those that have ended, so many are kept, the latest. */
export const keptBulks = 100;

export const hasEnded = ({ status }: Pick<BulkRecord, 'status'>): boolean =>
  status === 'success' || status === 'cancelled';

/** A filter with the statuses that an action is for. */
export function meantBy(action: BulkAction, filter: JobFilter): JobFilter {
  const meant: readonly Status[] = bulkActions[action];
  const { statuses = meant } = filter;
  return { ...filter, statuses: statuses.filter((status) => meant.includes(status)) };
}

const idForm = /^bulk_([1-9]\d{0,14})$/;

export const formatBulkId = (id: number): string => `bulk_${id}`;

/** The number in a public id; undefined when it is none. */
export function parseBulkId(text: string): number | undefined {
  const [, id] = idForm.exec(text) ?? [];
  return id === undefined ? undefined : Number(id);
}
