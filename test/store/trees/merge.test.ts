/** The merge of the log into the trees: wherever it is cut off, a start answers the same as before. */

import t, { type Test } from 'tap';
import { formatId } from '../../../src/domain/id.js';
import type { JobDraft } from '../../../src/scheduler/messages.js';
import { checkStore } from '../../../src/store/check/check.js';
import { logKey } from '../../../src/store/format/layout.js';
import { readMark } from '../../../src/store/trees/merge-mark.js';
import { FakeClock } from '../../support/fake-clock.js';
import type { MemoryKv } from '../../support/kv-memory.js';
import { anyHandler, DiskFull, World } from '../../support/world.js';
import { type Answers, answersOf, copyOf, pendingOf, toCome } from '../stores.js';

/** More types than one slice of a merge saves sets of. */
const names = Array.from({ length: 40 }, (_, i) => `type-${i}`);
const jobs = 1200;
const never = Number.POSITIVE_INFINITY;
const hour = 3_600_000;

interface Built {
  readonly kv: MemoryKv;
  readonly clock: FakeClock;
  readonly answers: Answers;
}

/** Ends what runs: one after the other as success, with a result, failed with a retry, failed for good, interrupted. */
function endAll(world: World): void {
  for (const seq of [...world.pool.attempts.keys()].sort((a, b) => a - b)) {
    const kind = seq % 5;
    if (kind === 0) world.end(seq);
    else if (kind === 1) world.end(seq, { kind: 'succeeded', result: `{"of":${seq}}` });
    else if (kind === 2) world.end(seq, { kind: 'failed' });
    else if (kind === 3) world.end(seq, { kind: 'failed', retryable: false });
    else world.end(seq, { kind: 'interrupted', begun: true });
  }
}

/**
 * A store whose trees hold one state of its jobs and whose log has moved most of them on since: made, run, failed, retried,
 * cancelled, updated and removed.
 */
function build(): Built {
  const handlers = names.map((name) => anyHandler(name));
  const clock = new FakeClock();
  const world = new World({ handlers, clock, mergeRows: never });
  world.pool.capacity = 100;
  const drafts = Array.from({ length: jobs }, (_, i): JobDraft => {
    const repeats = i % 7 === 0;
    return {
      name: names[(i * 13) % names.length] as string,
      trigger: { kind: 'delay', delayMs: 1000 + ((i * 7919) % jobs) * 50 * (i % 11 === 0 ? 1000 : 1) },
      isRepeat: repeats,
      payload: `{"i":${i}}`,
    };
  });
  world.ask({ kind: 'createMany', drafts });
  world.pass(3000);
  endAll(world);

  const merged = new World({ handlers, clock, kv: world.kv, mergeRows: 1 });
  merged.settle();
  if (merged.memtable.changed > 0) throw new Error('not merged');
  // The second life has tight retention, so that some of those that finished leave.
  const moved = new World({ handlers, clock, kv: merged.kv, mergeRows: never, retainJobs: 10 });
  moved.pool.capacity = 1000;
  moved.pass(4000);
  endAll(moved);
  for (const { spec } of moved.queries.list({ filter: { statuses: ['pending'] }, limit: 60, offset: 100 }).jobs) {
    const id = formatId(spec.seq, spec.idSeconds);
    if (spec.seq % 2 === 0) moved.ask({ kind: 'cancel', id });
    else
      moved.ask({ kind: 'update', id, patch: { payload: '{}', trigger: { kind: 'delay', delayMs: hour + spec.seq } } });
  }
  moved.ask({ kind: 'createMany', drafts: drafts.slice(0, 50) });
  moved.pool.capacity = 0;
  for (const seq of [...moved.pool.attempts.keys()]) moved.end(seq);
  return { kv: moved.kv, clock, answers: answersOf(moved) };
}

/** As `t.same`, which takes long over so much when there is nothing to show. */
function same(t: Test, found: unknown, expected: unknown, what = 'the same answers'): void {
  if (JSON.stringify(found) === JSON.stringify(expected)) t.pass(what);
  else t.same(found, expected, what);
}

const built = build();
const handlers = names.map((name) => anyHandler(name));

/** A server on a copy of what was built, whose merge of everything is about to begin. Its pool takes nothing. */
function merging(): World {
  const world = new World({ handlers, clock: built.clock, kv: copyOf(built.kv), mergeRows: 1, poolCapacity: 0 });
  if (!world.store.step() || !world.store.engine.merging) throw new Error('no merge has begun');
  return world;
}

function restarted(kv: MemoryKv): World {
  return new World({ handlers, clock: built.clock, kv, mergeRows: never, poolCapacity: 0 });
}

t.test('the store that the merge is tried on has something of everything', async (t) => {
  const { jobs: all, listed } = built.answers;
  for (const status of ['pending', 'success', 'failed', 'cancelled'])
    t.ok((listed[`${status} any`]?.total ?? 0) >= 5, status);
  t.equal(listed['running any']?.total, 0);
  t.ok(
    all.some((job) => job === undefined),
    'jobs that were removed',
  );
  t.ok(
    all.some((job) => job?.detail.result),
    'results',
  );
  t.ok(
    all.some((job) => job?.detail.lastError),
    'errors',
  );
  t.ok(readMark(built.kv).position > 0, 'trees from an earlier merge');
  t.ok(pendingOf(built.answers).length > 500);
});

t.test('a start that replays the log answers as the server before it did', async (t) => {
  const kv = copyOf(built.kv);
  same(t, answersOf(restarted(kv)), built.answers);
  same(t, toCome(kv), pendingOf(built.answers));
});

t.test('a crash between any two slices of a merge changes no answer, nor does merging again', async (t) => {
  let slices = 0;
  for (let done = false; !done; slices++) {
    const world = merging();
    for (let i = 0; i < slices; i++) world.store.step();
    done = !world.store.engine.merging;
    const after = restarted(copyOf(world.kv));
    const place = `after ${slices} slices`;
    same(t, answersOf(after), built.answers, place);
    same(t, toCome(world.kv), pendingOf(built.answers), `${place}: what is to come`);
    const again = new World({ handlers, clock: built.clock, kv: copyOf(world.kv), mergeRows: 1, poolCapacity: 0 });
    again.settle();
    same(t, answersOf(again), built.answers, `${place}, merged again`);
    same(t, answersOf(restarted(copyOf(again.kv))), built.answers, `${place}, merged again and restarted`);
    if (t.counts.fail > 0) return;
  }
  t.ok(slices > 8, `${slices} slices`);
});

t.test('a merge answers the same while it goes on and when it is through', async (t) => {
  const world = merging();
  while (world.store.engine.merging) {
    world.store.step();
    same(t, answersOf(world), built.answers);
  }
  t.equal(world.memtable.changed, 0);
  t.equal(world.memtable.merging, false);
  t.equal(readMark(world.kv).position, world.jobs.position);
});

t.test('a slice that cannot be written is tried again, and leaves nothing until it can', async (t) => {
  const world = merging();
  let commits = 0;
  world.kv.beforeWrite = (what) => {
    if (what === 'commit' && ++commits % 3 === 0) throw new DiskFull();
  };
  let refused = 0;
  for (let i = 0; world.store.engine.merging && i < 1000; i++) if (!world.store.step()) refused++;
  world.kv.beforeWrite = () => {};
  t.equal(world.store.engine.merging, false);
  t.ok(refused >= 3, `${refused} slices were refused`);
  same(t, answersOf(world), built.answers);
  same(t, answersOf(restarted(world.kv)), built.answers);
});

t.test('jobs that change during a merge are in the next one', async (t) => {
  const world = merging();
  const draft: JobDraft = { name: 'type-0', trigger: { kind: 'delay', delayMs: 1000 }, isRepeat: false, payload: '{}' };
  const made: number[] = [];
  while (world.store.engine.merging) {
    world.scheduler.request({ kind: 'create', draft }, 1, (answer) => {
      if (answer.ok) made.push(answer.jobs[0]?.spec.seq as number);
    });
    world.scheduler.turn();
    world.store.step();
    world.store.step();
  }
  t.ok(made.length > 3);
  const crashed = restarted(copyOf(world.kv));
  for (const seq of made) t.equal(crashed.memtable.state(seq)?.status, 'pending');
  world.settle();
  const merged = restarted(world.kv);
  for (const seq of made) t.equal(merged.memtable.state(seq)?.status, 'pending');
  same(t, answersOf(merged), answersOf(crashed));
});

t.test('merges that each add to one bucket keep its runs few, and a crash after any slice loses nothing', async (t) => {
  const clock = new FakeClock();
  const at = clock.now() + 24 * hour;
  const draft: JobDraft = { name: 'noop', trigger: { kind: 'at', at }, isRepeat: false, payload: '{}' };
  const world = new World({ clock, mergeRows: 1 });
  const keys = new Set<string>();
  let [made, slices] = [0, 0];
  for (let merge = 1; merge <= 40; merge++) {
    world.scheduler.request({ kind: 'create', draft }, 1, () => made++);
    world.scheduler.turn();
    world.store.step();
    world.scheduler.turn();
    while (world.store.step()) {
      slices++;
      const crashed = copyOf(world.kv);
      const found = toCome(crashed).length;
      if (found !== made) t.fail(`merge ${merge}: ${found} of ${made} jobs are to come`);
      const again = new World({ clock, kv: crashed, mergeRows: 1 });
      again.settle();
      if (toCome(crashed).length !== made) t.fail(`merge ${merge}, done again: not all jobs are to come`);
      checkStore(crashed, clock.now(), (line) => t.fail(`merge ${merge}, done again: ${line}`));
    }
    world.settle();
    for (const chunk of world.kv.keys('due', {})) keys.add(chunk.toString('hex'));
  }
  t.ok(slices > 40 * 5, `${slices} slices`);
  t.equal(made, 40);
  t.ok(world.kv.size('due') <= 8, `${world.kv.size('due')} runs`);
  t.ok(keys.size > 40, 'they were made one under keys of their own');
});

t.test('two merges at once are a broken invariant', async (t) => {
  const world = merging();
  t.throws(
    () => world.store.engine.startMerge({ position: 1, watermark: 0, sets: [], now: 0 }),
    /a merge is under way/,
  );
});

t.test('a log with a hole, or a damaged record behind the merge, refuses to start', async (t) => {
  const { position } = readMark(built.kv);
  const holed = copyOf(built.kv);
  holed.transact((tx) => tx.remove('log', logKey(position + 2)));
  t.throws(() => restarted(holed), {
    name: 'DamagedRecord',
    message: new RegExp(`log record ${position + 2} is missing`),
  });
  const flipped = copyOf(built.kv);
  const record = flipped.get('log', logKey(position + 1)) as Buffer;
  record[record.length >> 1] = (record[record.length >> 1] as number) ^ 1;
  flipped.transact((tx) => tx.put('log', logKey(position + 1), record));
  t.throws(() => restarted(flipped), {
    name: 'DamagedRecord',
    message: new RegExp(`log record ${position + 1} does not match`),
  });
});

t.test('what is out of date leaves with the next merges, however much it is', async (t) => {
  const world = new World({ mergeRows: 350, poolCapacity: 10_000 });
  const drafts = Array.from({ length: 400 }, (_, i) => ({
    name: 'noop',
    trigger: { kind: 'delay' as const, delayMs: (i + 1) * 2 ** 20 },
    isRepeat: false,
    payload: '{}',
  }));
  for (let i = 0; i < 6; i++) world.ask({ kind: 'createMany', drafts });
  for (let i = 0; i < 4000; i++) {
    world.ask({ kind: 'create', draft: drafts[0]!, idempotency: { key: `key ${i}`, digest: 'd' } });
  }
  const keysOf = (tree: 'due' | 'keys' | 'keyExpiry'): number => [...world.kv.keys(tree, {})].length;
  t.ok(keysOf('due') >= 2400);
  t.equal(keysOf('keyExpiry'), 4000);
  world.clock.advance(401 * 2 ** 20);
  world.settle();
  world.endAll();
  t.equal(world.sets.finished, 6400);
  t.same(
    { due: keysOf('due'), keys: keysOf('keys'), keyExpiry: keysOf('keyExpiry') },
    { due: 0, keys: 0, keyExpiry: 0 },
  );
});
