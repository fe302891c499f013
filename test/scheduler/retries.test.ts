/** After a failure: retries, each when it should come; after the last, the job is failed until somebody asks again. */
import t from 'tap';
import { anyHandler, World } from '../support/world.js';
import { after, cancel, hour, make, minute, retry, running, second, state, told, update } from './worlds.js';

t.test('retries come exactly after each failure, doubling, and are counted', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 3, retryDelayMs: minute });
  const waits: number[] = [];
  for (let failed = 0; failed < 4; failed++) {
    t.match(world.pool.attempts.get(seq), { attempt: failed + 1, fence: failed + 1 });
    world.pass(77);
    const at = world.clock.now();
    world.end(seq, { kind: 'failed' });
    const { status, due } = state(world, seq);
    if (status === 'failed') break;
    waits.push((due - at) / minute);
    world.pass(due - at - 1);
    t.same(running(world), []);
    world.pass(1);
  }
  t.same(waits, [1, 2, 4]);
  t.match(state(world, seq), { status: 'failed', retryCount: 3 });
  world.pass(hour);
  t.same(running(world), []);
  t.same(told(world), ['scheduled', ...Array(3).fill(['started', 'failed', 'retrying']).flat(), 'started', 'failed']);
  t.match(world.memtable.detail(seq).lastError, { name: 'Error', message: 'no', code: 'handler_error' });
});

t.test('max_retries 0: the first failure is final', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 0 });
  world.end(seq, { kind: 'failed' });
  t.equal(state(world, seq).status, 'failed');
  t.same(told(world), ['scheduled', 'started', 'failed']);
});

t.test('a failure that refuses retries is final', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 3 });
  world.end(seq, { kind: 'failed', retryable: false });
  t.equal(state(world, seq).status, 'failed');
});

t.test('what a request leaves open is the handler’s, else the product’s', async (t) => {
  const world = new World({ handlers: [anyHandler('own', { maxRetries: 7, retryDelayMs: 5, timeoutMs: 9 })] });
  const spec = (seq: number) => world.memtable.spec(seq);
  t.match(spec(make(world, { name: 'own', trigger: after(hour) })), {
    maxRetries: 7,
    retryDelayMs: 5,
    timeoutMs: 9,
    backoff: 'exponential',
    misfire: 'run_once',
  });
  t.match(spec(make(world, { name: 'other', trigger: after(hour) })), {
    maxRetries: 3,
    retryDelayMs: minute,
    timeoutMs: 5 * minute,
  });
  const asked = { maxRetries: 0, retryDelayMs: 0, timeoutMs: 1, backoff: 'fixed', misfire: 'skip' } as const;
  t.match(spec(make(world, { name: 'own', trigger: after(hour), ...asked })), asked);
});

t.test('a retry survives a crash, with its time and its count', async (t) => {
  let world = new World();
  const seq = make(world, { maxRetries: 2 });
  world.end(seq, { kind: 'failed' });
  const before = state(world, seq);
  world = world.crash();
  t.same(state(world, seq), before);
  world.pass(minute);
  t.match(world.pool.attempts.get(seq), { attempt: 2, fence: 2, alone: false });
});

t.test('a pending retry can be updated, moved and cancelled', async (t) => {
  const world = new World();
  const [kept, moved, ended] = [1, 2, 3].map(() => make(world, { maxRetries: 2 })) as [number, number, number];
  for (const seq of [kept, moved, ended]) world.end(seq, { kind: 'failed' });
  const { due } = state(world, kept);
  update(world, kept, { payload: '{"n":2}', maxRetries: 1 });
  t.match(state(world, kept), { status: 'pending', due, retryCount: 1 });
  update(world, moved, { trigger: after(second) });
  cancel(world, ended);
  world.pass(second);
  t.same(running(world), [moved]);
  t.match(world.pool.attempts.get(moved), { attempt: 2 }, 'it keeps the retries it was granted');
  world.pass(minute);
  t.same(running(world), [moved, kept], 'each once');
  t.match(world.pool.attempts.get(kept), { payload: '{"n":2}', attempt: 2 });
  world.end(kept, { kind: 'failed' });
  t.equal(state(world, kept).status, 'failed', 'by its new number of retries');
});

t.test('a failed job that is retried begins anew, due now', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 1, retryDelayMs: 0 });
  for (let i = 0; i < 2; i++) world.end(seq, { kind: 'failed' });
  t.equal(state(world, seq).status, 'failed');
  world.pass(hour);
  t.match(retry(world, seq), {
    ok: true,
    jobs: [{ state: { status: 'pending', retryCount: 0, due: world.clock.now() } }],
  });
  t.match(world.pool.attempts.get(seq), { attempt: 1, fence: 3 });
  world.end(seq);
  t.equal(state(world, seq).status, 'success');
  t.ok(world.memtable.detail(seq).lastError, 'the last error is kept');
  const retried = world.events.find(({ body }) => body.type === 'job.retrying' && body.cause === 'manual');
  t.match(retried?.body, { retryCount: 0 });
});

t.test('only a failed job can be retried', async (t) => {
  const world = new World();
  const [waiting, busy, done, cancelled] = [
    make(world, { trigger: after(hour) }),
    make(world),
    make(world),
    make(world, { trigger: after(hour) }),
  ] as [number, number, number, number];
  world.end(done);
  cancel(world, cancelled);
  for (const [seq, status] of [
    [waiting, 'pending'],
    [busy, 'running'],
    [done, 'success'],
    [cancelled, 'cancelled'],
  ] as const) {
    const answer = retry(world, seq);
    t.match(answer, {
      ok: false,
      refusal: { code: 'conflict', detail: new RegExp(`is ${status}; only a failed job can be retried`) },
    });
  }
});

t.test('only a pending job can be updated', async (t) => {
  const world = new World();
  const [busy, done] = [make(world), make(world)] as [number, number];
  world.end(done);
  for (const seq of [busy, done])
    t.match(update(world, seq, { payload: '{}' }), { ok: false, refusal: { code: 'conflict' } });
});

t.test('what was taken back before it began runs again at once and was not an attempt', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 0 });
  world.end(seq, { kind: 'interrupted', begun: false });
  t.match(world.pool.attempts.get(seq), { attempt: 1, fence: 2, alone: false });
  for (let i = 0; i < 10; i++) world.end(seq, { kind: 'interrupted', begun: false });
  t.match(world.pool.attempts.get(seq), { attempt: 1 });
  world.end(seq);
  t.equal(state(world, seq).status, 'success');
});

t.test('what ended its thread, or may have done, runs alone until it ends by itself', async (t) => {
  const world = new World();
  const seq = make(world, { retryDelayMs: second, backoff: 'fixed' });
  const isAlone = () => world.pool.attempts.get(seq)?.alone;
  t.equal(isAlone(), false);
  world.end(seq, { kind: 'interrupted', begun: true, suspect: true });
  t.equal(isAlone(), true);
  world.end(seq, { kind: 'interrupted', begun: false });
  t.equal(isAlone(), true, 'it was not put to the test');
  world.end(seq, { kind: 'failed', code: 'worker_lost', suspect: true });
  world.pass(second);
  t.equal(isAlone(), true, 'a retry would end the thread of others again');
  world.end(seq, { kind: 'failed' });
  world.pass(second);
  t.equal(isAlone(), false);
});

t.test('an attempt that is interrupted for the third time in a row is a failure', async (t) => {
  const world = new World();
  const seq = make(world, { maxRetries: 1, retryDelayMs: second });
  for (let cut = 1; cut <= 2; cut++) {
    world.end(seq, { kind: 'interrupted', begun: true });
    t.match(state(world, seq), { status: 'running', interruptions: cut, retryCount: 0 });
    t.equal(world.pool.attempts.get(seq)?.alone, false);
  }
  world.end(seq, { kind: 'interrupted', begun: true });
  t.match(state(world, seq), { status: 'pending', interruptions: 0, retryCount: 1 });
  t.match(world.memtable.detail(seq).lastError, { code: 'worker_lost' });
  world.pass(second);
  world.end(seq);
  t.equal(state(world, seq).status, 'success');
});
