/** One batch is written while the next is gathered, and nobody hears of a change before it is on disk. */
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import type { Request } from '../../src/scheduler/messages.js';
import { readRecord } from '../../src/store/log/records.js';
import { World } from '../support/world.js';
import { after, draftOf, fillDisk, hour, id, make, running, second, send, state, told, update } from './worlds.js';

t.test('a request is answered when its change is on disk, not before', async (t) => {
  const world = new World();
  const answers = send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
  t.same(answers, [], 'not when it is sent');
  world.scheduler.turn();
  t.same(answers, [], 'not when it is decided');
  t.equal(world.store.pending, 1);
  world.store.step();
  t.match(answers, [{ ok: true, replayed: false }]);
  t.equal(world.memtable.state(1)?.status, 'pending');
});

t.test('an event is published when its change is on disk, not before', async (t) => {
  const world = new World();
  send(world, { kind: 'create', draft: draftOf() });
  world.scheduler.turn();
  t.same(world.events, []);
  world.store.step();
  t.same(told(world), ['scheduled']);
});

t.test('a crash before the commit leaves no trace; after it, everything is there though nobody was told', async (t) => {
  for (const written of [false, true]) {
    const world = new World();
    const answers = send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
    world.scheduler.turn();
    world.store.afterCommit = () => {
      throw new Error('the process ends');
    };
    if (written) t.throws(() => world.store.step(), { message: 'the process ends' });
    t.same(answers, []);
    const next = world.crash();
    t.equal(next.queries.totals().pending, written ? 1 : 0);
    t.equal(next.queries.lastEvent(), written ? 1 : 0);
    t.equal(make(next), written ? 2 : 1);
  }
});

t.test('requests that come together are one commit, answered in their order', async (t) => {
  const world = new World();
  const order: number[] = [];
  for (let i = 0; i < 50; i++) {
    world.scheduler.request({ kind: 'create', draft: draftOf({ trigger: after(hour) }) }, 1, (answer) => {
      if (answer.ok) order.push(answer.jobs[0]?.spec.seq as number);
    });
  }
  world.scheduler.turn();
  t.equal(world.store.pending, 1);
  world.store.step();
  t.same(
    order,
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
  t.equal(world.jobs.position, 1);
  t.same(
    world.events.map(({ seq }) => seq),
    order,
  );
});

t.test('while one batch is written the next is gathered; one commit is in flight', async (t) => {
  const world = new World();
  const first = send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
  world.scheduler.turn();
  const others = Array.from({ length: 3 }, () => {
    const answers = send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
    world.scheduler.turn();
    return answers;
  });
  t.equal(world.store.pending, 1);
  world.store.step();
  t.equal(first.length, 1);
  t.same(others.flat(), []);
  t.equal(world.store.pending, 1, 'the second was handed over');
  world.store.step();
  t.equal(others.flat().length, 3);
  t.equal(world.jobs.position, 2);
});

t.test('a decision sees what was decided before it, written or not', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(hour) });
  const jobId = id(world, seq);
  const first = send(world, { kind: 'update', id: jobId, patch: { payload: '{"n":1}' } });
  world.scheduler.turn();
  const second_ = send(world, { kind: 'cancel', id: jobId });
  const third = send(world, { kind: 'update', id: jobId, patch: { payload: '{"n":2}' } });
  world.scheduler.turn();
  t.match(third, [{ ok: false, refusal: { code: 'conflict' } }], 'the job is cancelled, though that is not on disk');
  t.same([...first, ...second_], []);
  world.settle();
  t.match(
    [...first, ...second_],
    [{ ok: true }, { ok: true, jobs: [{ spec: { payload: '{"n":1}' }, state: { status: 'cancelled' } }] }],
  );
});

t.test('an answer about a job whose change is being written waits for it', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(hour) });
  const jobId = id(world, seq);
  send(world, { kind: 'cancel', id: jobId });
  world.scheduler.turn();
  const again = send(world, { kind: 'cancel', id: jobId });
  world.scheduler.turn();
  t.same(again, [], 'cancelled already, but not on disk yet');
  world.store.step();
  t.match(again, [{ ok: true, jobs: [{ state: { status: 'cancelled' } }] }]);
});

t.test('a job that was not acknowledged yet cannot be asked for', async (t) => {
  const world = new World();
  send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
  world.scheduler.turn();
  const seconds = Math.floor(world.clock.now() / 1000);
  const answers = send(world, { kind: 'cancel', id: formatId(1, seconds) });
  world.scheduler.turn();
  t.match(answers, [{ ok: false, refusal: { code: 'not_found' } }]);
});

t.test('an attempt starts beside its record, not after it', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(10) });
  world.clock.advance(10);
  world.scheduler.turn();
  t.same(running(world), [seq]);
  t.equal(state(world, seq).status, 'pending', 'the record is still to be written');
  t.same(told(world), ['scheduled']);
  world.store.step();
  t.equal(state(world, seq).status, 'running');
  t.same(told(world), ['scheduled', 'started']);
});

t.test('a job that starts and ends within one batch tells both, in order', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(10) });
  world.clock.advance(10);
  send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
  world.scheduler.turn();
  const { fence } = world.pool.attempts.get(seq)!;
  world.pool.attempts.delete(seq);
  world.scheduler.outcomes([{ kind: 'succeeded', jobSeq: seq, fence, durationMs: 3 }]);
  world.settle();
  t.same(told(world, seq), ['scheduled', 'started', 'completed']);
  t.equal(state(world, seq).status, 'success');
});

t.test('ids order as jobs were made: their second never goes back', async (t) => {
  let world = new World();
  const start = world.clock.now() / second;
  const seconds: number[] = [];
  const note = (): void =>
    void seconds.push(world.memtable.spec(make(world, { trigger: after(10 * hour) }))!.idSeconds);
  note();
  world.clock.advance(5 * second);
  note();
  world.clock.wall -= hour;
  note();
  world = world.crash();
  note();
  world.clock.advance(hour + second);
  note();
  t.same(
    seconds,
    [0, 5, 5, 5, 6].map((at) => start + at),
  );
});

t.test('a request that waits too long in line with others is refused before it waits at all', async (t) => {
  const world = new World();
  for (let i = 0; i < 20_000; i++) send(world, { kind: 'create', draft: draftOf({ trigger: after(hour) }) });
  t.match(send(world, { kind: 'create', draft: draftOf() }), [{ ok: false, refusal: { code: 'overloaded' } }]);
  world.settle();
  t.equal(world.queries.totals().pending, 20_000, 'those that were taken were done');
  const many: unknown[] = [];
  for (let i = 0; i < 3; i++)
    world.scheduler.request({ kind: 'create', draft: draftOf({ trigger: after(hour) }) }, 32 * 1024 * 1024, (answer) =>
      many.push(answer),
    );
  t.match(many, [{ ok: false, refusal: { code: 'overloaded' } }], 'the third, for its size');
  world.settle();
  t.equal(many.length, 3);
});

t.test('what is decided and waits for the disk counts as well: a slow disk is not outrun', async (t) => {
  const world = new World();
  const creation = { kind: 'create', draft: draftOf({ trigger: after(hour) }) } as const;
  const taken = Array.from({ length: 20_000 }, () => {
    const answers = send(world, creation);
    world.scheduler.turn();
    return answers;
  });
  t.equal(world.store.pending, 1, 'the first batch is still being written');
  t.match(send(world, creation), [{ ok: false, refusal: { code: 'overloaded' } }]);
  t.match(world.scheduler.refusing(), { code: 'overloaded' });
  world.settle();
  t.ok(
    taken.every(([answer]) => answer?.ok),
    'those that were taken were done',
  );
  t.equal(world.scheduler.refusing(), undefined, 'and there is room again');
  t.match(world.ask(creation), { ok: true });
});

t.test('what happens while the disk hangs is bounded: jobs wait rather than fill the memory', async (t) => {
  const world = new World({ poolCapacity: 500 });
  const drafts = Array.from({ length: 10_000 }, () => draftOf({ trigger: after(second) }));
  for (let i = 0; i < 3; i++) world.ask({ kind: 'createMany', drafts });
  world.clock.advance(2 * second);
  let ran = 0;
  const endAll = (): number => {
    const attempts = [...world.pool.attempts.values()];
    world.pool.attempts.clear();
    world.scheduler.outcomes(
      attempts.map(({ jobSeq, fence }) => ({ kind: 'succeeded', jobSeq, fence, durationMs: 1, begun: true })),
    );
    ran += attempts.length;
    return attempts.length;
  };
  // As long as there is something to do; the disk takes nothing meanwhile.
  do world.scheduler.turn();
  while (endAll() > 0);
  t.ok(ran > 5000 && ran < 15_000, `${ran} of 30,000 ran`);
  t.equal(world.waker.isSoon, false);
  t.equal(world.waker.instant, Number.POSITIVE_INFINITY, 'nothing is tried again and again meanwhile');
  do world.settle();
  while (endAll() > 0);
  t.equal(ran, 30_000, 'the rest ran when the disk was there again');
  t.equal(world.queries.totals().completed, 30_000);
});

t.test('room is given back by a request that is refused, for itself or with its batch', async (t) => {
  const world = new World();
  const large = (request: Request): unknown[] => {
    const answers: unknown[] = [];
    world.scheduler.request(request, 40 * 1024 * 1024, (answer) => answers.push(answer));
    return answers;
  };
  const unknown = { kind: 'cancel', id: 'job_1_00000000' } as const;
  for (let i = 0; i < 3; i++) {
    const answers = large(unknown);
    world.settle();
    t.match(answers, [{ ok: false, refusal: { code: 'not_found' } }]);
  }
  const empty = fillDisk(world);
  for (let i = 0; i < 2; i++) large({ kind: 'create', draft: draftOf({ trigger: after(hour) }) });
  t.match(world.scheduler.refusing(), { code: 'overloaded' });
  world.settle();
  t.match(world.scheduler.refusing(), { code: 'storage_unavailable' });
  empty();
  world.pass(second);
  t.equal(world.scheduler.refusing(), undefined);
});

t.test('many jobs in one request are one commit, in order', async (t) => {
  const world = new World();
  const drafts = Array.from({ length: 100 }, (_, i) => draftOf({ payload: `{"i":${i}}`, trigger: after(hour) }));
  const answer = world.ask({ kind: 'createMany', drafts });
  t.ok(answer?.ok && answer.jobs.every((job, i) => job.spec.seq === i + 1 && job.spec.payload === `{"i":${i}}`));
  t.equal(world.jobs.position, 1);
  t.match(world.ask({ kind: 'createMany', drafts: [] }), { ok: true, jobs: [] });
  t.equal(world.jobs.position, 1, 'none at all writes nothing');
  t.ok(update(world, 1, { payload: '{}' })?.ok);
});

t.test('large batches that come at once are commits of their own, and none waits for ever', async (t) => {
  const world = new World();
  const drafts = Array.from({ length: 10_000 }, () => draftOf({ trigger: after(hour) }));
  const sizes: number[] = [];
  let before = 0;
  world.store.afterCommit = () => {
    const { nextSeq } = readRecord(world.state.log, world.jobs.position + 1)!.counters;
    sizes.push(nextSeq - 1 - before);
    before = nextSeq - 1;
  };
  const answers = Array.from({ length: 8 }, () => send(world, { kind: 'createMany', drafts }));
  world.settle();
  t.ok(answers.every(([answer]) => answer?.ok));
  t.same(
    sizes,
    Array.from({ length: 8 }, () => 10_000),
  );
});

t.test('a list that is longer than a turn takes is decided in several, and written as one', async (t) => {
  const world = new World({ requestedJobsPerTurn: 10, poolCapacity: 0 });
  const drafts = Array.from({ length: 95 }, () => draftOf());
  const before = world.jobs.position;
  const answers = send(world, { kind: 'createMany', drafts });
  const next = send(world, { kind: 'create', draft: draftOf({ payload: '{"next":true}' }) });
  for (let turn = 0; turn < 5; turn++) world.scheduler.turn();
  t.equal(world.store.pending, 0, 'nothing is written before all is decided');
  world.settle();
  t.match(answers, [{ ok: true }]);
  t.match(next, [{ ok: true }]);
  t.equal(answers[0]?.ok && answers[0].jobs.length, 95);
  t.ok(world.jobs.position - before <= 2);
  t.equal(world.queries.totals().pending, 96);
});

t.test('a crash in the middle of a list leaves none of it', async (t) => {
  const world = new World({ requestedJobsPerTurn: 10 });
  make(world);
  send(world, { kind: 'createMany', drafts: Array.from({ length: 95 }, () => draftOf()) });
  world.scheduler.turn();
  const next = world.crash();
  next.settle();
  t.equal(next.scheduler.counters.nextSeq, 2);
});

t.test('a write that is refused in the middle of a list: the list is decided from its beginning', async (t) => {
  const world = new World({ requestedJobsPerTurn: 10, poolCapacity: 0 });
  send(world, { kind: 'create', draft: draftOf() });
  world.scheduler.turn();
  const answers = send(world, { kind: 'createMany', drafts: Array.from({ length: 95 }, () => draftOf()) });
  world.scheduler.turn();
  const empty = fillDisk(world);
  world.store.step();
  t.equal(world.scheduler.mode.name, 'blocked');
  empty();
  world.pass(second);
  t.match(answers, [{ ok: true }]);
  t.equal(answers[0]?.ok && new Set(answers[0].jobs.map((job) => job.spec.seq)).size, 95);
  t.equal(world.queries.totals().pending, 95);
});
