/**
 * Any sequence of requests against a model of a few lines: which status code is answered, which status each job has then,
 * what lists and totals say. One server and one model serve all runs, which makes the later ones start in odd places.
 */
import fc from 'fast-check';
import t from 'tap';
import { Client, type Job, type JobList, type Status } from '../support/client.js';
import { startServer } from '../support/server.js';

t.setTimeout(120_000);

interface Known {
  readonly id: string;
  readonly name: string;
  status: Status;
  maxRetries: number;
  payload: Record<string, unknown>;
}

/** What the server should know. */
class Model {
  /** Oldest first. */
  readonly jobs: Known[] = [];
  readonly keys = new Map<string, { readonly job: Known; readonly body: string }>();
  /** Finished occurrences, which never become fewer. */
  readonly finished = { completed: 0, failed: 0, cancelled: 0 };

  at(place: number): Known | undefined {
    return this.jobs[Math.floor(place * this.jobs.length + 1e-9)];
  }

  counts(status: Status | undefined, name?: string): Known[] {
    return this.jobs.filter((job) => (status ?? job.status) === job.status && (name ?? job.name) === job.name);
  }
}

type Command = fc.AsyncCommand<Model, Client>;

function same(found: unknown, wanted: unknown, what: string): void {
  const [a, b] = [JSON.stringify(found), JSON.stringify(wanted)];
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`);
}

/** Something done and compared; it can be done at any time. */
function command(text: string, run: (model: Model, api: Client) => Promise<void>): Command {
  return { check: () => true, run, toString: () => text };
}

const statuses: Status[] = ['pending', 'running', 'success', 'failed', 'cancelled'];
const names = ['noop', 'fail', 'sleep'] as const;

/** What becomes of a job that is due at once. */
const outcomes = { noop: 'success', fail: 'failed', sleep: 'running' } as const;

async function settle(model: Model, api: Client, job: Known): Promise<void> {
  job.status = outcomes[job.name as keyof typeof outcomes];
  await api.until(job.id, job.status, 30_000);
  if (job.status === 'success') model.finished.completed += 1;
  if (job.status === 'failed') model.finished.failed += 1;
}

const create = (name: (typeof names)[number], due: boolean, maxRetries: number, key?: string): Command =>
  command(`create ${name} ${due ? 'due' : 'waiting'} ${key ?? ''}`, async (model, api) => {
    const payload = name === 'sleep' ? { ms: 3_600_000 } : { n: maxRetries };
    const retries = name === 'fail' && due ? 0 : maxRetries;
    const body = { name, delay: due ? '0s' : '1h', timeout: '2h', max_retries: retries, payload };
    const text = JSON.stringify(body);
    const used = key === undefined ? undefined : model.keys.get(key);
    const answer = await api.post<Job>('/jobs', text, key === undefined ? {} : { 'idempotency-key': key });
    if (used !== undefined) {
      same(answer.status, used.body === text ? 201 : 409, 'a key that was used');
      if (answer.status === 201)
        same([answer.body.id, answer.body.status], [used.job.id, used.job.status], 'the first');
      return;
    }
    same(answer.status, 201, 'create');
    same(answer.body.status, 'pending', 'a new job');
    const job: Known = { id: answer.body.id, name, status: 'pending', maxRetries: retries, payload };
    model.jobs.push(job);
    if (key !== undefined) model.keys.set(key, { job, body: text });
    if (due) await settle(model, api, job);
  });

const refused = (body: Record<string, unknown>): Command =>
  command(`create ${JSON.stringify(body)}`, async (_, api) => {
    same((await api.post('/jobs', body)).status, 400, 'a faulty creation');
  });

const list = (maxRetries: number, faulty: boolean): Command =>
  command(`create a list${faulty ? ' with a fault' : ''}`, async (model, api) => {
    const good = { name: 'noop', delay: '1h', max_retries: maxRetries };
    const answer = await api.post<JobList>('/jobs/batch', [good, faulty ? { ...good, delay: '5' } : good]);
    same(answer.status, faulty ? 400 : 201, 'a list');
    if (faulty) return;
    for (const { id } of answer.body.items)
      model.jobs.push({ id, name: 'noop', status: 'pending', maxRetries, payload: {} });
  });

const update = (place: number, maxRetries: number, faulty: boolean): Command =>
  command(`update ${place} ${faulty ? 'with a fault' : ''}`, async (model, api) => {
    const job = model.at(place);
    if (job === undefined) return;
    const body = { max_retries: maxRetries, payload: { changed: maxRetries }, ...(faulty && { delay: '5' }) };
    const answer = await api.put<Job>(`/jobs/${job.id}`, body);
    same(answer.status, faulty ? 400 : job.status === 'pending' ? 200 : 409, `update of a ${job.status} job`);
    if (answer.status !== 200) return;
    job.maxRetries = maxRetries;
    job.payload = body.payload;
  });

const cancel = (place: number, byDelete: boolean): Command =>
  command(`cancel ${place}`, async (model, api) => {
    const job = model.at(place);
    if (job === undefined) return;
    const answer = byDelete ? await api.delete(`/jobs/${job.id}`) : await api.post(`/jobs/${job.id}/cancel`);
    const done = job.status === 'success' || job.status === 'failed';
    same(answer.status, done ? 409 : 200, `cancel of a ${job.status} job`);
    if (done) return;
    same(answer.body.status, 'cancelled', 'a cancelled job');
    if (job.status !== 'cancelled') model.finished.cancelled += 1;
    job.status = 'cancelled';
  });

const retry = (place: number): Command =>
  command(`retry ${place}`, async (model, api) => {
    const job = model.at(place);
    if (job === undefined) return;
    const answer = await api.post(`/jobs/${job.id}/retry`);
    same(answer.status, job.status === 'failed' ? 200 : 409, `retry of a ${job.status} job`);
    if (answer.status !== 200) return;
    same(answer.body.retry_count, 0, 'its retries begin anew');
    await api.until(job.id, (shown) => shown.status === 'failed', 30_000);
    model.finished.failed += 1;
  });

const show = (place: number): Command =>
  command(`show ${place}`, async (model, api) => {
    const job = model.at(place);
    if (job === undefined) return;
    const { id, name, status, max_retries, payload } = await api.job(job.id);
    same({ id, name, status, maxRetries: max_retries, payload }, job, 'a job');
  });

const unknown = (method: string, suffix: string): Command =>
  command(`${method} an unknown job${suffix}`, async (_, api) => {
    const body = method === 'PUT' ? { max_retries: 1 } : undefined;
    const { status } = await api.request(method, `/jobs/job_1704182400_a1b2c3d4${suffix}`, { body });
    same(status, 404, `${method} of an unknown job`);
  });

const page = (status: Status | undefined, name: string | undefined, limit: number, offset: number): Command =>
  command(`list ${status} ${name} ${limit} ${offset}`, async (model, api) => {
    const filters = `${status === undefined ? '' : `&status=${status}`}${name === undefined ? '' : `&name=${name}`}`;
    const { total, items } = await api.list(`?limit=${limit}&offset=${offset}${filters}`);
    const matching = model.counts(status, name).reverse();
    same(total, matching.length, 'the total');
    same(
      items.map((job) => [job.id, job.status]),
      matching.slice(offset, offset + limit).map((job) => [job.id, job.status]),
      'the page',
    );
  });

const totals = command('totals', async (model, api) => {
  const { pending, running, completed, failed, cancelled, heap_size } = await api.stats();
  const [waiting, active] = [model.counts('pending').length, model.counts('running').length];
  same(
    { pending, running, completed, failed, cancelled, heap_size },
    { pending: waiting, running: active, ...model.finished, heap_size: waiting + active },
    'the totals',
  );
});

const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const retries = fc.integer({ min: 0, max: 100 });
const key = fc.option(fc.constantFrom('k1', 'k2', 'k3', 'k4'), { nil: undefined, freq: 3 });
const faults: Record<string, unknown>[] = [
  {},
  { name: 'nobody', delay: '1h' },
  { name: 'noop' },
  { name: 'noop', delay: 5 },
];

const commands: fc.Arbitrary<Command>[] = [
  fc
    .tuple(fc.constantFrom('noop' as const, 'fail' as const), fc.boolean(), retries, key)
    .map(([...all]) => create(...all)),
  fc.tuple(fc.constantFrom(...names), fc.boolean(), retries).map(([...all]) => create(...all)),
  fc.constantFrom(...faults).map(refused),
  fc.tuple(retries, fc.boolean()).map(([...all]) => list(...all)),
  fc.tuple(place, retries, fc.boolean()).map(([...all]) => update(...all)),
  fc.tuple(place, fc.boolean()).map(([...all]) => cancel(...all)),
  place.map(retry),
  place.map(show),
  fc
    .constantFrom(['GET', ''], ['PUT', ''], ['DELETE', ''], ['POST', '/cancel'], ['POST', '/retry'])
    .map(([method, suffix]) => unknown(method!, suffix!)),
  fc
    .tuple(
      fc.option(fc.constantFrom(...statuses), { nil: undefined }),
      fc.option(fc.constantFrom(...names, 'nobody'), { nil: undefined }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 0, max: 30 }),
    )
    .map(([...all]) => page(...all)),
  fc.constant(totals),
];

t.test('any sequence of requests does what the model says', async (t) => {
  const server = await startServer({ args: ['--grace', '100ms'] });
  const api = new Client(server);
  const model = new Model();
  await fc.assert(
    fc.asyncProperty(fc.commands(commands, { size: '+1', maxCommands: 40 }), (some) =>
      fc.asyncModelRun(() => ({ model, real: api }), some),
    ),
    // The model goes on from run to run, so a shorter sequence would not fail for the same reason.
    { numRuns: 25, endOnFailure: true },
  );
  await totals.run(model, api);
  t.ok(model.jobs.length > 20, `${model.jobs.length} jobs were made`);

  await t.test('after a kill all that does not run is as it was', async (t) => {
    // What was running starts again carefully, a few at a time; two are enough to see that.
    for (const job of model.counts('running').slice(2))
      await cancel(model.jobs.indexOf(job) / model.jobs.length, true).run(model, api);
    await server.kill();
    await server.restart();
    for (const job of model.jobs.filter(({ status }) => status !== 'running')) {
      const { id, name, status, max_retries, payload } = await api.job(job.id);
      same({ id, name, status, maxRetries: max_retries, payload }, job, 'a job');
    }
    for (const { id } of model.counts('running')) await api.until(id, 'running', 30_000);
    await totals.run(model, api);
    t.pass();
  });
  await server.kill();
});
