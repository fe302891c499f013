/** A paused job, type or server starts nothing, over endings and refused writes, and costs nothing meanwhile. */
import t from 'tap';
import type { Job } from '../../src/domain/job.js';
import type { Answer, Request } from '../../src/scheduler/messages.js';
import { anyHandler, World } from '../support/world.js';
import {
  after,
  cancel,
  cron,
  endings,
  faultsOf,
  fillDisk,
  hour,
  id,
  make,
  minute,
  running,
  second,
  send,
  state,
  told,
} from './worlds.js';

const pause = (world: World, seq: number, until?: number): Answer | undefined =>
  world.ask({ kind: 'pause', id: id(world, seq), change: until === undefined ? {} : { until } });
const ask = (world: World, kind: 'resume' | 'run' | 'remove', seq: number): Answer | undefined =>
  world.ask({ kind, id: id(world, seq) });
const conflict = { ok: false, refusal: { code: 'conflict' } };
const waits = ({ scheduler, memtable }: World, seq: number): string | undefined =>
  scheduler.waitingFor(memtable.job(seq) as Job);

for (const [how, again] of endings) {
  t.test(`a paused job is not started, ${how}; resumed, it is at once`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: after(second) });
    t.match(pause(world, seq), { ok: true, jobs: [{ state: { status: 'pending', pause: {} } }] });
    world = again(world);
    world.pass(minute);
    t.same(running(world), []);
    t.equal(waits(world, seq), 'paused');
    t.equal(world.waker.instant > world.clock.now(), true, 'and it is not looked at again and again');
    t.same(faultsOf(world), []);
    world = again(world);
    t.match(ask(world, 'resume', seq), { ok: true, jobs: [{ state: { pause: null } }] });
    world = again(world);
    world.settle();
    t.same(running(world), [seq]);
    t.same(faultsOf(world), []);
    world.end(seq);
    t.same(told(world.restart(), seq), []);
  });

  t.test(`a pause ends by itself, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: after(second) });
    const start = world.clock.now();
    pause(world, seq, start + hour);
    world = again(world);
    world.pass(hour - 1);
    t.same(running(world), []);
    t.same(faultsOf(world), []);
    world.pass(1);
    t.same(running(world), [seq]);
    t.match(state(world, seq), { pause: null, due: start + second, startedAt: start + hour });
    t.ok(told(world, seq).join().endsWith('resumed,started'));
  });

  t.test(`slots that pass in a pause are skipped and counted, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
    pause(world, seq);
    world = again(world);
    world.pass(5 * minute + second);
    t.same(running(world), []);
    world = again(world);
    ask(world, 'resume', seq);
    t.match(state(world, seq), { skipped: 5, missed: 0, due: world.clock.now() - second + minute });
    world.pass(minute);
    t.same(running(world), [seq]);
  });

  t.test(`a paused type and a paused server start nothing, ${how}; what they held runs late`, async (t) => {
    for (const [stop, go, why] of [
      [{ kind: 'pauseType', name: 'noop', reason: 'r' }, { kind: 'resumeType', name: 'noop' }, 'type_paused'],
      [{ kind: 'pauseServer', reason: 'r' }, { kind: 'resumeServer' }, 'server_paused'],
    ] as const) {
      let world = new World({ mergeRows: 1, handlers: [anyHandler('noop'), anyHandler('other')] });
      const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
      t.match(world.ask(stop), { ok: true });
      world = again(world);
      const other = make(world, { name: 'other' });
      world.pass(minute);
      t.same(running(world), stop.kind === 'pauseType' ? [other] : []);
      t.equal(waits(world, seq), why);
      t.equal(waits(world, other), stop.kind === 'pauseType' ? undefined : why);
      const { server, types } = world.scheduler.settings;
      t.match(stop.kind === 'pauseType' ? types.get('noop') : server, { paused: { reason: 'r' } });
      t.same(faultsOf(world), []);
      world.endAll();
      world = again(world);
      t.match(world.ask(go), { ok: true });
      t.ok(running(world).includes(seq));
      t.match(state(world, seq), { missed: 0, skipped: 0 });
      world = again(world);
      t.equal(world.scheduler.settings.types.size, 0, 'nothing is left of the pause');
      t.same(world.scheduler.settings.server, {});
      t.same(faultsOf(world), []);
    }
  });
}

t.test('what the disk refuses is not paused', async (t) => {
  const world = new World({ handlers: [anyHandler('noop'), anyHandler('other')] });
  const seq = make(world, { trigger: after(minute) });
  const free = fillDisk(world);
  const requests: Request[] = [
    { kind: 'pause', id: id(world, seq), change: {} },
    { kind: 'pauseType', name: 'other' },
    { kind: 'pauseServer' },
  ];
  const answers = requests.map((request) => send(world, request));
  world.settle();
  for (const [answer] of answers) t.match(answer, { ok: false, refusal: { code: 'storage_unavailable' } });
  free();
  world.pass(minute);
  t.same(running(world), [seq]);
  t.same(world.scheduler.settings, { server: {}, types: new Map() });
});

t.test('a pause and a start do not pass each other', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second) });
  const [answer] = [send(world, { kind: 'pause', id: id(world, seq), change: {} })];
  world.clock.advance(second);
  world.scheduler.turn();
  t.same(running(world), [], 'the pause is decided first, and not written yet');
  world.settle();
  t.match(answer, [{ ok: true }]);
  t.same(running(world), []);
  const types = send(world, { kind: 'pauseType', name: 'noop' });
  make(world);
  t.match(types, [{ ok: true }]);
  t.same(running(world), []);
});

t.test('the pause of a type holds from its decision on, and until its end is on disk', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second) });
  const paused = send(world, { kind: 'pauseType', name: 'noop' });
  world.clock.advance(second);
  world.scheduler.turn();
  t.same(paused, [], 'it is not on disk');
  t.same(running(world), []);
  world.settle();
  t.match(paused, [{ ok: true }]);
  const resumed = send(world, { kind: 'resumeType', name: 'noop' });
  world.scheduler.turn();
  t.same(resumed, [], 'nor is its end');
  t.same(running(world), []);
  world.settle();
  t.same(running(world), [seq]);
});

t.test('what runs goes on, and its retry waits for the end of the pause', async (t) => {
  const world = new World();
  const seq = make(world, { retryDelayMs: second });
  t.match(pause(world, seq), { ok: true, jobs: [{ state: { status: 'running', pause: {} } }] });
  world.end(seq, { kind: 'failed' });
  world.pass(minute);
  t.same(running(world), []);
  t.equal(waits(world, seq), 'paused');
  ask(world, 'resume', seq);
  t.same(running(world), [seq]);
  t.equal(world.pool.attempts.get(seq)?.attempt, 2);
  world.end(seq);
  t.match(pause(world, seq), conflict);
  t.match(ask(world, 'resume', seq), conflict);
  t.match(ask(world, 'run', seq), conflict);
});

t.test('what a crash interrupts in a pause does not start again before its end', async (t) => {
  let world = new World();
  const seq = make(world);
  pause(world, seq, world.clock.now() + minute);
  world = world.crash();
  world.pass(minute - 1);
  t.same(running(world), []);
  world.pass(1);
  t.same(running(world), [seq]);
});

t.test('run: one extra occurrence, in a pause too; its next slot stays', async (t) => {
  let world = new World({ mergeRows: 1 });
  const seq = make(world, { trigger: cron('0 0 * * * *'), isRepeat: true });
  const next = world.clock.now() + hour;
  pause(world, seq);
  t.match(ask(world, 'run', seq), { ok: true, jobs: [{ state: { nextSlot: next } }] });
  t.same(running(world), [seq]);
  t.match(ask(world, 'run', seq), conflict, 'it runs');
  world = world.crash();
  world.settle();
  t.same(running(world), [seq], 'a crash interrupts it, and it runs again, though paused');
  world.end(seq);
  t.match(state(world, seq), { due: next, skipped: 0, nextSlot: 0, pause: {} });
  world.pass(2 * hour);
  t.same(running(world), [], 'the pause holds all others');
  t.same(faultsOf(world), []);
});

t.test('run does not ignore the pause of a type, and asked again changes nothing', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(hour) });
  world.ask({ kind: 'pauseType', name: 'noop' });
  ask(world, 'run', seq);
  const before = state(world, seq);
  world.clock.advance(second);
  ask(world, 'run', seq);
  t.same(state(world, seq), before);
  t.same(running(world), []);
  world.ask({ kind: 'resumeType', name: 'noop' });
  t.same(running(world), [seq]);
});

t.test('remove: nothing of a finished job stays, and its key may be used anew', async (t) => {
  let world = new World({ mergeRows: 1 });
  const draft = { name: 'noop', trigger: after(0), isRepeat: false, payload: '{"n":1}' } as const;
  const request = { kind: 'create', draft, idempotency: { key: 'k', digest: 'd' } } as const;
  const seq = (world.ask(request) as { jobs: readonly Job[] }).jobs[0]?.spec.seq as number;
  const named = id(world, seq);
  t.match(ask(world, 'remove', seq), conflict);
  world.end(seq, { kind: 'succeeded', result: '{"r":1}' });
  t.match(ask(world, 'remove', seq), {
    ok: true,
    jobs: [{ state: { status: 'success' }, spec: { payload: '{"n":1}' } }],
  });
  t.match(world.ask({ kind: 'remove', id: named }), { ok: false, refusal: { code: 'not_found' } });
  world.pass(minute);
  t.same(faultsOf(world), []);
  world = world.crash();
  t.equal(world.queries.get(named), undefined);
  t.equal(world.queries.list({ limit: 10, offset: 0 }).total, 0);
  for (const tree of ['specs', 'states', 'details'] as const) t.same([...world.kv.keys(tree, {})], [], tree);
  t.match(world.ask(request), { ok: true, replayed: false });
});

t.test('a cancelled job may be removed while its attempt is in its grace', async (t) => {
  const world = new World();
  const seq = make(world);
  const named = id(world, seq);
  cancel(world, seq);
  t.match(ask(world, 'remove', seq), { ok: true });
  world.end(seq);
  t.equal(world.queries.get(named), undefined);
  t.equal(world.scheduler.runningAttempts, 0);
});

t.test('a type without handler and jobs is not found', async (t) => {
  const world = new World();
  for (const kind of ['pauseType', 'resumeType'] as const)
    t.match(world.ask({ kind, name: 'nope' }), { ok: false, refusal: { code: 'not_found' } });
});

t.test('a backlog of a paused type is looked at once', async (t) => {
  const world = new World({ windowCapacity: 64, handlers: [anyHandler('noop'), anyHandler('other')] });
  world.ask({ kind: 'pauseType', name: 'noop' });
  for (let i = 0; i < 300; i++) make(world, { trigger: after(second) });
  world.pass(minute);
  t.ok(world.waker.instant > world.clock.now() || world.waker.instant === Number.POSITIVE_INFINITY);
  const other = make(world, { name: 'other' });
  t.same(running(world), [other]);
});
