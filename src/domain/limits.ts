/**
 * Bounds of jobs and requests, and their defaults. Bounds of one part's own work (turns, queues, caches) stand in that part. Units
 * stand last in the names.
 */
export const limits = {
  nameChars: 128,
  payloadBytes: 256 * 1024,
  payloadDepth: 64,
  resultBytes: 64 * 1024,
  errorMessageChars: 4096,
  pauseReasonChars: 500,
  /** Rows of its runs that a repeating job keeps, and one that runs once: it may be snoozed for ever. */
  runsKept: 100,
  runsKeptOfSingle: 1000,
  /** Of the name and the message of an error in such a row. */
  runErrorChars: 500,
  maxRetries: 100,
  defaultMaxRetries: 3,
  defaultRetryDelayMs: 60_000,
  /** Where the doubling of `retry_delay` ends; a delay that is longer itself stays as it is. */
  maxBackoffMs: 24 * 3_600_000,
  defaultTimeoutMs: 5 * 60_000,
  minIntervalMs: 10,
  /** What `ctx.snooze` waits at least. */
  minSnoozeMs: 10,
  /** Either way of 0. */
  maxPriority: 100,
  tags: 16,
  tagChars: 64,
  maxRuns: 2 ** 31,
  /** What a user may set of a job type. */
  maxTypeConcurrency: 100_000,
  maxRateStarts: 1_000_000,
  minRateSpanMs: 100,
  maxRateSpanMs: 24 * 3_600_000,
  cronChars: 256,
  /** An occurrence first seen later than this is missed (see misfire). */
  misfireAfterMs: 1000,
  /** The n-th interruption in a row of one occurrence is a failure, `worker_lost`. */
  interruptions: 3,
  /** Of the key that a job is made with. */
  jobKeyChars: 255,
  maxKeyTtlMs: 30 * 24 * 3_600_000,
  idempotencyKeyChars: 255,
  idempotencyKeptMs: 24 * 3_600_000,
  /** How long changes wait to be merged into the trees. */
  /** Of a text that says how far a subscriber has heard, over 64 shards. */
  cursorChars: 4096,
  mergeAgeMs: 5000,
  listDefault: 50,
  /** Of a text that is looked for in jobs. */
  searchChars: 256,
  /** Jobs that a list may skip where it goes by due times. */
  dueOffset: 10_000,
  listMax: 100,
  bodyBytes: 1024 * 1024,
  /** What is kept of the lines of one attempt. */
  runLogLines: 1000,
  runLogBytes: 64 * 1024,
  /** Lines in one page of them. */
  logLinesDefault: 100,
  logLinesMax: 1000,
  /** What an attempt may say of its progress, as JSON. */
  progressBytes: 4096,
  /** What one attempt may enqueue. */
  enqueuedJobs: 1000,
  enqueuedBytes: 4 * 1024 * 1024,
  batchJobs: 10_000,
  batchBytes: 16 * 1024 * 1024,
  /** Bodies of all requests that are still coming, together. */
  unfinishedBodiesBytes: 256 * 1024 * 1024,
  /** Answers that their clients have not read, beyond what the system holds for a connection, together. */
  unsentBytes: 256 * 1024 * 1024,
  /** A refused request with no larger body leaves its connection usable. */
  passingBodyBytes: 64 * 1024,
  /** What is read of a body after its request was refused, and for how long, so that the client gets the answer. */
  lingerBytes: 64 * 1024 * 1024,
  lingerMs: 2000,
  headerBytes: 16 * 1024,
  filterIds: 1000,
  filterTopics: 2000,
  frameBytes: 64 * 1024,
  badMessagesInARow: 3,
  messagesPerSecond: 100,
  /** What a connection may say: so much at once, and so much a second in the long run. */
  messagesBurstBytes: 256 * 1024,
  messagesBytesPerSecond: 64 * 1024,
  /** A topic of a filter counts as so many bytes of its message. */
  topicCostBytes: 32,
  /** Messages of all connections that wait to be read. */
  waitingMessagesBytes: 64 * 1024 * 1024,
  /** Filters of all connections, as they are kept. */
  filtersBytes: 128 * 1024 * 1024,
  /** The last instant a job may be due: the end of the year 9999. */
  maxInstantMs: 253_402_300_799_999,
} as const;
