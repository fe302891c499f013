/** Finished jobs leave after their time, or when they are too many: the first to finish first, with all that is theirs. */

import t, { type Test } from 'tap';
import { formatId } from '../../src/domain/id.js';
import { trees } from '../../src/store/format/layout.js';
import type { KvReader } from '../../src/store/kv/kv.js';
import { DiskFull, World } from '../support/world.js';

const day = 86_400_000;

/** Makes a job that is due at once and ends it. */
function finish(world: World, kind: 'succeeded' | 'failed' | 'cancelled' = 'succeeded'): number {
  const { spec } = world.create({ maxRetries: 0, trigger: { kind: 'delay', delayMs: kind === 'cancelled' ? day : 0 } })
    .jobs[0]!;
  if (kind === 'cancelled') world.ask({ kind: 'cancel', id: formatId(spec.seq, spec.idSeconds) });
  else world.end(spec.seq, kind === 'succeeded' ? { kind, result: '{"ok":true}' } : { kind });
  return spec.seq;
}

const left = (world: World): number[] => world.queries.list({ limit: 1000, offset: 0 }).jobs.map((job) => job.spec.seq);
const sizes = (kv: KvReader): Record<string, number> =>
  Object.fromEntries(trees.map((tree) => [tree, [...kv.keys(tree, {})].length]));

t.test('a finished job stays for its retention and then leaves, whatever its end', async (t) => {
  const world = new World({ retentionMs: day, mergeRows: 1 });
  for (const kind of ['succeeded', 'failed', 'cancelled'] as const) finish(world, kind);
  const pending = world.create({ trigger: { kind: 'delay', delayMs: 100 * day } }).jobs[0]?.spec.seq;
  world.pass(day - 10);
  t.equal(left(world).length, 4);
  world.pass(1100);
  t.same(left(world), [pending]);
  t.match(world.queries.totals(), { pending: 1, completed: 1, failed: 1, cancelled: 1 }, 'totals never fall');
});

t.test('of too many finished jobs the first to finish leave', async (t) => {
  const world = new World({ retainJobs: 3, mergeRows: 1 });
  const first = world.create({ trigger: { kind: 'delay', delayMs: 0 } }).jobs[0]!.spec.seq;
  const made = Array.from({ length: 5 }, () => {
    world.pass(10);
    return finish(world);
  });
  world.pass(1100);
  world.end(first);
  world.pass(2200);
  t.same(left(world), [...made.slice(-2).reverse(), first], 'made first, finished last: it stays');
});

const once = {
  kind: 'create',
  draft: { name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload: '{}' },
  idempotency: { key: 'k', digest: 'd' },
} as const;

/** Makes a job with an idempotency key; it is due at once. */
function makeOnce(world: World): { readonly seq: number; readonly id: string } {
  const first = world.ask(once);
  if (!first?.ok) throw new Error('not made');
  const { seq, idSeconds } = first.jobs[0]!.spec;
  return { seq, id: formatId(seq, idSeconds) };
}

/** Nobody finds the job of `makeOnce` any more, and its key makes the next. */
function mustHaveLeft(t: Test, world: World, seq: number, id: string): void {
  t.equal(world.queries.get(id), undefined);
  for (const kind of ['cancel', 'retry'] as const) {
    t.match(world.ask({ kind, id }), { ok: false, refusal: { code: 'not_found' } });
  }
  const second = world.ask(once);
  t.ok(second?.ok && !second.replayed && second.jobs[0]?.spec.seq === seq + 1);
}

t.test('an id that has left is not found, and its key makes a new job', async (t) => {
  const world = new World({ retainJobs: 0, mergeRows: 1 });
  const { seq, id } = makeOnce(world);
  world.end(seq);
  world.pass(2200);
  mustHaveLeft(t, world, seq, id);
});

t.test('a cancelled job whose handler does not end leaves, too, and is not found', async (t) => {
  const world = new World({ retainJobs: 0, mergeRows: 1 });
  const { seq, id } = makeOnce(world);
  t.ok(world.ask({ kind: 'cancel', id })?.ok);
  world.pass(2200);
  t.ok(world.pool.attempts.has(seq), 'its attempt is in the pool still');
  mustHaveLeft(t, world, seq, id);
  world.end(seq);
  t.equal(world.queries.get(id), undefined, 'the end of the attempt does not bring it back');
});

t.test('nothing of a removed job stays in the trees', async (t) => {
  const world = new World({ retainJobs: 0, mergeRows: 1 });
  const empty = sizes(world.kv);
  for (let i = 0; i < 50; i++) finish(world);
  world.pass(5000);
  world.pass(2 ** 21);
  t.same(left(world), []);
  // Anything that happens is merged, and takes the last of it along.
  const { spec } = world.create().jobs[0]!;
  world.end(spec.seq);
  world.pass(5000);
  const { log: _log, meta: _meta, ...rest } = sizes(world.kv);
  const { log, meta, ...none } = empty;
  t.same({ ...rest, due: 0 }, none);
  t.ok(rest.due !== undefined && rest.due <= 2, 'the due index keeps its present bucket');
});

t.test('a job that was retried stays for as long as its second end asks', async (t) => {
  const world = new World({ retentionMs: 10_000, mergeRows: 1 });
  const seq = finish(world, 'failed');
  const id = formatId(seq, left(world).length > 0 ? world.memtable.job(seq)!.spec.idSeconds : 0);
  world.pass(9000);
  world.ask({ kind: 'retry', id });
  world.end(seq, { kind: 'failed' });
  world.pass(5000);
  t.same(left(world), [seq], 'its first end is 14 s ago, its second 5 s');
  world.pass(7000);
  t.same(left(world), []);
});

t.test('a job that was retried and waits is not removed', async (t) => {
  const world = new World({ retentionMs: 10_000, mergeRows: 1 });
  world.pool.capacity = 1;
  const seq = finish(world, 'failed');
  const { idSeconds } = world.memtable.job(seq)!.spec;
  world.create();
  world.ask({ kind: 'retry', id: formatId(seq, idSeconds) });
  world.pass(20_000);
  t.same(left(world).includes(seq), true);
  t.equal(world.memtable.state(seq)?.status, 'pending');
});

t.test('many leave in one go, in pieces, and a crash in between loses nothing else', async (t) => {
  let world = new World({ retainJobs: 2000, mergeRows: 100 });
  world.pool.capacity = 4000;
  const draft = { name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload: '{}' } as const;
  world.ask({ kind: 'createMany', drafts: Array.from({ length: 3000 }, () => draft) });
  world.endAll();
  t.equal(world.sets.finished, 3000);
  world.clock.advance(1001);
  world.scheduler.turn();
  world.store.step();
  const removed = 3000 - world.sets.finished;
  t.ok(removed > 0 && removed <= 512, `${removed} in one turn`);
  world = world.crash();
  t.equal(world.sets.finished, 3000 - removed);
  world.pass(5000);
  t.equal(world.sets.finished, 2000);
  t.same(left(world).length, 1000, 'a list is cut, the total is not');
  t.equal(world.queries.list({ limit: 1, offset: 0 }).total, 2000);
});

t.test('a removal that the disk refused is done when it takes writes again', async (t) => {
  const world = new World({ retainJobs: 1, mergeRows: 1 });
  const seqs = [finish(world), finish(world), finish(world)];
  world.kv.beforeWrite = () => {
    throw new DiskFull();
  };
  world.clock.advance(1500);
  world.settle();
  t.same(left(world), [...seqs].reverse(), 'what could not be written did not happen');
  world.kv.beforeWrite = () => {};
  world.pass(3000);
  t.same(left(world), [seqs[2]]);
});

t.test('large jobs leave a few in each turn', async (t) => {
  const world = new World({ retainJobs: 1, mergeRows: 90, poolCapacity: 1000 });
  const payload = JSON.stringify({ text: 'x'.repeat(200_000) });
  const draft = { name: 'noop', trigger: { kind: 'delay', delayMs: 0 }, isRepeat: false, payload } as const;
  world.ask({ kind: 'createMany', drafts: Array.from({ length: 100 }, () => draft) });
  world.endAll();
  t.equal(world.sets.finished, 100);
  world.clock.advance(1001);
  world.scheduler.turn();
  world.store.step();
  t.ok(world.sets.finished < 100 && world.sets.finished > 80, `${world.sets.finished} are left after one turn`);
  world.pass(5000);
  t.equal(world.sets.finished, 1);
});

t.test('a clock that was set back, or was ahead for a while, does not stop it', async (t) => {
  const jumps = {
    back: (world: World) => {
      world.clock.wall -= 30 * day;
    },
    ahead: (world: World) => {
      world.clock.wall += 365 * day;
      finish(world);
      world.pass(500);
      world.clock.wall -= 365 * day;
    },
  };
  for (const [name, jump] of Object.entries(jumps)) {
    for (const again of [false, true]) {
      let world = new World({ retentionMs: 60_000, mergeRows: 1 });
      finish(world);
      world.pass(2000);
      jump(world);
      if (again) world = world.restart();
      for (let i = 0; i < 10; i++) {
        finish(world);
        world.pass(1000);
      }
      world.pass(120_000);
      t.equal(world.sets.finished, 0, `${name}, restarted: ${again}`);
    }
  }
});

t.test('failed jobs have bounds of their own, and do not keep the others back', async (t) => {
  const world = new World({ retentionMs: day, failedRetentionMs: 3 * day, mergeRows: 1 });
  const [failed, succeeded] = [finish(world, 'failed'), finish(world)];
  world.pass(day + 1100);
  t.same(left(world), [failed], `${succeeded} has left`);
  const after = world.crash();
  after.pass(2 * day - 5000);
  t.same(left(after), [failed]);
  after.pass(5000);
  t.same(left(after), []);
  t.same(sizes(after.kv).labels, 0);
});

t.test('of too many failed jobs the first to fail leave, whatever number of others there is', async (t) => {
  const world = new World({ retainJobs: 5, retainFailed: 2, mergeRows: 3 });
  const made = [1, 2, 3, 4].map(() => {
    world.pass(10);
    return finish(world, 'failed');
  });
  const others = [1, 2, 3, 4].map(() => finish(world));
  world.pass(2200);
  t.same(left(world), [...others.reverse(), ...made.slice(2).reverse()]);
});

t.test('a failed job that was retried and has failed again leaves after its last failure', async (t) => {
  const world = new World({ failedRetentionMs: day, retentionMs: 100 * day, mergeRows: 1 });
  const first = finish(world, 'failed');
  world.pass(day / 2);
  const { idSeconds } = world.memtable.spec(first);
  world.ask({ kind: 'retry', id: formatId(first, idSeconds) });
  world.end(first, { kind: 'failed' });
  world.pass(day / 2 + 1100);
  t.same(left(world), [first]);
  world.pass(day / 2);
  t.same(left(world), []);
});

t.test('failed jobs whose removal the disk refuses are there, and leave when it takes them', async (t) => {
  const world = new World({ failedRetentionMs: day, mergeRows: 1 });
  const made = [finish(world, 'failed'), finish(world, 'failed')];
  world.kv.beforeWrite = () => {
    throw new DiskFull();
  };
  world.pass(day + 1100);
  t.same(left(world), made.reverse());
  world.kv.beforeWrite = () => {};
  world.pass(10_000);
  t.same(left(world), []);
});
