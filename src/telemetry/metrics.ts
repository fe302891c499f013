/**
 * Every metric of the server: its name, what it says, and where its values come from. Names are of the form that Prometheus asks
 * for, with units of seconds and bytes. `docs/metrics.md` has the same table.
 */
import { type Counts, maxTypes, other, type RouteCounts, type TypeCounts } from './counts.js';
import type { Histogram } from './histogram.js';

/** What is looked up when somebody asks. */
export interface Figures {
  readonly version: string;
  /** Jobs that are stored, by type and status. */
  jobs(): Iterable<{ readonly type: string; readonly status: string; readonly jobs: number }>;
  /** For how long the first job of each type that waits in the line has been due, milliseconds. */
  overdue(): Iterable<{ readonly type: string; readonly ms: number }>;
  threads(): { readonly alive: number; readonly busy: number; readonly retired: number };
  /** Jobs that are due and wait, by type and by what they wait for. */
  waiting(): Iterable<{ readonly type: string; readonly limit: string; readonly jobs: number }>;
  /** What users have paused: the server, and how many job types. */
  paused(): { readonly server: boolean; readonly types: number };
  /** What the files of the data directory take, each by its name. */
  files(): Iterable<{ readonly file: string; readonly bytes: number }>;
  /** Of the data file, what has no content. */
  freeBytes(): number;
  /** Records that the log holds. */
  logRecords(): number;
  /** Lines of handlers that are kept: what they take on disk, and how many were too many. */
  jobLogs(): { readonly bytes: number; readonly dropped: number };
}

export type Labels = Readonly<Record<string, string | number>>;

/** A line of the text: a value with its labels, and a name of its own where it is a part of a histogram. */
export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  readonly metricName?: string;
}

export interface Metric {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  /** One sentence without its full stop. */
  readonly help: string;
  readonly values: () => Iterable<Sample>;
}

const prefix = 'escapement_';

/** The metrics, in order of their names. */
export function metricsOf(counts: Counts, figures: Figures): readonly Metric[] {
  const one = (value: number): Sample[] => [{ labels: {}, value }];
  const counter = (name: string, help: string, value: () => number): Metric =>
    metric('counter', name, [], help, () => one(value()));
  return [
    metric('gauge', 'build_info', ['version', 'node'], 'Always 1; what runs here', () => [
      { labels: { version: figures.version, node: process.version }, value: 1 },
    ]),
    metric('gauge', 'jobs', ['status', 'type'], 'Jobs that are stored', () => jobs(counts, figures)),
    metric('counter', 'attempts_started_total', ['type'], 'Attempts that left for their thread', () =>
      eachType(counts, ({ started }, type) => [{ labels: { type }, value: started }]),
    ),
    metric('counter', 'attempts_ended_total', ['type', 'outcome'], 'Attempts that ended, by how they did', () =>
      eachType(counts, ({ outcomes }, type) => by('outcome', outcomes, { type })),
    ),
    metric(
      'counter',
      'runs_failed_total',
      ['type', 'code'],
      'Runs that failed for good, by the code of their error',
      () => eachType(counts, ({ failed }, type) => by('code', failed, { type })),
    ),
    metric('counter', 'runs_passed_over_total', ['type', 'reason'], 'Runs that were not started, and why', () =>
      eachType(counts, ({ passedOver }, type) => by('reason', passedOver, { type })),
    ),
    metric(
      'counter',
      'taken_keys_total',
      ['type', 'outcome'],
      'Requests whose key was taken, by what became of them',
      () => eachType(counts, ({ takenKeys }, type) => by('outcome', takenKeys, { type })),
    ),
    metric('counter', 'enqueued_jobs_total', ['type'], 'Jobs that handlers have made, by their own type', () =>
      eachType(counts, ({ enqueued }, type) => [{ labels: { type }, value: enqueued }]),
    ),
    metric(
      'counter',
      'bulk_jobs_total',
      ['action', 'outcome'],
      'Jobs that bulk actions came to, by what became of them',
      () => Object.entries(counts.bulk).flatMap(([action, outcomes]) => by('outcome', outcomes, { action })),
    ),
    metric('histogram', 'attempt_lateness_seconds', ['type'], 'From due time to the start of an attempt', () =>
      eachType(counts, ({ lateness }, type) => parts('attempt_lateness_seconds', lateness, { type })),
    ),
    metric('histogram', 'attempt_duration_seconds', ['type'], 'How long the handler of an attempt took', () =>
      eachType(counts, ({ duration }, type) => parts('attempt_duration_seconds', duration, { type })),
    ),
    metric('gauge', 'oldest_overdue_seconds', ['type'], 'For how long the first job in the line has been due', () =>
      overdue(counts, figures),
    ),
    metric('gauge', 'waiting_jobs', ['type', 'limit'], 'Jobs that are due and wait, by what they wait for', () =>
      waiting(counts, figures),
    ),
    metric('gauge', 'server_paused', [], 'Whether a user has paused the server: 1 or 0', () =>
      one(figures.paused().server ? 1 : 0),
    ),
    metric('gauge', 'types_paused', [], 'Job types that a user has paused', () => one(figures.paused().types)),
    metric('histogram', 'commit_duration_seconds', [], 'From handing over a batch until it was on disk', () =>
      parts('commit_duration_seconds', counts.commit, {}),
    ),
    metric('histogram', 'commit_size_bytes', [], 'Log records of commits', () =>
      parts('commit_size_bytes', counts.commitBytes, {}),
    ),
    counter('committed_jobs_total', 'Changes of jobs that are on disk', () => counts.committedJobs),
    metric('histogram', 'merge_duration_seconds', [], 'How long it took to bring the trees up to date', () =>
      parts('merge_duration_seconds', counts.merge, {}),
    ),
    metric('gauge', 'store_file_bytes', ['file'], 'Size of the files of the data directory', () =>
      [...figures.files()].map(({ file, bytes }) => ({ labels: { file }, value: bytes })),
    ),
    metric('gauge', 'store_free_bytes', [], 'Of the data file, what later writes take first', () => [
      { labels: {}, value: figures.freeBytes() },
    ]),
    metric('gauge', 'log_records', [], 'Records of the log that are kept for events, or wait to be merged', () => [
      { labels: {}, value: figures.logRecords() },
    ]),
    metric('gauge', 'job_log_bytes', [], 'Lines of handlers that are kept with their jobs', () =>
      one(figures.jobLogs().bytes),
    ),
    counter(
      'job_log_dropped_total',
      'Lines of handlers that were too many to be kept',
      () => figures.jobLogs().dropped,
    ),
    metric('counter', 'http_requests_total', ['route', 'method', 'status'], 'Requests that were answered', () =>
      eachRoute(counts, ({ method, statuses }, route) =>
        [...statuses].map(([status, value]) => ({ labels: { route, method, status }, value })),
      ),
    ),
    metric('histogram', 'http_request_duration_seconds', ['route', 'method'], 'From a request to its answer', () =>
      eachRoute(counts, ({ method, duration }, route) =>
        parts('http_request_duration_seconds', duration, { route, method }),
      ),
    ),
    metric('gauge', 'subscribers', [], 'WebSockets and event streams that have subscribed', () =>
      one(counts.subscribers),
    ),
    counter('events_sent_total', 'Events sent as they happened, for each subscriber', () => counts.sent),
    counter('events_resumed_total', 'Past events sent to those who resumed', () => counts.resumed),
    counter('events_dropped_total', 'Messages lost by subscribers that read too slowly', () => counts.dropped),
    metric('gauge', 'threads', ['state'], 'Worker threads that run attempts, or can', () => {
      const { alive, busy, retired } = figures.threads();
      return [
        { labels: { state: 'busy' }, value: busy },
        { labels: { state: 'idle' }, value: alive - busy },
        { labels: { state: 'retired' }, value: retired },
      ];
    }),
    metric('counter', 'threads_lost_total', ['reason'], 'Worker threads that were lost', () =>
      by('reason', counts.threadsLost, {}),
    ),
    counter('threads_replaced_total', 'Worker threads that have come for lost ones', () => counts.threadsReplaced),
    metric('counter', 'reloads_total', ['what', 'outcome'], 'Reloads of the handlers, and of the token file', () =>
      Object.entries(counts.reloads).flatMap(([what, outcomes]) => by('outcome', outcomes, { what })),
    ),
  ];
}

/** A row of the table. @param name without what all begin with */
export function metric(
  type: Metric['type'],
  name: string,
  labels: readonly string[],
  help: string,
  values: Metric['values'],
): Metric {
  return { name: prefix + name, type, labels, help, values };
}

/** A series for each key of `values`, which is the last of its labels. */
export function by(label: string, values: Readonly<Record<string, number>>, labels: Labels): Sample[] {
  return Object.entries(values).map(([key, value]) => ({ labels: { ...labels, [label]: key }, value }));
}

function eachType({ types }: Counts, samples: (counts: TypeCounts, type: string) => Sample[]): Sample[] {
  return [...types].flatMap(([type, counts]) => samples(counts, type));
}

function eachRoute({ routes }: Counts, samples: (counts: RouteCounts, route: string) => Sample[]): Sample[] {
  return [...routes].flatMap(([route, byMethod]) => [...byMethod.values()].flatMap((counts) => samples(counts, route)));
}

/** As many types as elsewhere, and the rest as one. */
function jobs(counts: Counts, figures: Figures): Sample[] {
  const shown = new Set<string>();
  const rest = new Map<string, number>();
  const samples: Sample[] = [];
  for (const { type, status, jobs } of figures.jobs()) {
    if (shown.has(type) || (shown.size < maxTypes && counts.labelOf(type) === type)) {
      shown.add(type);
      samples.push({ labels: { status, type }, value: jobs });
    } else rest.set(status, (rest.get(status) ?? 0) + jobs);
  }
  for (const [status, value] of rest) samples.push({ labels: { status, type: other }, value });
  return samples;
}

function waiting(counts: Counts, figures: Figures): Sample[] {
  const sums = new Map<string, { readonly labels: Labels; value: number }>();
  for (const { type, limit, jobs } of figures.waiting()) {
    const labels = { type: counts.labelOf(type), limit };
    const key = `${limit}/${labels.type}`;
    const sum = sums.get(key);
    if (sum === undefined) sums.set(key, { labels, value: jobs });
    else sum.value += jobs;
  }
  return [...sums.values()];
}

function overdue(counts: Counts, figures: Figures): Sample[] {
  const longest = new Map<string, number>();
  for (const { type, ms } of figures.overdue()) {
    const label = counts.labelOf(type);
    longest.set(label, Math.max(longest.get(label) ?? 0, ms / 1000));
  }
  return [...longest].map(([type, value]) => ({ labels: { type }, value }));
}

/** A histogram as Prometheus wants it: each bucket counts all values up to its bound. */
export function parts(name: string, { bounds, counts, sum }: Histogram, labels: Labels): Sample[] {
  let total = 0;
  const buckets = counts.map((count, at) => {
    total += count;
    return { metricName: `${prefix}${name}_bucket`, labels: { ...labels, le: bounds[at] ?? '+Inf' }, value: total };
  });
  return [
    ...buckets,
    { metricName: `${prefix}${name}_sum`, labels, value: sum },
    { metricName: `${prefix}${name}_count`, labels, value: total },
  ];
}
