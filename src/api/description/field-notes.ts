/** Notes on fields for readers of the description, by schema; '' is the schema itself. A description in the schema comes first. */
import type { SchemaName } from './named-schemas.js';

const job = {
  status: 'pending: waits for its due time; running: an attempt is with a worker; success, failed, cancelled: finished',
  trigger_at: 'The next start, also of a retry; when none is to come, the due time of the last one',
  next_run_in: 'While pending: the time left until trigger_at',
  waiting_for: 'What keeps a due job from starting',
  paused: 'A user has paused it: it does not start',
  paused_until: 'When the pause ends by itself',
  pause_reason: 'What the user said',
  retry_count: 'Retries granted so far in this occurrence',
  cron_expr: 'Of a cron job',
  timezone: 'Of a cron job: an IANA name',
  delay: 'Of an interval: the time between two starts',
  is_repeat: 'It runs again and again',
  misfire: 'What becomes of occurrences that came due while the server was not running',
  skipped_count: 'Occurrences that came due while the one before ran, or the job was paused',
  missed_count: 'Occurrences that came due while the server was not running',
  run_count: 'Occurrences that have started, without those that were started by hand',
  last_outcome: 'How the latest occurrence ended',
  priority: 'Among due jobs that wait, the one with the larger number starts first; 0 where it is not set',
  tags: 'Words to find the job by',
  progress:
    'The last progress that the latest attempt has reported (ctx.progress): a number from 0 to 100, or any JSON',
  group: 'A tenant, an account: waiting groups of one type and priority take turns',
  parent_id: 'The job whose attempt has enqueued this one (ctx.enqueue)',
  key: 'Names the job within its type',
  key_ttl: 'How long the key stays taken at least, from the making of the job on',
  expires_after: 'No attempt starts when its occurrence has been due for longer than this',
  max_retry_delay: 'The longest wait between retries',
  retry_jitter: 'Each retry waits longer by a random part of up to this fraction',
  start_at: 'No slot is earlier; an interval counts from here',
  end_at: 'No slot is later',
  max_runs: 'The number of occurrences after which it has finished',
  jitter: 'A slot starts later by a part of this',
  overlap: 'What becomes of a slot that comes due while the occurrence before it runs',
  started_at: 'Of the latest attempt',
  finished_at: 'Of the latest attempt',
  result: 'What the handler returned, of the latest success; JSON of at most 64 KiB',
  result_omitted: 'Why a result could not be kept; the job has succeeded anyway',
  last_error: 'The latest failure of an attempt; stays after a later success',
} as const;

const newJob = {
  max_retries: "0: the first failure is final. Default: the handler's, else 3",
  backoff: 'exponential (the default) doubles retry_delay with each retry',
  misfire: 'Of a repeating job: run_once (the default) makes up for missed occurrences with one run, skip with none',
  priority: "Among due jobs that wait, the one with the larger number starts first. Default: the handler's, else 0",
  tags: 'Words to find the job by: at most 16 different ones',
  group: 'A tenant, an account: waiting groups of one type and priority take turns; jobs without are together one',
  if_exists:
    'With key: what is done when it is taken. reject (the default) is a 409 that names the job; return answers the job as it is; replace gives it what this request says',
  key_ttl: 'With key: a duration of at most 30d: how long the key stays taken at least, from the making of the job on',
  expires_after:
    'A duration longer than 0: no attempt, retries included, starts when its occurrence has been due for longer than this. A single job has failed then (expired), an occurrence is skipped',
  max_retry_delay: 'A duration: the longest wait between retries, never below retry_delay; default 24h',
  retry_jitter: 'From 0 to 1: each retry waits longer by a random part of up to this fraction; default 0',
  start_at: 'With is_repeat: an ISO 8601 date-time before which there is no slot; an interval counts from here',
  end_at: 'With is_repeat: an ISO 8601 date-time after which there is no slot',
  max_runs:
    'With is_repeat: the number of occurrences after which the job has finished; skipped and missed ones do not count',
  overlap:
    'With is_repeat: what becomes of a slot that comes due while the occurrence before it runs. skip (the default): it is skipped; queue: it waits for the end of that; cancel_running: it ends that',
  jitter: 'With is_repeat: a duration; each slot starts later by a part of it, which follows from job and slot',
} as const;

const run = {
  run: 'Of an attempt: its number over the life of the job',
  scheduled_for: 'The slot, or the instant, for which it ran',
  attempt: 'Of an attempt: its number within its occurrence, retries included',
  manual: 'It was an extra occurrence, which somebody had asked for',
  outcome:
    'Of an attempt: running, success, failed (final), retried, timeout (final), cancelled, interrupted, snoozed. Of slots without one: skipped_overlap, skipped_paused, missed, expired',
  lateness_ms: 'How long after its due time it started',
  duration_ms: 'From its start to its end',
  error: 'What went wrong, texts cut to 500 characters',
  count: 'How many slots in a row this row stands for',
  last_scheduled_for: 'The last of them',
} as const;

export const fieldNotes: Partial<Record<SchemaName, Readonly<Record<string, string>>>> = {
  JobId: { '': 'job_<unix seconds>_<8 hex digits>' },
  JobType: { '': 'Names the handler that runs the job' },
  Instant: { '': "RFC 3339 with the offset of the server's time zone; milliseconds only when they are not zero" },
  Duration: { '': "In Go's form: 1h30m0s" },
  Run: run,
  NewJob: {
    name: 'The job type: a registered handler',
    is_repeat: 'With cron_expr: again at each match, and without it once. With delay: again at each interval',
    ...newJob,
  },
  JobChange: newJob,
  Job: { '': 'A job without its payload', ...job },
  JobDetail: { '': 'A job with its payload', ...job, payload: 'What the handler gets' },
  JobList: {
    total: 'Jobs that match, at the same moment as items',
    next_cursor: 'There while more follows: the cursor of the next page',
  },
  MadeJobs: { items: 'In the order of the request' },
  Stats: {
    completed: 'Occurrences since the data directory was made',
    failed: 'Occurrences since the data directory was made',
    cancelled: 'Occurrences since the data directory was made',
    heap_size: 'How many jobs are pending or running',
    uptime: 'How long this process has run',
    connections: 'WebSocket connections now',
    connections_closed_slow: 'WebSocket connections that were closed because they read too slowly',
  },
  Health: {
    reason: 'Why it is not healthy',
    waiting_for_handler: 'Pending jobs that have no handler here, by job type',
    paused: 'A user has paused the server: it starts nothing',
  },
  ServerPause: { '': 'Whether a user has paused the server', since: 'When that was' },
  JobTypeItem: { '': 'A job type, with the defaults of its jobs where it has a handler' },
  JobTypes: {
    threads: 'Worker threads',
    attempts_per_thread: 'Attempts that a worker thread may have at once',
  },
  Index: {
    access: 'What this caller may do: everything, or read',
    links: 'Paths by name',
  },
  Backup: { position: 'Of the last log record in it' },
  Problem: {
    '': 'A refusal (RFC 9457)',
    type: 'A name; there is no page behind it',
    detail: 'For people',
    code: 'For programs: these words stay the same',
    errors:
      'All faults of the request that have a place: a JSON pointer into the body, query.<name>, header.<name>, or empty for the whole',
  },
};
