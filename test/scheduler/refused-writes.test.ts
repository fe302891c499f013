/** A disk that takes no writes: requests are refused and leave nothing, facts are kept, nothing new starts, and it resumes. */
import t from 'tap';
import { ClaimedElsewhere } from '../../src/store/port.js';
import { DiskBroken, DiskFull, KeyClaimed, World } from '../support/world.js';
import {
  after,
  cancel,
  draftOf,
  fillDisk,
  hour,
  id,
  make,
  retry,
  running,
  second,
  send,
  state,
  told,
  update,
} from './worlds.js';

t.test('a request whose write is refused leaves nothing behind', async (t) => {
  const world = new World();
  make(world, { trigger: after(hour) });
  const free = fillDisk(world);
  const answer = world.ask({ kind: 'create', draft: draftOf({ payload: '{"refused":true}' }) });
  t.match(answer, { ok: false, refusal: { code: 'storage_unavailable' } });
  free();
  world.pass(1000);
  t.equal(make(world, { trigger: after(hour), payload: '{"kept":true}' }), 2, 'its key is free again');
  const after_ = world.crash();
  t.same(
    after_.queries.list({ limit: 9, offset: 0 }).jobs.map(({ spec }) => spec.payload),
    ['{"kept":true}', '{}'],
  );
  t.same(
    after_.queries.eventsAfter(0, 9).events.map(({ seq }) => seq),
    [1, 2],
    'and so are its events',
  );
});

t.test('many jobs in one request are there all or not at all', async (t) => {
  const world = new World();
  let puts = 0;
  // Too much for the journal: all goes to the trees at once.
  const payload = JSON.stringify({ text: 'x'.repeat(5000) });
  world.kv.beforeWrite = (what) => {
    if (what === 'put' && ++puts > 5) throw new DiskFull();
  };
  t.match(world.ask({ kind: 'createMany', drafts: Array.from({ length: 20 }, () => draftOf({ payload })) }), {
    ok: false,
    refusal: { code: 'storage_unavailable' },
  });
  world.kv.beforeWrite = () => {};
  t.equal(world.queries.totals().pending, 0);
  t.equal(world.crash().queries.list({ limit: 1, offset: 0 }).total, 0);
});

t.test('a change that is refused has not happened: update, cancel, retry', async (t) => {
  const world = new World();
  const waiting = make(world, { trigger: after(hour) });
  const failed = make(world, { maxRetries: 0 });
  world.end(failed, { kind: 'failed' });
  const asked = [
    () => update(world, waiting, { payload: '{"new":1}', trigger: after(0) }),
    () => cancel(world, waiting),
    () => retry(world, failed),
  ];
  for (const ask of asked) {
    const free = fillDisk(world);
    t.match(ask(), { ok: false, refusal: { code: 'storage_unavailable' } });
    free();
    world.pass(1000);
    t.match(world.memtable.job(waiting), { spec: { payload: '{}' }, state: { status: 'pending' } });
    t.equal(state(world, failed).status, 'failed');
  }
  t.same(running(world), []);
  for (const ask of asked) t.match(ask(), { ok: true }, 'now it can');
});

t.test('while writes are refused, requests are turned away at once and nothing is dispatched', async (t) => {
  const world = new World();
  make(world, { trigger: after(5 * second) });
  const free = fillDisk(world);
  world.ask({ kind: 'create', draft: draftOf() });
  t.equal(world.scheduler.mode.name, 'blocked');
  t.match(send(world, { kind: 'create', draft: draftOf() }), [{ ok: false, refusal: { code: 'storage_unavailable' } }]);
  world.pass(20 * second);
  t.same(running(world), []);
  t.equal(world.scheduler.mode.name, 'blocked');
  t.match(world.scheduler.refusing(), { code: 'storage_unavailable' });
  free();
  world.pass(250);
  t.equal(world.scheduler.mode.name, 'open', 'it found out by itself');
  t.equal(world.scheduler.refusing(), undefined);
  t.equal(running(world).length, 1);
  t.same(world.logged, [
    'error: no change can be stored: nothing is accepted or started until it can',
    'info: changes can be stored again',
  ]);
});

t.test('what ends meanwhile is kept and written when there is room, as of the instant it happened', async (t) => {
  const world = new World();
  const seqs = Array.from({ length: 4 }, () => make(world, { maxRetries: 1 })) as [number, number, number, number];
  const free = fillDisk(world);
  const at = world.clock.now() + 100;
  world.clock.advance(100);
  world.end(seqs[0], { kind: 'succeeded', result: '{"r":1}' });
  world.end(seqs[1], { kind: 'failed', retryable: false });
  world.pass(3000);
  world.end(seqs[2], { kind: 'failed' });
  world.pass(7000);
  t.same(
    seqs.map((seq) => state(world, seq).status),
    ['running', 'running', 'running', 'running'],
    'on disk nothing has happened',
  );
  free();
  world.pass(250);
  t.same(
    seqs.map((seq) => state(world, seq).status),
    ['success', 'failed', 'pending', 'running'],
  );
  t.same(
    [0, 1].map((i) => state(world, seqs[i] as number).finishedAt),
    [at, at],
  );
  t.equal(state(world, seqs[2]).due, at + 3000 + 60 * second, 'the retry counts from the failure');
  t.same(world.memtable.detail(seqs[0]), { result: '{"r":1}' });
  t.same(running(world), [seqs[3]], 'nothing finished runs again');
  t.same(told(world, seqs[0]), ['scheduled', 'started', 'completed']);
  t.same(
    world.events.map(({ seq }) => seq),
    world.events.map((_, i) => i + 1),
  );
  const again = world.crash();
  t.equal(again.queries.totals().completed, 1);
  t.equal(state(again, seqs[0]).status, 'success');
});

t.test('an attempt whose start could not be written is not started a second time', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(10) });
  const fences: number[] = [];
  world.pool.onDispatch = ({ fence }) => void fences.push(fence);
  const free = fillDisk(world);
  world.clock.advance(10);
  world.settle();
  t.same(running(world), [seq]);
  world.pass(1000);
  world.end(seq);
  world.pass(1000);
  free();
  world.pass(250);
  t.same(fences, [1]);
  t.match(state(world, seq), { status: 'success', fence: 1, startedAt: world.clock.now() - 2250 });
  t.same(told(world, seq), ['scheduled', 'started', 'completed']);
});

t.test('a cancellation that is refused does not fire the signal, and the outcome counts', async (t) => {
  const world = new World();
  const seq = make(world);
  const free = fillDisk(world);
  t.match(cancel(world, seq), { ok: false });
  t.same(world.pool.aborted, []);
  world.end(seq);
  free();
  world.pass(250);
  t.equal(state(world, seq).status, 'success');
});

t.test('what was decided on top of a refused batch falls with it', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(hour) });
  const jobId = id(world, seq);
  let refuse = true;
  world.kv.beforeWrite = () => {
    if (refuse) throw new DiskFull();
  };
  const first = send(world, { kind: 'update', id: jobId, patch: { payload: '{"n":1}' } });
  world.scheduler.turn();
  const second_ = send(world, { kind: 'cancel', id: jobId });
  world.scheduler.turn();
  world.store.step();
  refuse = false;
  t.match(
    [...first, ...second_],
    [
      { ok: false, refusal: { code: 'storage_unavailable' } },
      { ok: false, refusal: { code: 'storage_unavailable' } },
    ],
  );
  world.pass(250);
  t.match(world.memtable.job(seq), { spec: { payload: '{}' }, state: { status: 'pending' } });
  t.match(world.queries.totals(), { pending: 1, cancelled: 0 });
});

t.test('jobs that came due or were made during the refusal run when it ends', async (t) => {
  const world = new World();
  const seqs = [100, 200, 300].map((delayMs) => make(world, { trigger: after(delayMs) }));
  const free = fillDisk(world);
  world.pass(50);
  send(world, { kind: 'create', draft: draftOf() });
  world.settle();
  world.pass(5000);
  t.same(running(world), []);
  free();
  world.pass(250);
  t.same(running(world), seqs);
});

t.test('a repeating job that comes due during the refusal is late, not missed', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second), isRepeat: true, misfire: 'skip' });
  const free = fillDisk(world);
  world.ask({ kind: 'create', draft: draftOf() });
  world.pass(5500);
  free();
  world.pass(250);
  t.match(state(world, seq), { status: 'running', missed: 0 });
  t.equal(world.pool.attempts.get(seq)?.scheduledFor, state(world, seq).due, 'the first of them');
  world.end(seq);
  t.match(state(world, seq), { status: 'pending', missed: 0, skipped: 4 });
});

t.test('what was running when the process ended is taken up although the disk is full at the start', async (t) => {
  const world = new World();
  const seq = make(world);
  const next = world.crash();
  const free = fillDisk(next);
  next.pass(5000);
  t.notOk(next.scheduler.recovered);
  t.equal(state(next, seq).status, 'running', 'on disk nothing has happened');
  t.same(running(next), []);
  free();
  next.pass(250);
  t.ok(next.scheduler.recovered);
  t.same(running(next), [seq]);
  t.match(state(next, seq), { status: 'running', fence: 2, interruptions: 1 }, 'interrupted once, not once a try');
  t.same(told(next, seq), ['retrying', 'started']);
});

t.test('a merge that meets a full disk goes on when there is room', async (t) => {
  const world = new World({ mergeRows: 5 });
  for (let i = 0; i < 4; i++) make(world, { trigger: after(hour) });
  let merging = false;
  world.kv.beforeWrite = () => {
    if (world.store.engine.merging) {
      merging = true;
      throw new DiskFull();
    }
  };
  make(world, { trigger: after(hour) });
  t.ok(merging);
  t.ok(world.memtable.merging);
  world.kv.beforeWrite = () => {};
  world.settle();
  t.notOk(world.memtable.merging);
  t.equal(world.crash().queries.totals().pending, 5);
});

t.test('a broken disk ends the server', async (t) => {
  const world = new World();
  world.kv.beforeWrite = () => {
    throw new DiskBroken('EIO');
  };
  const answers = send(world, { kind: 'create', draft: draftOf() });
  world.settle();
  t.same(answers, [], 'nothing is acknowledged');
  t.same(world.fatal, ['EIO']);
});

t.test('a job whose change was refused while it came due is found again after a restart', async (t) => {
  for (const kind of ['update', 'cancel'] as const) {
    const world = new World({ mergeRows: 3 });
    const job = make(world, { trigger: after(60 * second) });
    make(world, { trigger: after(1000 * hour) });
    make(world, { trigger: after(1000 * hour) });
    world.pass(59 * second);
    const drafts = Array.from({ length: 5 }, () => draftOf({ trigger: after(1000 * hour) }));
    send(world, { kind: 'createMany', drafts });
    world.scheduler.turn();
    // While that batch is written the job is changed and comes due; the commit lets a merge begin.
    const answers = send(
      world,
      kind === 'update' ? { kind, id: id(world, job), patch: { trigger: after(hour) } } : { kind, id: id(world, job) },
    );
    world.clock.advance(second);
    world.store.step();
    const free = fillDisk(world);
    world.store.step();
    world.store.step();
    t.match(answers, [{ ok: false, refusal: { code: 'storage_unavailable' } }]);
    free();
    while (world.store.stepMerge());
    const restarted = world.crash();
    restarted.pass(hour);
    t.same(running(restarted), [job], kind);
  }
});

t.test('an attempt never runs with an update that the disk refuses', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const first = make(world);
  const second_ = make(world, { payload: '{"amount":1}' });
  const free = fillDisk(world);
  const answers = send(world, {
    kind: 'update',
    id: id(world, second_),
    patch: { payload: '{"amount":1000000}', timeoutMs: 1 },
  });
  world.end(first);
  t.match(answers, [{ ok: false, refusal: { code: 'storage_unavailable' } }]);
  t.same(running(world), []);
  free();
  world.pass(second);
  t.match(world.pool.attempts.get(second_), { payload: '{"amount":1}', timeoutMs: 300_000 });
});

t.test('one that waits for a thread runs with the update once that is on disk', async (t) => {
  const world = new World({ poolCapacity: 1 });
  const first = make(world);
  const waiting = make(world, { payload: '{"amount":1}' });
  send(world, { kind: 'update', id: id(world, waiting), patch: { payload: '{"amount":2}' } });
  world.end(first);
  t.match(world.pool.attempts.get(waiting), { payload: '{"amount":2}' });
});

t.test('a disk that stays full gathers nothing with every try', async (t) => {
  const world = new World({ poolCapacity: 50 });
  const repeating = Array.from({ length: 50 }, () => make(world, { isRepeat: true, trigger: after(10 * second) }));
  world.pass(10 * second);
  const free = fillDisk(world);
  for (const seq of repeating) world.end(seq);
  const before = world.window.size;
  for (let i = 0; i < 100; i++) {
    world.clock.advance(250);
    world.settle();
  }
  t.equal(world.window.size, before);
  free();
  world.pass(20 * second);
  t.same(running(world).sort(), [...repeating].sort(), 'and all of them go on');
});

t.test('a key that another shard of the cluster has: all is decided again, and the disk is not full', async (t) => {
  const world = new World();
  const seq = make(world);
  world.pass(1);
  t.same(running(world), [seq]);
  let claims = 1;
  world.kv.beforeWrite = () => {
    if (claims-- > 0) throw new KeyClaimed();
  };
  // They go into one batch, with the outcome.
  const answers = ['taken', 'free'].map((key) =>
    send(world, { kind: 'create', draft: draftOf({ key, trigger: after(hour) }) }),
  );
  world.end(seq);
  world.pass(1);
  for (const [answer] of answers)
    t.ok(answer?.ok === false && answer.refusal instanceof ClaimedElsewhere, 'it can be decided again elsewhere');
  t.equal(world.scheduler.mode.name, 'open', 'writing goes on');
  t.equal(state(world, seq).status, 'success', 'what has happened is written with the next commit');
  t.equal(world.queries.totals().pending, 0, 'nothing of the requests is there');
  t.match(world.ask({ kind: 'create', draft: draftOf({ key: 'free', trigger: after(hour) }) }), { ok: true });
});
