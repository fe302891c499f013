/** Cancelling against completing: whichever is decided first wins, and the other is refused or dropped. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, cancel, hour, id, make, running, second, send, state, told } from './worlds.js';

t.test('a pending job that is cancelled does not run', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second) });
  t.match(cancel(world, seq), { ok: true, jobs: [{ state: { status: 'cancelled', finishedAt: world.clock.now() } }] });
  world.pass(hour);
  t.same(running(world), []);
  t.same(told(world), ['scheduled', 'cancelled']);
  t.match(world.queries.totals(), { cancelled: 1, pending: 0 });
});

t.test('cancelled again: the same answer, nothing changes', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second) });
  const first = cancel(world, seq);
  world.pass(10);
  const again = cancel(world, seq);
  t.same(again, first);
  t.equal(world.queries.totals().cancelled, 1);
  t.same(told(world), ['scheduled', 'cancelled']);
});

t.test(
  'a running job is cancelled at once, its signal fires when that is on disk, its outcome is dropped',
  async (t) => {
    const world = new World();
    const seq = make(world);
    const answers = send(world, { kind: 'cancel', id: id(world, seq) });
    world.scheduler.turn();
    t.same(world.pool.aborted, [], 'a crash now would bring it back: the handler must not know yet');
    world.store.step();
    t.same(world.pool.aborted, [seq]);
    t.match(answers, [{ ok: true, jobs: [{ state: { status: 'cancelled' } }] }]);
    world.end(seq, { kind: 'failed' });
    t.match(state(world, seq), { status: 'cancelled' });
    t.equal(world.memtable.detail(seq).lastError, undefined);
    t.match(world.queries.totals(), { cancelled: 1, failed: 0 });
    t.same(told(world), ['scheduled', 'started', 'cancelled']);
  },
);

t.test('the place of a cancelled attempt is free when it has ended, not before', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const first = make(world);
  const next = make(world);
  cancel(world, first);
  t.same(running(world), [first]);
  world.end(first);
  t.same(running(world), [next]);
});

t.test('a completion before the cancellation wins, though neither is on disk', async (t) => {
  const world = new World();
  const seq = make(world);
  const { fence } = world.pool.attempts.get(seq)!;
  world.pool.attempts.delete(seq);
  world.scheduler.outcomes([{ kind: 'succeeded', jobSeq: seq, fence, durationMs: 1 }]);
  t.match(cancel(world, seq), { ok: false, refusal: { code: 'conflict', detail: /is success/ } });
  t.equal(state(world, seq).status, 'success');
});

t.test('a cancellation before the completion wins, though neither is on disk', async (t) => {
  const world = new World();
  const seq = make(world);
  const { fence } = world.pool.attempts.get(seq)!;
  const answers = send(world, { kind: 'cancel', id: id(world, seq) });
  world.scheduler.turn();
  world.pool.attempts.delete(seq);
  world.scheduler.outcomes([{ kind: 'succeeded', jobSeq: seq, fence, durationMs: 1, result: '1' }]);
  world.settle();
  t.match(answers, [{ ok: true }]);
  t.equal(state(world, seq).status, 'cancelled');
  t.same(world.memtable.detail(seq), {});
  t.equal(world.crash().queries.totals().completed, 0);
});

t.test('a finished job cannot be cancelled', async (t) => {
  const world = new World();
  const [done, failed] = [make(world), make(world, { maxRetries: 0 })] as [number, number];
  world.end(done);
  world.end(failed, { kind: 'failed' });
  t.match(cancel(world, done), {
    ok: false,
    refusal: { code: 'conflict', detail: /is success; a finished job cannot be cancelled/ },
  });
  t.match(cancel(world, failed), { ok: false, refusal: { code: 'conflict', detail: /is failed/ } });
});

t.test('an outcome of an earlier fence, or of nothing at all, changes nothing', async (t) => {
  const world = new World();
  const seq = make(world, { retryDelayMs: 0 });
  world.end(seq, { kind: 'failed' });
  const position = world.jobs.position;
  t.match(state(world, seq), { status: 'running', fence: 2 });
  for (const [jobSeq, fence] of [
    [seq, 1],
    [seq, 3],
    [seq, 0],
    [99, 1],
  ] as const) {
    world.scheduler.outcomes([{ kind: 'succeeded', jobSeq, fence, durationMs: 1 }]);
  }
  world.settle();
  t.match(state(world, seq), { status: 'running', fence: 2 });
  t.equal(world.jobs.position, position);
  t.equal(world.scheduler.runningAttempts, 1);
  world.end(seq);
  world.scheduler.outcomes([
    { kind: 'failed', jobSeq: seq, fence: 2, durationMs: 1, name: 'E', message: '', code: 'timeout', retryable: true },
  ]);
  world.settle();
  t.equal(state(world, seq).status, 'success', 'the first outcome of a fence is the one');
  t.equal(world.queries.totals().failed, 0);
});

t.test('a job that was cancelled and is due in the same turn does not start', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second) });
  send(world, { kind: 'cancel', id: id(world, seq) });
  world.clock.advance(second);
  world.scheduler.turn();
  world.settle();
  t.same(running(world), []);
});

t.test('a job that waits for a thread can be cancelled', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const first = make(world);
  const waiting = make(world);
  cancel(world, waiting);
  world.end(first);
  t.same(running(world), []);
});

t.test('a cancellation survives a crash, with the attempt that was running', async (t) => {
  const world = new World();
  const seq = make(world);
  cancel(world, seq);
  const next = world.crash();
  next.settle();
  t.equal(state(next, seq).status, 'cancelled');
  t.same(running(next), []);
});

t.test('an id of no job is not found, whatever is asked', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(hour) });
  for (const wrong of ['', 'job_1_00000000', 'nonsense', id(world, seq).replace(/_\d+_/, '_1_')]) {
    for (const kind of ['cancel', 'retry'] as const)
      t.match(world.ask({ kind, id: wrong }), { ok: false, refusal: { code: 'not_found' } });
    t.match(world.ask({ kind: 'update', id: wrong, patch: { payload: '{}' } }), {
      ok: false,
      refusal: { code: 'not_found' },
    });
  }
});
