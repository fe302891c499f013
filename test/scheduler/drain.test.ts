/** Draining: nothing is accepted, nothing starts, what runs may end, and all of it is on disk before the end. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, draftOf, fillDisk, make, running, second, send, state, told } from './worlds.js';

t.test('requests are refused, those taken before are answered', async (t) => {
  const world = new World();
  const before = send(world, { kind: 'create', draft: draftOf() });
  world.scheduler.drain();
  t.match(send(world, { kind: 'create', draft: draftOf() }), [{ ok: false, refusal: { code: 'draining' } }]);
  t.match(world.scheduler.refusing(), { code: 'draining' });
  world.settle();
  t.match(before, [{ ok: true }]);
  t.ok(world.scheduler.settled);
  t.same(running(world), []);
});

t.test('nothing starts any more; what runs ends and is recorded', async (t) => {
  const world = new World();
  const [busy, failing] = [make(world), make(world, { retryDelayMs: 0 })] as [number, number];
  const waiting = make(world, { trigger: after(second) });
  world.scheduler.drain();
  world.pass(10 * second);
  t.same(running(world), [busy, failing]);
  t.equal(world.scheduler.runningAttempts, 2);
  world.end(busy, { kind: 'succeeded', result: '1' });
  world.end(failing, { kind: 'failed' });
  t.equal(world.scheduler.runningAttempts, 0);
  t.same(running(world), [], 'not even a retry that is due at once');
  const next = world.restart();
  t.equal(state(next, busy).status, 'success');
  next.settle();
  t.same(running(next).sort(), [failing, waiting], 'the next start takes them up');
});

t.test('an attempt interrupted by the stop runs again at the next start', async (t) => {
  const world = new World();
  const seq = make(world);
  const next = world.restart();
  t.match(state(next, seq), { status: 'pending', interruptions: 1, retryCount: 0 });
  next.settle();
  t.match(next.pool.attempts.get(seq), { attempt: 1, fence: 2 });
  t.equal(next.born.clean, true);
});

t.test('outcomes of a full disk are written when there is room, also while draining', async (t) => {
  const world = new World();
  const seq = make(world);
  const free = fillDisk(world);
  world.end(seq);
  world.scheduler.drain();
  t.notOk(world.scheduler.settled);
  world.pass(second);
  free();
  world.pass(250);
  t.ok(world.scheduler.settled);
  t.same(told(world), ['scheduled', 'started', 'completed']);
});

t.test('draining twice is draining once', async (t) => {
  const world = new World();
  world.scheduler.drain();
  world.scheduler.drain();
  t.equal(world.scheduler.mode.name, 'draining');
});

t.test('a restart in order is clean, a crash is not', async (t) => {
  const world = new World();
  t.equal(world.born.clean, true, 'new');
  make(world, { trigger: after(second) });
  const crashed = world.crash();
  t.equal(crashed.born.clean, false);
  const restarted = crashed.restart();
  t.equal(restarted.born.clean, true);
  t.equal(restarted.crash().born.clean, false, 'the note of a clean stop is good for one start');
});
