/** Metrics: what is counted, how it is written, that the document names all of it, and that labels are bounded. */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { ClusterCounts } from '../../src/telemetry/cluster/cluster-counts.js';
import { type ClusterFigures, clusterMetricsOf } from '../../src/telemetry/cluster/cluster-metrics.js';
import { Counts, maxTypes } from '../../src/telemetry/counts.js';
import { type Figures, type Metric, metricsOf, type Sample } from '../../src/telemetry/metrics.js';
import { expose } from '../../src/telemetry/prometheus.js';
import { document, fileIn, programs, replaced } from '../support/documents.js';

const root = new URL('../../../', import.meta.url);

const figures: Figures = {
  version: '1.2.3',
  jobs: () => [{ type: 'mail', status: 'pending', jobs: 3 }],
  overdue: () => [{ type: 'mail', ms: 1500 }],
  waiting: () => [{ type: 'mail', limit: 'rate', jobs: 2 }],
  paused: () => ({ server: true, types: 2 }),
  threads: () => ({ alive: 3, busy: 1, retired: 2 }),
  files: () => [{ file: 'data.mdb', bytes: 4096 }],
  jobLogs: () => ({ bytes: 4711, dropped: 12 }),
  freeBytes: () => 8192,
  logRecords: () => 7,
};

const clusterFigures: ClusterFigures = {
  counts: new ClusterCounts(),
  leaseMs: () => 2500,
  clockOffsetMs: () => -40,
  nodes: () => ({ live: 3, leaving: 0, dead: 1 }),
  shards: () => ({ own: 5, other: 10, idle: 1 }),
  behind: () => ({ index: 2, pages: 7 }),
};

/** Those of a node of a cluster. */
const allMetrics = (counts: Counts): readonly Metric[] => [
  ...metricsOf(counts, figures),
  ...clusterMetricsOf(clusterFigures),
];

function samples(counts: Counts, name: string, from: Figures = figures): Sample[] {
  const metric = metricsOf(counts, from).find((each) => each.name === `escapement_${name}`);
  return [...(metric?.values() ?? [])];
}

/** Counts of which each metric has something to show. */
function busy(): Counts {
  const counts = new Counts();
  counts.attemptStarted('mail', 3);
  counts.attemptEnded('mail', 'succeeded', 20);
  counts.runsPassedOver('mail', 'skipped_overlap', 4);
  counts.runFailed('mail', 'timeout');
  counts.keyTaken('mail', 'returned');
  counts.jobsEnqueued('mail', 6);
  counts.bulkActed('retry', 'skipped', 8);
  counts.committed(2, 300, 1);
  counts.merged(40);
  counts.requestAnswered('/api/v1/jobs', 'post', 201, 1);
  counts.subscriberGained();
  counts.eventsSent(5);
  counts.eventsResumed(7);
  counts.eventDropped();
  counts.threadLost('memory');
  counts.threadReplaced();
  return counts;
}

t.test('the document has every metric as it is exported', async (t) => {
  const document = readFileSync(new URL('docs/metrics.md', root), 'utf8');
  const rows = allMetrics(new Counts()).map(
    ({ name, type, labels, help }) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  t.same(
    document.split('\n').filter((line) => line.startsWith('| `escapement_')),
    rows,
  );
});

t.test('alert rules and the board ask for metrics that there are', async (t) => {
  const text = await (await expose(allMetrics(busy()))).text();
  for (const file of ['docs/alerts.yml', 'docs/grafana.json', 'docs/metrics.md', 'docs/operate.md']) {
    const asked =
      readFileSync(new URL(file, root), 'utf8').match(/\b(?:escapement|nodejs|process)_[a-z0-9_]+[a-z0-9]\b/g) ?? [];
    t.ok(asked.length > 0, file);
    for (const name of new Set(asked))
      t.match(text, new RegExp(`^${name}[ {]|^# TYPE ${name} `, 'm'), `${file}: ${name}`);
  }
});

t.test('what is exported has the labels that are declared, and no others', async (t) => {
  for (const metric of allMetrics(busy())) {
    const all = [...metric.values()];
    t.ok(all.length > 0, metric.name);
    for (const { labels } of all)
      t.same(
        Object.keys(labels).filter((label) => label !== 'le'),
        metric.labels,
        metric.name,
      );
  }
});

t.test('names are of the form that Prometheus asks for', async (t) => {
  for (const { name, type, help } of allMetrics(new Counts())) {
    t.match(name, /^escapement_[a-z]+(_[a-z]+)*$/);
    t.equal(name.endsWith('_total'), type === 'counter', `${name}: counters end with _total`);
    t.notMatch(name, /_(count|sum|bucket|ms|milliseconds|kb|info_.*)$/, name);
    if (type === 'histogram') t.match(name, /_(seconds|bytes)$/, name);
    t.notMatch(help, /\.$/, name);
  }
});

t.test('a histogram counts up to each bound, in seconds', async (t) => {
  const counts = new Counts();
  for (const ms of [1, 2, 40, 999_999_999]) counts.attemptEnded('mail', 'failed', ms);
  const all = samples(counts, 'attempt_duration_seconds');
  const bucket = (le: number | string) =>
    all.find(({ labels, metricName }) => metricName?.endsWith('_bucket') && labels.le === le)?.value;
  t.same([bucket(0.001), bucket(0.005), bucket(0.05), bucket(1800), bucket('+Inf')], [1, 2, 3, 3, 4]);
  t.match(
    all.find(({ metricName }) => metricName?.endsWith('_count')),
    { value: 4 },
  );
  t.equal(all.find(({ metricName }) => metricName?.endsWith('_sum'))?.value.toFixed(3), '1000000.042');
});

t.test('beyond so many types all are one, and methods that nobody knows are too', async (t) => {
  const counts = new Counts();
  for (let n = 0; n < maxTypes + 50; n++) counts.attemptStarted(`type_${n}`, 0);
  counts.attemptStarted('type_0', 0);
  const started = samples(counts, 'attempts_started_total');
  t.equal(started.length, maxTypes + 1);
  t.match(started[0], { labels: { type: 'type_0' }, value: 2 });
  t.match(started.at(-1), { labels: { type: 'other' }, value: 50 });
  const many: Figures = {
    ...figures,
    jobs: () => Array.from({ length: 300 }, (_, n) => ({ type: `type_${n}`, status: 'pending', jobs: 2 })),
    overdue: () => Array.from({ length: 300 }, (_, n) => ({ type: `type_${n}`, ms: n })),
  };
  for (const each of [counts, new Counts()]) {
    const jobs = samples(each, 'jobs', many);
    t.equal(jobs.length, maxTypes + 1);
    t.match(jobs.at(-1), { labels: { type: 'other' }, value: 400 });
  }
  t.equal(samples(counts, 'oldest_overdue_seconds', many).length, maxTypes + 1);
  for (const method of ['get', 'brew', 'x'.repeat(100)]) counts.requestAnswered('/*', method, 404, 1);
  t.same(
    samples(counts, 'http_requests_total').map(({ labels, value }) => [labels.method, value]),
    [
      ['GET', 1],
      ['other', 2],
    ],
  );
});

t.test('the text has what was counted, and what is asked for later as of then', async (t) => {
  const counts = busy();
  const exposition = await expose(metricsOf(counts, figures));
  t.match(exposition.contentType, /^text\/plain; version=0\.0\.4/);
  const first = await exposition.text();
  for (const line of [
    '# TYPE escapement_attempts_ended_total counter',
    'escapement_attempts_ended_total{type="mail",outcome="succeeded"} 1',
    'escapement_attempt_lateness_seconds_bucket{type="mail",le="0.005"} 1',
    'escapement_jobs{status="pending",type="mail"} 3',
    'escapement_runs_passed_over_total{type="mail",reason="skipped_overlap"} 4',
    'escapement_runs_passed_over_total{type="mail",reason="expired"} 0',
    'escapement_runs_failed_total{type="mail",code="timeout"} 1',
    'escapement_taken_keys_total{type="mail",outcome="returned"} 1',
    'escapement_enqueued_jobs_total{type="mail"} 6',
    'escapement_bulk_jobs_total{action="retry",outcome="skipped"} 8',
    'escapement_bulk_jobs_total{action="cancel",outcome="done"} 0',
    'escapement_oldest_overdue_seconds{type="mail"} 1.5',
    'escapement_threads{state="idle"} 2',
    'escapement_http_requests_total{route="/api/v1/jobs",method="POST",status="201"} 1',
    'escapement_events_resumed_total 7',
  ])
    t.ok(first.split('\n').includes(line), line);
  t.match(first, /^process_cpu_seconds_total /m);
  t.match(first, /^nodejs_eventloop_lag_p99_seconds /m);
  counts.eventsSent(1);
  t.match(await exposition.text(), /^escapement_events_sent_total 6$/m);
});

t.test('promtool finds nothing', programs({ promtool: 'prometheus' }), async (t) => {
  const check = (what: string, input: string, ...files: string[]) => {
    const { status, stdout, stderr } = spawnSync('promtool', ['check', what, ...files], { input, encoding: 'utf8' });
    return { status, stdout, stderr };
  };
  const text = await (await expose(metricsOf(busy(), figures))).text();
  t.same(check('metrics', text), { status: 0, stdout: '', stderr: '' });
  t.match(check('rules', '', fileURLToPath(new URL('docs/alerts.yml', root))), { status: 0, stderr: '' });
  const folder = t.testdir({ token: 'secret', 'alerts.yml': document('alerts.yml') });
  const config = replaced(fileIn('metrics.md', 'prometheus.yml'), {
    '/etc/prometheus/escapement-token': `${folder}/token`,
  });
  writeFileSync(`${folder}/prometheus.yml`, config);
  t.match(check('config', '', `${folder}/prometheus.yml`), { status: 0, stderr: '' });
});

t.test('nothing of the library is loaded before somebody asks', async (t) => {
  const modules = new URL('../../src/', import.meta.url);
  const script = `
    import { createRequire } from 'node:module';
    for (const file of ['startup.js', 'server/server.js', 'telemetry/metrics.js']) await import(new URL(file, '${modules}'));
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('prom-client'));
    const before = loaded();
    await (await import(new URL('telemetry/prometheus.js', '${modules}'))).expose([]);
    console.log(before, loaded());
    process.exit();`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  t.equal(stdout.trim(), 'false true', stderr);
});

t.test('what a node counts of its cluster', async (t) => {
  const counts = new ClusterCounts();
  counts.statementEnded('append', 'done', 4);
  counts.statementEnded('append', 'unknown', 5000);
  counts.statementEnded('append', 'of a later version', 1);
  counts.peerAnswered('misdirected');
  const of = (name: string): Sample[] => [
    ...(clusterMetricsOf({ ...clusterFigures, counts, clockOffsetMs: () => undefined })
      .find((each) => each.name === `escapement_cluster_${name}`)
      ?.values() ?? []),
  ];
  const ends = of('statements_total').filter(({ labels, value }) => labels.statement === 'append' && value > 0);
  t.same(
    ends.map(({ labels }) => labels.end),
    ['done', 'unknown', 'of a later version'],
  );
  const sum = of('statement_duration_seconds').find(
    ({ labels, metricName }) => labels.statement === 'append' && metricName?.endsWith('_sum'),
  );
  t.equal(sum?.value.toFixed(3), '5.005');
  t.same(
    of('peer_requests_total').filter(({ value }) => value > 0),
    [{ labels: { outcome: 'misdirected' }, value: 1 }],
  );
  t.same(of('clock_offset_seconds'), [], 'nothing is known of it yet');
  t.same(of('lease_seconds'), [{ labels: {}, value: 2.5 }]);
});
