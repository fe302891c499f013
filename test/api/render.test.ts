/** Which field a job and an event show, and when. */
import t from 'tap';
import '../support/snapshots.js';
import { type JobUse, renderJob } from '../../src/api/render.js';
import { renderEvent } from '../../src/api/render-event.js';
import type { EventBody, JobEvent } from '../../src/domain/events.js';
import type { Job } from '../../src/domain/job.js';
import { exampleNow, job, timezone } from '../server/fixture.js';

const rules = { timezone, waitingFor: ({ spec }: Job) => (spec.name === 'gone' ? 'handler' : undefined) };

function shown(each: Job, use: JobUse = 'detail', now = exampleNow): Record<string, unknown> {
  return JSON.parse(renderJob(each, use, now, rules)) as Record<string, unknown>;
}

const always = [
  'id',
  'name',
  'status',
  'trigger_at',
  'retry_count',
  'max_retries',
  'created_at',
  'updated_at',
  'is_repeat',
  'retry_delay',
  'backoff',
  'timeout',
];

function fields(each: Job, use: JobUse): string[] {
  return Object.keys(shown(each, use)).filter((field) => !always.includes(field));
}

t.test('every answer has what always is there, in the order of the original', (t) => {
  for (const use of ['created', 'listed', 'detail'] as const) {
    const keys = Object.keys(shown(job(), use));
    for (const field of always) t.ok(keys.includes(field), `${use}: ${field}`);
  }
  t.same(Object.keys(shown(job(), 'created')).slice(0, 9), [
    'id',
    'name',
    'status',
    'trigger_at',
    'next_run_in',
    'retry_count',
    'max_retries',
    'created_at',
    'updated_at',
  ]);
  t.same(Object.keys(shown(job(), 'listed')).slice(0, 9), [
    'id',
    'name',
    'status',
    'trigger_at',
    'next_run_in',
    'retry_count',
    'max_retries',
    'is_repeat',
    'created_at',
  ]);
  t.end();
});

t.test('the rest is there where it means something', (t) => {
  const cron = { kind: 'cron', expression: '0 0 9 * * *', timezone: 'UTC' } as const;
  const everyMs = 90_000;
  t.same(fields(job(), 'created'), ['next_run_in']);
  t.same(fields(job(), 'listed'), ['next_run_in']);
  t.same(fields(job(), 'detail'), ['next_run_in', 'payload']);
  t.same(fields(job({ spec: { trigger: { ...cron, repeat: false } } }), 'created'), [
    'next_run_in',
    'cron_expr',
    'timezone',
  ]);
  const repeating = job({ spec: { trigger: { ...cron, repeat: true } } });
  t.same(fields(repeating, 'listed'), [
    'next_run_in',
    'cron_expr',
    'timezone',
    'misfire',
    'skipped_count',
    'missed_count',
    'run_count',
  ]);
  t.equal(shown(repeating).is_repeat, true);
  const interval = job({ spec: { trigger: { kind: 'interval', everyMs, firstDue: exampleNow } } });
  t.same(fields(interval, 'listed'), ['next_run_in', 'delay', 'misfire', 'skipped_count', 'missed_count', 'run_count']);
  t.equal(shown(interval).delay, '1m30s');
  const done = job({
    state: { status: 'success', startedAt: exampleNow + 1, finishedAt: exampleNow + 250 },
    detail: { result: '{"a":1}' },
  });
  t.same(fields(done, 'detail'), ['payload', 'started_at', 'finished_at', 'result']);
  t.same(shown(done).result, { a: 1 });
  t.equal(shown(done).finished_at, '2024-01-02T15:20:00.25+08:00');
  t.same(fields(job({ state: { status: 'running', startedAt: exampleNow } }), 'detail'), ['payload', 'started_at']);
  t.end();
});

t.test('what is left of attempts', (t) => {
  const failed = job({
    state: { status: 'failed', startedAt: exampleNow, finishedAt: exampleNow },
    detail: {
      lastError: { name: 'Error', message: 'a "quoted"\nline \ud800', code: 'handler_error', at: exampleNow },
      resultOmitted: 'larger than 64 KiB',
    },
  });
  t.matchSnapshot(renderJob(failed, 'detail', exampleNow, rules));
  t.same((shown(failed).last_error as { message: string }).message, 'a "quoted"\nline \ud800');
  t.end();
});

t.test('next_run_in is rounded up, and 0s when overdue', (t) => {
  t.equal(shown(job(), 'detail', exampleNow + 1).next_run_in, '10m0s');
  t.equal(shown(job(), 'detail', exampleNow + 1000).next_run_in, '9m59s');
  t.equal(shown(job(), 'detail', exampleNow + 700_000).next_run_in, '0s');
  t.end();
});

t.test('events have the form of the original, and a seq', (t) => {
  const bodies: EventBody[] = [
    { type: 'job.scheduled', triggerAt: exampleNow + 600_000, isRepeat: false },
    { type: 'job.updated', triggerAt: exampleNow + 600_000, isRepeat: true },
    { type: 'job.started', attempt: 1 },
    { type: 'job.completed', durationMs: 2049.6 },
    { type: 'job.failed', error: 'connection "timeout"', retryCount: 1, maxRetries: 3, final: false },
    { type: 'job.retrying', nextRetryAt: exampleNow + 300_000, retryCount: 1, cause: 'failure' },
    { type: 'job.retrying', nextRetryAt: exampleNow, retryCount: 0, cause: 'manual' },
    { type: 'job.retrying', nextRetryAt: exampleNow, retryCount: 1, cause: 'interruption' },
    { type: 'job.retrying', nextRetryAt: exampleNow, retryCount: 1, cause: 'snooze' },
    { type: 'job.cancelled', previousStatus: 'running' },
  ];
  const texts = bodies.map((body, at) => {
    const event: JobEvent = {
      seq: at + 1,
      jobSeq: 1,
      idSeconds: 1704180000,
      jobName: 'payment_check',
      at: exampleNow,
      body,
    };
    const text = renderEvent(event, timezone);
    t.equal(text, JSON.stringify(JSON.parse(text)), body.type);
    return text;
  });
  t.matchSnapshot(texts.join('\n'));
  t.end();
});
