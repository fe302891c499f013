/** Attempts: retries and their delays, failures and their causes, results, timeouts, concurrency. */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Client } from '../support/client.js';
import { startServer, temporary } from '../support/server.js';
import { Subscriber } from '../support/ws.js';
import { at, INSTANT } from './forms.js';

t.setTimeout(90_000);
const folder = temporary('notes');
const server = await startServer({
  args: ['--grace', '300ms'],
  handlers: {
    context: `export default async (payload, ctx) => ({
      jobId: ctx.jobId, name: ctx.name, attempt: ctx.attempt, scheduledFor: new Date(ctx.scheduledFor).getTime(), now: Date.now(), aborted: ctx.signal.aborted, log: typeof ctx.log })`,
    gate: `import { existsSync } from 'node:fs'
      export default async ({ file }) => { if (!existsSync(file)) throw new Error('closed'); return 'open' }`,
    throws: `export default async ({ what }) => {
      if (what === 'undefined') throw undefined
      if (what === 'string') throw 'just text'
      if (what === 'symbol') throw Symbol('x')
      if (what === 'null') throw null
      if (what === 'object') throw { message: 'an object', retryable: false }
      if (what === 'range') throw new RangeError('too far')
      if (what === 'sync') return Promise.reject(new TypeError('rejected')) }`,
    odd: `export default async ({ what }) => {
      const cyclic = {}; cyclic.self = cyclic
      return { cyclic, function: () => 1, bigint: 10n, symbol: Symbol('x') }[what] }`,
    values: `export default async ({ what }) => ({ null: null, zero: 0, empty: '', no: false, list: [1, 'a'], text: 'é' })[what]`,
    pair: `import { appendFileSync } from 'node:fs'
      export const options = { concurrency: 2 }
      export default async ({ file }) => {
        appendFileSync(file, 'begin\\n'); await new Promise(done => setTimeout(done, 60)); appendFileSync(file, 'end\\n') }`,
  },
});
const api = new Client(server);
const feed = await Subscriber.to(server);
const run = (name: string, payload: Record<string, unknown> = {}, more: Record<string, unknown> = {}) =>
  api.create({ name, delay: '0s', payload, ...more });

/** The delays that the server granted, and that none of the attempts was early. */
async function retryDelays(t: Tap, id: string, retries: number): Promise<number[]> {
  await feed.event(id, 'job.failed', retries + 1);
  const events = feed.events(id);
  const delays: number[] = [];
  events.forEach((event, i) => {
    if (event.type !== 'job.retrying') return;
    const due = at(String(event.metadata.next_retry_at));
    delays.push(due - at(events[i - 1]!.timestamp));
    t.ok(at(events[i + 1]!.timestamp) >= due, 'the retry is not early');
  });
  return delays;
}
type Tap = { ok(value: unknown, message: string): boolean };

t.test('retries come retry_delay × 2^(n-1) after the failure', async (t) => {
  const job = await run('fail', { message: 'x' }, { max_retries: 4, retry_delay: '40ms' });
  const delays = await retryDelays(t, job.id, 4);
  t.equal(delays.length, 4);
  delays.forEach((delay, i) => t.ok(Math.abs(delay - 40 * 2 ** i) <= 1, `${delay} for ${40 * 2 ** i}`));
});

t.test('with backoff fixed, retry_delay after the failure', async (t) => {
  const job = await run('fail', { message: 'x' }, { max_retries: 4, retry_delay: '40ms', backoff: 'fixed' });
  const delays = await retryDelays(t, job.id, 4);
  t.equal(delays.length, 4);
  for (const delay of delays) t.ok(Math.abs(delay - 40) <= 1, String(delay));
});

t.test('a job that waits for its retry says when, and why', async (t) => {
  const { id } = await run('fail', { message: 'card declined' }, { retry_delay: '1h' });
  await feed.event(id, 'job.retrying');
  const job = await api.job(id);
  t.match(job, {
    status: 'pending',
    retry_count: 1,
    next_run_in: '1h0m0s',
    started_at: INSTANT,
    finished_at: INSTANT,
    last_error: { message: 'card declined', code: 'handler_error' },
  });
  t.equal(at(job.trigger_at) - at(job.finished_at), 3_600_000, 'exactly after the failure');
  const retrying = await feed.event(id, 'job.retrying');
  t.equal(retrying.metadata.next_retry_at, job.trigger_at);
});

t.test('the bound of 24 hours does not shorten retry_delay', async (t) => {
  const { id } = await run('fail', { message: 'x' }, { retry_delay: '60h' });
  await feed.event(id, 'job.retrying');
  const job = await api.job(id);
  t.equal(at(job.trigger_at) - at(job.finished_at), 60 * 3_600_000);
});

t.test('retry_delay 0s retries at once', async (t) => {
  const { id } = await run('fail', { message: 'x' }, { retry_delay: '0s', max_retries: 3 });
  t.match(await api.until(id, 'failed'), { retry_count: 3 });
});

t.test('max_retries 0: the first failure is final', async (t) => {
  const { id } = await run('fail', { message: 'x' }, { max_retries: 0 });
  await api.until(id, 'failed');
  await feed.event(id, 'job.failed');
  t.same(feed.types(id), ['job.scheduled', 'job.started', 'job.failed']);
});

t.test('an error whose retryable is false ends the retries', async (t) => {
  const { id } = await run(
    'fail',
    { message: 'no such card', retryable: false },
    { max_retries: 5, retry_delay: '10ms' },
  );
  t.match(await api.until(id, 'failed'), {
    retry_count: 0,
    last_error: { message: 'no such card', code: 'handler_error' },
  });
  t.match(await feed.event(id, 'job.failed'), { metadata: { final: true, retry_count: 0, max_retries: 5 } });
  t.same(feed.types(id), ['job.scheduled', 'job.started', 'job.failed']);
});

t.test('a handler’s options rule where the request says nothing', async (t) => {
  const { id } = await run('throws', { what: 'range' }, { max_retries: 1, retry_delay: '10ms' });
  t.match(await api.until(id, 'failed'), { retry_count: 1, last_error: { name: 'RangeError', message: 'too far' } });
});

t.test('whatever is thrown is a failure with a normal record', async (t) => {
  for (const what of ['undefined', 'string', 'symbol', 'null', 'object', 'sync']) {
    const { id } = await run('throws', { what }, { max_retries: 0 });
    const job = await api.until(id, 'failed');
    t.match(job.last_error, { name: String, message: String, code: 'handler_error', at: INSTANT }, what);
    t.type((await feed.event(id, 'job.failed')).data!.error, 'string');
    t.notMatch(JSON.stringify(job), /\.mjs|node_modules|\bat /, 'without its stack');
  }
});

t.test('the last error is kept, also after a success', async (t) => {
  const { id } = await run('fail', { message: 'once', times: 1 }, { retry_delay: '10ms' });
  const job = await api.until(id, 'success');
  t.match(job, { retry_count: 1, last_error: { message: 'once', code: 'handler_error' } });
  t.ok(at(job.last_error!.at) <= at(job.finished_at));
});

t.test('a manual retry can succeed', async (t) => {
  const file = join(folder, 'gate');
  const { id } = await run('gate', { file }, { max_retries: 0 });
  await api.until(id, 'failed');
  writeFileSync(file, '');
  t.equal((await api.post(`/jobs/${id}/retry`)).status, 200);
  t.match(await api.until(id, 'success'), { result: 'open', retry_count: 0, last_error: { message: 'closed' } });
});

t.test('a handler is told of its job', async (t) => {
  const created = await api.create({ name: 'context', delay: '30ms' });
  const { result } = await api.until(created.id, 'success');
  const { now, ...rest } = result as { now: number };
  t.match(rest, {
    jobId: created.id,
    name: 'context',
    attempt: 1,
    scheduledFor: at(created.trigger_at),
    aborted: false,
  });
  t.ok(now >= at(created.trigger_at), 'and is not called early');
});

t.test('no handler is ever called early', async (t) => {
  const jobs = await Promise.all(
    Array.from({ length: 100 }, (_, i) => api.create({ name: 'context', delay: `${i}ms` })),
  );
  for (const { id, trigger_at } of jobs) {
    const { result } = await api.until(id, 'success');
    if ((result as { now: number }).now < at(trigger_at)) t.fail(`${id} was early`);
  }
});

t.test('a timeout is a failure with its code', async (t) => {
  const { id } = await run('sleep', { ms: 60_000 }, { timeout: '80ms', max_retries: 0 });
  const job = await api.until(id, 'failed');
  t.match(job.last_error, { name: String, message: String, code: 'timeout' });
  t.ok(at(job.finished_at) - at(job.started_at) >= 78);
});

t.test('a timeout is retried as any failure', async (t) => {
  const { id } = await run('sleep', { ms: 60_000 }, { timeout: '40ms', max_retries: 1, retry_delay: '10ms' });
  t.match(await api.until(id, 'failed'), { retry_count: 1, last_error: { code: 'timeout' } });
  await feed.event(id, 'job.failed', 2);
  t.equal(feed.types(id).filter((type) => type === 'job.started').length, 2);
});

t.test('a timeout ends a handler that ignores its signal, or never yields', async (t) => {
  const beside = await run('sleep', { ms: 300 });
  const jobs = [
    await run('stubborn', { ms: 60_000 }, { timeout: '80ms', max_retries: 0 }),
    await run('spin', {}, { timeout: '80ms', max_retries: 0 }),
  ];
  for (const { id } of jobs) t.match(await api.until(id, 'failed'), { last_error: { code: 'timeout' } });
  t.match(await api.until(beside.id, 'success'), { retry_count: 0 }, 'nobody else is charged');
  const next = await run('noop');
  t.equal((await api.until(next.id, 'success')).status, 'success', 'and there is a thread for the next');
});

t.test('a handler that ends its thread fails with worker_lost', async (t) => {
  for (const code of [0, 3]) {
    const { id } = await run('exit', { code }, { max_retries: 0 });
    t.match(await api.until(id, 'failed'), { last_error: { code: 'worker_lost' } });
  }
});

t.test('a result is kept as JSON', async (t) => {
  for (const [what, value] of [
    ['null', null],
    ['zero', 0],
    ['empty', ''],
    ['no', false],
    ['list', [1, 'a']],
    ['text', 'é'],
  ] as const) {
    const { id } = await run('values', { what });
    const job = await api.until(id, 'success');
    t.same(job.result, value, what);
    t.notOk('result_omitted' in job);
  }
});

t.test('a result may have 64 KiB and not a byte more', async (t) => {
  const sized = (bytes: number) => ({ s: 'x'.repeat(bytes - '{"s":""}'.length) });
  const fits = await run('echo', sized(65_536));
  t.same((await api.until(fits.id, 'success')).result, sized(65_536));
  const larger = await run('echo', sized(65_537));
  const job = await api.until(larger.id, 'success');
  t.notOk('result' in job);
  t.type(job.result_omitted, 'string');
});

t.test('a result that is not JSON is left out, and the job succeeds', async (t) => {
  for (const what of ['cyclic', 'function', 'bigint', 'symbol']) {
    const { id } = await run('odd', { what });
    const job = await api.until(id, 'success');
    t.notOk('result' in job, what);
    t.type(job.result_omitted, 'string', what);
  }
});

t.test('no more attempts of a type at once than its concurrency', async (t) => {
  const file = join(folder, 'pair');
  appendFileSync(file, '');
  const jobs = await Promise.all(Array.from({ length: 8 }, () => run('pair', { file })));
  for (const { id } of jobs) await api.until(id, 'success');
  let now = 0;
  let most = 0;
  for (const line of readFileSync(file, 'utf8').trim().split('\n'))
    most = Math.max(most, (now += line === 'begin' ? 1 : -1));
  t.equal(most, 2);
  t.equal(now, 0);
});

t.test('a type that is at its concurrency does not hold up the others', async (t) => {
  const slow = await Promise.all(Array.from({ length: 4 }, () => run('pair', { file: join(folder, 'slow') })));
  const other = await run('noop');
  await feed.event(other.id, 'job.completed');
  t.notOk(feed.types(slow[3]!.id).includes('job.completed'), 'it is through before them');
  for (const { id } of slow) await api.until(id, 'success');
  t.ok(existsSync(join(folder, 'slow')));
});
