/**
 * The life of a job, as one table: which step moves which status where. A step that a status does not list is refused;
 * 409 answers and the exhaustive tests derive from it, and a test holds the diagram of the documentation against it.
 */

export const statuses = ['pending', 'running', 'success', 'failed', 'cancelled'] as const;
export type Status = (typeof statuses)[number];

/** The number that stands for a status in events: its place in the list. */
export const statusCode = { pending: 0, running: 1, success: 2, failed: 3, cancelled: 4 } as const satisfies Record<
  Status,
  number
>;

/**
 * Steps. Commands of users: `update`, `replace` (a request with its key), `cancel`, `retry`, `run` (due now), `pause`, `resume`. Of the scheduler: `start`, `miss` (its
 * occurrence passed unseen), `succeed`, `fail` (nothing follows), `retryLater` (a failure that grants a retry), `recur` (its
 * occurrence is over, the next is to come), `interrupt` (the attempt was interrupted, nobody's fault), `snooze` (it asked to wait), `skip` (its occurrence has
 * expired, the next is to come), `expire` (it has expired, and nothing follows), `end` and `endFailed` (its schedule has nothing
 * more, after a success or a failure), `reschedule` (the clock was set back), and `resume` when a pause ends by itself. `remove` is
 * not a step: users and retention remove only finished jobs.
 */
export const lifecycle = {
  pending: {
    update: 'pending',
    replace: 'pending',
    cancel: 'cancelled',
    start: 'running',
    miss: 'pending',
    skip: 'pending',
    expire: 'failed',
    end: 'success',
    endFailed: 'failed',
    reschedule: 'pending',
    run: 'pending',
    pause: 'pending',
    resume: 'pending',
  },
  running: {
    replace: 'running',
    cancel: 'cancelled',
    succeed: 'success',
    fail: 'failed',
    retryLater: 'pending',
    recur: 'pending',
    interrupt: 'pending',
    snooze: 'pending',
    reschedule: 'running',
    pause: 'running',
    resume: 'running',
  },
  success: {},
  failed: { retry: 'pending' },
  cancelled: { cancel: 'cancelled' },
} as const satisfies Record<Status, Partial<Record<Step, Status>>>;

export type Step =
  | 'update'
  | 'replace'
  | 'cancel'
  | 'retry'
  | 'run'
  | 'pause'
  | 'resume'
  | 'start'
  | 'miss'
  | 'skip'
  | 'expire'
  | 'end'
  | 'endFailed'
  | 'succeed'
  | 'fail'
  | 'retryLater'
  | 'recur'
  | 'interrupt'
  | 'snooze'
  | 'reschedule';

/** Where `step` leads from `status`, or undefined where the table has no such step. */
export function next(status: Status, step: Step): Status | undefined {
  return (lifecycle[status] as Partial<Record<Step, Status>>)[step];
}

/** Statuses in which nothing is to come. */
export function isFinished(status: Status): boolean {
  return status === 'success' || status === 'failed' || status === 'cancelled';
}
