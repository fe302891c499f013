/**
 * Commands against the state of a job. Every command in every status, with its 409, is in
 * test/conformance/lifecycle.test.ts; here the table itself is asked over HTTP, jobs that repeat or wait for a retry
 * included, and a fault in the body goes before the state, as an id that cannot be any goes before both.
 */
import t from 'tap';
import { next, type Step } from '../../src/domain/lifecycle.js';
import { jobsInEveryStatus, never, problem } from '../conformance/forms.js';
import type { Answer, Job, Status } from '../support/client.js';
import { Ground } from './ground.js';

t.setTimeout(90_000);
const ground = await Ground.open({ args: ['--grace', '100ms'] });
const { api } = ground;

const changes: Record<string, unknown>[] = [
  { delay: '2h' },
  { trigger_at: '2040-01-01T00:00:00Z' },
  { payload: { new: true } },
  { max_retries: 1 },
  { retry_delay: '1s' },
  { backoff: 'fixed' },
  { timeout: '1s' },
];
const commands: [what: string, step: Step, run: (id: string) => Promise<Answer<Job>>][] = [
  ...changes.map((change): [string, Step, (id: string) => Promise<Answer<Job>>] => [
    `update ${JSON.stringify(change)}`,
    'update',
    (id) => api.put(`/jobs/${id}`, change),
  ]),
  ['retry', 'retry', (id) => api.post(`/jobs/${id}/retry`)],
  ['cancel', 'cancel', (id) => api.post(`/jobs/${id}/cancel`)],
  ['delete', 'cancel', (id) => api.delete(`/jobs/${id}`)],
];

async function waitingForRetry(): Promise<Job> {
  const { id } = await api.create({ name: 'fail', delay: '0s', payload: {}, retry_delay: '1h' });
  ground.made += 1;
  return api.until(id, (job) => job.retry_count === 1 && job.status === 'pending');
}

async function repeating(): Promise<Job> {
  const { id } = await api.create({ name: 'noop', delay: '500ms', is_repeat: true });
  ground.made += 1;
  await api.until(id, (job) => job.finished_at !== undefined && job.status === 'pending');
  return (await api.put(`/jobs/${id}`, { delay: '1h' })).body;
}

t.test('each command in each state → what the table says, 409 conflict naming the status', async (t) => {
  // Those that move a job on come last, each on jobs of its own.
  for (const [what, step, run] of commands) {
    const jobs = await jobsInEveryStatus(api);
    ground.made += 5;
    const all: [string, Job][] = [
      ...Object.entries(jobs),
      ['waiting for its retry', await waitingForRetry()],
      ...(step === 'update' && /delay|trigger/.test(what) ? [] : [['repeating', await repeating()] as [string, Job]]),
    ];
    for (const [state, job] of all) {
      const answer = await run(job.id);
      const after = next(job.status, step);
      if (after === undefined) {
        const { detail } = problem(t, answer as Answer<never>, 409, 'conflict', `${what} of a job that is ${state}`);
        t.ok(detail.includes(job.status), `${detail}: names ${job.status}`);
        t.equal((await api.job(job.id)).updated_at, job.updated_at, 'nothing has changed');
      } else {
        t.equal(answer.status, 200, `${what} of a job that is ${state}: ${answer.text}`);
        t.equal(answer.body.status, after satisfies Status);
      }
    }
    await api.delete(`/jobs/${jobs.running.id}`);
  }
});

t.test('what is no id goes before a faulty body, a faulty body before the state', async (t) => {
  const jobs = await jobsInEveryStatus(api);
  ground.made += 5;
  const faulty = [
    ['{', 'malformed_json'],
    ['{"delay":"5"}', 'validation_failed'],
    ['{"name":"noop"}', 'validation_failed'],
    ['{}', 'validation_failed'],
  ] as const;
  for (const [body, code] of faulty) {
    problem(t, await api.put<never>('/jobs/nonsense', body), 404, 'not_found', `no id, ${body}`);
    problem(t, await api.put<never>('/jobs/job_1704182400_a1b2c3d4', body), 400, code, `no job, ${body}`);
    for (const [status, { id }] of Object.entries(jobs))
      problem(t, await api.put<never>(`/jobs/${id}`, body), 400, code, `${status}, ${body}`);
  }
  await api.delete(`/jobs/${jobs.running.id}`);
});

t.test('many commands at once: one after the other, the first wins', async (t) => {
  for (let round = 0; round < 10; round++) {
    const { id } = await api.create({ name: 'noop', delay: never });
    ground.made += 1;
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at) =>
        at % 4 === 3 ? api.delete(`/jobs/${id}`) : api.put(`/jobs/${id}`, { max_retries: at }),
      ),
    );
    t.ok(answers.every(({ status }) => status === 200 || status === 409));
    const updates = answers.filter((answer, at) => at % 4 !== 3 && answer.status === 200);
    t.ok(updates.every(({ body }) => body.status === 'pending'));
    const job = await api.job(id);
    t.equal(job.status, 'cancelled');
    const kept = updates.map(({ body }) => body.max_retries);
    t.ok(
      kept.length === 0 ? job.max_retries === 3 : kept.includes(job.max_retries),
      'the last accepted change is kept',
    );
  }
});

t.test('after all that the server is well', (t) => ground.unharmed(t));
