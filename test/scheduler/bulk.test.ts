/** What is done with many jobs: those that were meant when it was accepted, each once, one request after the other, over crashes and full disks. */
import t from 'tap';
import { type BulkAction, type BulkRecord, meantBy } from '../../src/domain/control/bulk.js';
import type { JobFilter } from '../../src/domain/finding/job-filter.js';
import { formatId } from '../../src/domain/id.js';
import type { JobPatch } from '../../src/scheduler/messages.js';
import type { BulkJobs } from '../../src/store/port.js';
import type { Steps } from '../../src/store/queries-port.js';
import { anyHandler, DiskFull, World } from '../support/world.js';
import { faultsOf } from './worlds.js';

const hour = 3_600_000;
const handlers = [anyHandler('a'), anyHandler('b')];

function answered<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** Hands a request over and returns its number; the world has not worked on it yet. */
function ask(world: World, action: BulkAction, filter: JobFilter, patch?: JobPatch): () => BulkRecord | undefined {
  const jobs: readonly BulkJobs[] = answered(world.queries.matching(meantBy(action, filter)));
  let id = 0;
  world.scheduler.request({ kind: 'bulk', action, filter, askedFilter: '{}', patch, jobs }, 1, (answer) => {
    if (answer.ok && 'bulk' in answer) id = answer.bulk.id;
  });
  return () => world.scheduler.bulks.find((bulk) => bulk.id === id);
}

function make(world: World, count: number, name = 'a'): number[] {
  return Array.from(
    { length: count },
    () => world.create({ name, trigger: { kind: 'delay', delayMs: hour } }).jobs[0]!.spec.seq,
  );
}

const statuses = (world: World): string =>
  world.queries
    .list({ limit: 5000, offset: 0, descending: false })
    .jobs.map(({ state }) => state.status[0])
    .join('');

t.test('jobs that match are acted on, and no others', async (t) => {
  const world = new World({ handlers });
  make(world, 3, 'a');
  make(world, 2, 'b');
  const bulk = ask(world, 'cancel', { names: ['a'] });
  world.settle();
  t.match(bulk(), { id: 1, action: 'cancel', status: 'success', matched: 3, done: 3, skipped: 0, failed: 0 });
  t.equal(statuses(world), 'cccpp');
  t.same(
    world.events.filter(({ body }) => body.type === 'job.cancelled').map(({ jobSeq }) => jobSeq),
    [1, 2, 3],
    'each tells of itself',
  );
  t.same(faultsOf(world), []);
});

t.test('which jobs are meant is fixed when it is accepted; what does not match any more is skipped', async (t) => {
  const world = new World({ handlers });
  const [first, second] = make(world, 3);
  const bulk = ask(world, 'cancel', { names: ['a'] });
  const idOf = (seq: number | undefined): string =>
    formatId(seq as number, world.memtable.spec(seq as number).idSeconds);
  // They are decided before it has its turn.
  const late = make(world, 1);
  t.match(bulk(), { matched: 3, done: 3 }, 'the one that came later is not meant');
  t.equal(statuses(world), 'cccp');
  const again = ask(world, 'remove', { statuses: ['cancelled', 'pending'] });
  world.scheduler.request({ kind: 'remove', id: idOf(first) }, 1, () => {});
  world.settle();
  t.match(again(), { matched: 3, status: 'success' });
  t.equal((again()?.done ?? 0) + (again()?.skipped ?? 0), 3);
  t.same(
    world.queries.list({ limit: 10, offset: 0 }).jobs.map(({ spec }) => spec.seq),
    late,
  );
  t.equal(second, 2);
});

t.test('every action does what it does with one job', async (t) => {
  const world = new World({ handlers, poolCapacity: 100 });
  make(world, 4);
  const run = (action: BulkAction, filter: JobFilter = {}, patch?: JobPatch): BulkRecord => {
    const bulk = ask(world, action, filter, patch);
    world.settle();
    return bulk() as BulkRecord;
  };
  t.match(run('update', {}, { maxRetries: 0, priority: 7, tags: ['x'] }), { done: 4 });
  t.match(run('update', { tags: ['x'] }, { tags: undefined }), { done: 4 });
  t.match(world.memtable.spec(1), { maxRetries: 0, priority: 7, tags: undefined });
  t.match(run('pause'), { done: 4 });
  t.match(run('resume', { paused: true }), { done: 4 });
  t.match(run('run'), { done: 4 });
  t.equal(world.pool.attempts.size, 4, 'they run now');
  for (const seq of [1, 2, 3]) world.end(seq, { kind: 'failed' });
  t.match(run('retry'), { matched: 3, done: 3 });
  for (const seq of [1, 2]) world.end(seq, { kind: 'failed' });
  t.match(run('retry', { errorGroup: 1 }), { matched: 0, status: 'success' });
  t.match(run('cancel'), { matched: 2, done: 2 });
  t.match(run('remove'), { matched: 4, done: 4 });
  t.equal(statuses(world), '');
  t.same(faultsOf(world), []);
});

t.test('what is refused for a job counts as failed, with the first reasons', async (t) => {
  const world = new World({ handlers });
  make(world, 15);
  world.create({ name: 'a', isRepeat: true, trigger: { kind: 'delay', delayMs: hour } });
  const bulk = ask(world, 'update', {}, { maxRuns: 5 });
  world.settle();
  t.match(bulk(), { matched: 16, done: 1, failed: 15, status: 'success' });
  t.equal(bulk()?.errors.length, 10);
  t.match(bulk()?.errors[0], { code: 'validation_failed', detail: /max_runs/, jobId: /^job_/ });
});

t.test('one runs at a time, in slices; one can be stopped', async (t) => {
  const world = new World({ handlers, lags: true });
  make(world, 1500, 'a');
  make(world, 10, 'b');
  const bulks = [ask(world, 'pause', { names: ['a'] }), ask(world, 'cancel', { names: ['b'] })] as const;
  const seen = new Set<string>();
  for (let i = 0; i < 2000; i++) {
    const [first, second] = [bulks[0](), bulks[1]()];
    if (first && second) {
      seen.add(`${first.status} ${second.status}`);
      t.ok(first.status === 'success' || second.done === 0, 'the second waits');
    }
    if (first?.status === 'running' && seen.size > 0) break;
    if (!world.store.step()) world.scheduler.turn();
  }
  t.ok(seen.has('running pending'), [...seen].join());
  const { id } = bulks[0]() as BulkRecord;
  world.scheduler.request({ kind: 'cancelBulk', id }, 1, () => {});
  world.settle();
  const stopped = bulks[0]() as BulkRecord;
  t.match(stopped, { status: 'cancelled', matched: 1500 });
  t.ok(stopped.done > 0 && stopped.done < 1500, `${stopped.done} are done`);
  t.equal(world.queries.list({ filter: { paused: true }, limit: 1, offset: 0 }).total, stopped.done);
  t.match(bulks[1](), { status: 'success', done: 10 });
  t.match(world.ask({ kind: 'cancelBulk', id }), { ok: true, bulk: stopped }, 'stopped again it stays as it is');
  t.match(world.ask({ kind: 'cancelBulk', id: 99 }), { ok: false, refusal: { code: 'not_found' } });
  t.same(faultsOf(world), []);
});

t.test('a crash after any commit: it goes on where it was, and acts on each job once', async (t) => {
  for (let steps = 1; steps < 40; steps += 2) {
    let world = new World({ handlers, lags: true, mergeRows: 100 });
    make(world, 1200);
    ask(world, 'pause', {});
    for (let i = 0; i < steps; i++) if (!world.store.step()) world.scheduler.turn();
    world = world.crash();
    world.settle();
    const [bulk] = world.scheduler.bulks;
    const paused = world.queries.list({ filter: { paused: true }, limit: 1, offset: 0 }).total;
    if (bulk) t.match(bulk, { status: 'success', matched: 1200, done: 1200, skipped: 0 }, `after ${steps} steps`);
    t.equal(paused, bulk ? 1200 : 0);
    const events = world.queries.eventsAfter(0, 1e6).events.filter(({ body }) => body.type === 'job.paused');
    t.equal(events.length, paused, 'none was paused twice');
    t.same(faultsOf(world), []);
    world.state.dispose();
  }
});

t.test('what the disk refuses is done again when there is room', async (t) => {
  const world = new World({ handlers });
  make(world, 600);
  let writes = 0;
  world.kv.beforeWrite = () => {
    if (++writes > 2) throw new DiskFull();
  };
  const bulk = ask(world, 'cancel', {});
  world.settle();
  world.kv.beforeWrite = () => {};
  world.pass(60_000);
  const record = bulk();
  if (record) t.match(record, { status: 'success', done: 600, skipped: 0, failed: 0 });
  t.same(new Set(statuses(world)), new Set(record ? 'c' : 'p'));
  t.same(faultsOf(world), []);
});

t.test('the last hundred are kept', async (t) => {
  const world = new World({ handlers });
  make(world, 1);
  for (let i = 0; i < 105; i++) {
    ask(world, i % 2 ? 'resume' : 'pause', {});
    world.settle();
  }
  const ids = world.scheduler.bulks.map(({ id }) => id);
  t.same([ids.length, ids[0], ids.at(-1)], [100, 105, 6]);
  t.same(
    world.crash().scheduler.bulks.map(({ id }) => id),
    ids,
  );
});

t.test('a request that comes twice under one number is one', async (t) => {
  const world = new World({ handlers });
  make(world, 3);
  const filter = meantBy('pause', { names: ['a'] });
  const answers: (BulkRecord | undefined)[] = [];
  const send = (): void => {
    const jobs = answered(world.queries.matching(filter));
    const request = { kind: 'bulk', action: 'pause', filter, askedFilter: '{}', jobs, id: 7 } as const;
    world.scheduler.request(request, 1, (answer) =>
      answers.push(answer.ok && 'bulk' in answer ? answer.bulk : undefined),
    );
  };
  send();
  send();
  world.settle();
  make(world, 2);
  send();
  world.settle();
  t.match(answers, [{ id: 7 }, { id: 7 }, { id: 7, status: 'success', done: 3 }]);
  t.match(world.scheduler.bulks, [{ id: 7, matched: 3, done: 3 }]);
  t.equal(world.scheduler.bulks.length, 1);
  const next = ask(world, 'cancel', { names: ['a'] });
  world.settle();
  t.match(next(), { id: 8, done: 5 });
});
