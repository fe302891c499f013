import t from 'tap';
import { cancel, retry, update } from '../../src/domain/decisions.js';
import type { Trigger } from '../../src/domain/job.js';
import { everyMinute, everyTenSeconds, noon, sampleJob } from '../store/samples.js';
import { hour, lastErrorAt, minute } from './decisions-support.js';

t.test('cancel', async (t) => {
  for (const status of ['pending', 'running'] as const) {
    t.test(`a ${status} job ends, a repeating one too`, async (t) => {
      for (const trigger of [everyTenSeconds, { kind: 'once', due: noon } as const]) {
        const job = sampleJob({ trigger }, { status, attempt: 1, retryCount: 1, lease: 4, startedAt: noon - 5 });
        t.strictSame(cancel(job, noon + 1), {
          state: { ...job.state, status: 'cancelled', finishedAt: noon + 1, updatedAt: noon + 1 },
          events: [{ type: 'job.cancelled', previousStatus: status }],
          counts: 'cancelled',
        });
      }
    });
  }
});

t.test('retry', async (t) => {
  t.test('a failed job begins anew, due now; its lease goes on', async (t) => {
    const job = sampleJob(
      {},
      {
        status: 'failed',
        attempt: 4,
        retryCount: 3,
        interruptions: 1,
        lease: 4,
        startedAt: noon - 9,
        finishedAt: noon - 1,
      },
      lastErrorAt(noon - 1),
    );
    t.strictSame(retry(job, noon + hour), {
      state: {
        ...job.state,
        status: 'pending',
        due: noon + hour,
        attempt: 0,
        retryCount: 0,
        interruptions: 0,
        finishedAt: 0,
        updatedAt: noon + hour,
      },
      events: [{ type: 'job.retrying', nextRetryAt: noon + hour, retryCount: 0, cause: 'manual' }],
    });
  });
});

t.test('update', async (t) => {
  t.test('without a trigger the due time and the retries stay', async (t) => {
    const job = sampleJob({}, { attempt: 1, retryCount: 1, interruptions: 1, due: noon + minute });
    const change = {
      payload: '{"order":2}',
      maxRetries: 9,
      retryDelayMs: 1,
      backoff: 'fixed',
      timeoutMs: 5,
      misfire: 'skip',
    } as const;
    t.strictSame(update(job, change, noon + 3), {
      spec: { ...job.spec, ...change },
      state: { ...job.state, updatedAt: noon + 3 },
      events: [{ type: 'job.updated', triggerAt: noon + minute, isRepeat: false }],
    });
  });

  t.test('a single run is moved: it keeps the retries that it was granted', async (t) => {
    const job = sampleJob(
      {},
      { attempt: 2, retryCount: 2, interruptions: 1, lease: 2, due: noon + minute, skipped: 3, missed: 4 },
    );
    const trigger: Trigger = { kind: 'once', due: noon + hour };
    t.strictSame(update(job, { trigger }, noon + 3), {
      spec: { ...job.spec, trigger },
      state: { ...job.state, due: noon + hour, occurrence: noon + hour, updatedAt: noon + 3 },
      events: [{ type: 'job.updated', triggerAt: noon + hour, isRepeat: false }],
    });
  });

  t.test('a new schedule counts from now', async (t) => {
    const decision = update(sampleJob({ trigger: everyTenSeconds }), { trigger: everyMinute }, noon + 5);
    t.match(decision.state, { due: noon + minute, occurrence: noon + minute });
    t.strictSame(decision.events, [{ type: 'job.updated', triggerAt: noon + minute, isRepeat: true }]);
  });

  t.test('what identifies a job stays', async (t) => {
    const job = sampleJob({ idempotencyKey: 'k' });
    t.match(update(job, { trigger: everyMinute }, noon).spec, {
      seq: 7,
      idSeconds: job.spec.idSeconds,
      name: 'noop',
      createdAt: job.spec.createdAt,
      idempotencyKey: 'k',
    });
  });
});
