/** A key that was used answers with the job it made, for a day, whatever happens to the process. */
import t from 'tap';
import { limits } from '../../../src/domain/limits.js';
import type { Answer, JobDraft } from '../../../src/scheduler/messages.js';
import { findKey } from '../../../src/store/trees/idempotency.js';
import { DiskFull, World } from '../../support/world.js';

const hour = 3_600_000;
const draft: JobDraft = {
  name: 'noop',
  trigger: { kind: 'delay', delayMs: 1000 * hour },
  isRepeat: false,
  payload: '{}',
};
const ask = (world: World, key: string, digest = 'same'): Answer | undefined =>
  world.ask({ kind: 'create', draft, idempotency: { key, digest } });
const made = (answer: Answer | undefined): { seq: number | undefined; replayed: boolean } =>
  answer?.ok ? { seq: answer.jobs[0]?.spec.seq, replayed: answer.replayed } : { seq: undefined, replayed: false };

t.test('the same request again answers the first job', async (t) => {
  const world = new World();
  t.same(made(ask(world, 'a')), { seq: 1, replayed: false });
  t.same(made(ask(world, 'a')), { seq: 1, replayed: true });
  t.same(made(ask(world, 'b')), { seq: 2, replayed: false }, 'another key makes another job');
  t.same(made(ask(world, 'A')), { seq: 3, replayed: false }, 'a key is taken by the letter');
  t.equal(world.queries.totals().pending, 3);
  t.equal(world.memtable.job(1)?.spec.idempotencyKey, 'a');
});

t.test('the same key with another body is refused and makes nothing', async (t) => {
  const world = new World();
  ask(world, 'a');
  t.match(ask(world, 'a', 'other'), { ok: false, refusal: { code: 'conflict' } });
  t.equal(world.queries.totals().pending, 1);
});

t.test('the answer tells how the job stands now', async (t) => {
  const world = new World();
  const answer = world.ask({
    kind: 'create',
    draft: { ...draft, trigger: { kind: 'delay', delayMs: 0 } },
    idempotency: { key: 'a', digest: 'same' },
  });
  world.end(made(answer).seq as number);
  const again = ask(world, 'a');
  t.ok(again?.ok && again.jobs[0]?.state.status === 'success');
});

t.test('two requests at once make one job, and both wait for the disk', async (t) => {
  const world = new World();
  const answers: Answer[] = [];
  for (let i = 0; i < 2; i++) {
    world.scheduler.request({ kind: 'create', draft, idempotency: { key: 'a', digest: 'same' } }, 1, (answer) =>
      answers.push(answer),
    );
  }
  world.scheduler.turn();
  t.equal(answers.length, 0);
  world.scheduler.request({ kind: 'create', draft, idempotency: { key: 'a', digest: 'same' } }, 1, (answer) =>
    answers.push(answer),
  );
  world.scheduler.turn();
  t.equal(answers.length, 0, 'nor is one answered that comes while the first is being written');
  world.settle();
  t.same(answers.map(made), [
    { seq: 1, replayed: false },
    { seq: 1, replayed: true },
    { seq: 1, replayed: true },
  ]);
});

t.test('a key is remembered over a crash and over merges', async (t) => {
  let world = new World();
  ask(world, 'a');
  world = world.crash();
  t.same(made(ask(world, 'a')), { seq: 1, replayed: true });
  world.pass(10_000);
  world = world.crash();
  t.same(made(ask(world, 'a')), { seq: 1, replayed: true });
});

t.test('a key whose write was refused is free again', async (t) => {
  const world = new World();
  world.kv.beforeWrite = () => {
    throw new DiskFull();
  };
  t.match(ask(world, 'a'), { ok: false, refusal: { code: 'storage_unavailable' } });
  world.kv.beforeWrite = () => {};
  world.pass(1000);
  t.same(made(ask(world, 'a', 'other')), { seq: 1, replayed: false });
});

t.test('a key is forgotten after a day, and its use may begin anew', async (t) => {
  const world = new World({ mergeRows: 1 });
  ask(world, 'a');
  world.pass(24 * hour - 1);
  t.same(made(ask(world, 'a')), { seq: 1, replayed: true });
  world.pass(1);
  t.same(made(ask(world, 'a', 'other')), { seq: 2, replayed: false });
  world.pass(23 * hour);
  t.same(made(ask(world, 'a', 'other')), { seq: 2, replayed: true }, 'a day from its second use');
});

t.test('keys that have expired leave the disk; one that was used again stays', async (t) => {
  const world = new World({ mergeRows: 1 });
  ask(world, 'a');
  ask(world, 'b');
  world.pass(24 * hour + 1);
  ask(world, 'b');
  world.pass(10_000);
  const { now } = { now: world.clock.now() };
  t.equal(findKey(world.kv, 'a', Number.NEGATIVE_INFINITY), undefined, 'gone');
  t.equal(findKey(world.kv, 'b', now)?.seq, 3);
  t.equal([...world.kv.keys('keyExpiry', {})].length, 1);
  t.equal(limits.idempotencyKeptMs, 24 * hour);
});
