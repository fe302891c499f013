/** What a job shows of its runs: an attempt is a row, neighbouring slots passed over for one reason are one. */
import t from 'tap';
import { type AttemptRun, isPassedOver, type PassedOver, type Run, runsKept } from '../../src/domain/runs/run.js';
import { World } from '../support/world.js';
import {
  after,
  cancel,
  cron,
  endings,
  faultsOf,
  hour,
  id,
  make,
  minute,
  retry,
  running,
  second,
  state,
} from './worlds.js';

function runs(world: World, seq: number): Run[] {
  return (world.queries.runs(id(world, seq), { limit: 10_000 })?.runs ?? []).map(({ run }) => run);
}

/** In few words, the newest first. */
function told(world: World, seq: number): string[] {
  return runs(world, seq).map((run) => `${run.outcome} ${isPassedOver(run) ? `×${run.count}` : `#${run.run}`}`);
}

for (const [how, again] of endings) {
  t.test(`a job that runs once and has run once has no row, and shows its run, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const [good, bad, late, held] = [
      make(world),
      make(world, { maxRetries: 0 }),
      make(world, { trigger: after(second) }),
      make(world, { trigger: after(hour) }),
    ];
    t.same(told(world, good), ['running #1']);
    world.pass(300);
    world.end(good);
    world.end(bad, { kind: 'failed' });
    cancel(world, held);
    world.pass(2 * second);
    cancel(world, late);
    world.endAll();
    world = again(world);
    t.same(told(world, good), ['success #1']);
    const [run] = runs(world, good) as AttemptRun[];
    const begun = world.clock.now() - 2300;
    t.match(run, { attempt: 1, manual: false, startedAt: begun, finishedAt: begun + 300, latenessMs: 0 });
    t.match(runs(world, bad), [{ outcome: 'failed', run: 1, error: { code: 'handler_error', message: 'no' } }]);
    t.same(told(world, late), ['cancelled #1']);
    t.same(told(world, held), []);
    t.equal(world.kv.size('runs'), 0, 'nothing is stored of them');
  });

  t.test(`all attempts of a job that was tried again, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { maxRetries: 1, retryDelayMs: second });
    world.end(seq, { kind: 'failed' });
    world = again(world);
    world.pass(second);
    world.end(seq, { kind: 'failed', code: 'timeout' });
    t.same(told(world, seq), ['timeout #2', 'retried #1']);
    retry(world, seq);
    world = again(world);
    world.settle();
    world.end(seq, { kind: 'interrupted' });
    world.end(seq, { kind: 'snoozed', waitMs: 10 });
    world.pass(10);
    world.end(seq);
    const all = told(world, seq).filter((row) => !row.startsWith('interrupted'));
    t.same(
      all.map((row) => row.split(' ')[0]),
      ['success', 'snoozed', 'timeout', 'retried'],
    );
    t.same(faultsOf(world), []);
  });

  t.test(`what the state said of the only run stays when a user has it tried again, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const failed = make(world, { maxRetries: 0 });
    world.end(failed, { kind: 'failed' });
    world.ask({ kind: 'pauseServer' });
    const expired = make(world, { expiresAfterMs: second });
    world.pass(2 * second);
    t.same(told(world, expired), ['expired ×1']);
    retry(world, failed);
    retry(world, expired);
    world = again(world);
    world.ask({ kind: 'resumeServer' });
    world.endAll();
    t.same(told(world, failed), ['success #2', 'failed #1']);
    t.same(told(world, expired), ['success #1', 'expired ×1']);
    t.same(faultsOf(world), []);
  });

  t.test(`what a repeating job passes over, ${how}`, async (t) => {
    let world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true, misfire: 'skip' });
    const first = world.clock.now() + minute;
    world.pass(minute);
    world.pass(3 * minute);
    world.end(seq);
    world.ask({ kind: 'pause', id: id(world, seq), change: {} });
    world = again(world);
    world.pass(2 * minute);
    world.ask({ kind: 'run', id: id(world, seq) });
    world.end(seq);
    world.ask({ kind: 'resume', id: id(world, seq) });
    world.pass(10);
    world.clock.stand(5 * minute + 2 * second);
    world.settle();
    world.pass(minute);
    world.end(seq);
    t.same(
      told(world, seq).filter((row) => !row.startsWith('interrupted')),
      ['success #3', 'missed ×5', 'success #2', 'skipped_paused ×2', 'skipped_overlap ×3', 'success #1'],
    );
    const rows = runs(world, seq);
    t.match(rows[4], { scheduledFor: first + minute, lastScheduledFor: first + 3 * minute, manual: false });
    t.match(rows[2], { manual: true, attempt: 1 });
    const { skipped, missed } = state(world, seq);
    t.same([skipped, missed], [5, 5]);
    t.same(faultsOf(world), []);
  });
}

t.test('of missed slots the one that runs is not passed over', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('0 * * * * *'), isRepeat: true });
  world.pass(second);
  world.clock.stand(3 * minute + second);
  world.settle();
  world.end(seq);
  t.equal(state(world, seq).missed, 3);
  const [run, missed] = runs(world, seq) as [AttemptRun, PassedOver];
  t.match([run, missed], [{ outcome: 'success' }, { outcome: 'missed', count: 2 }]);
  t.equal(run.scheduledFor, missed.lastScheduledFor + minute);
});

t.test('neighbours passed over for one reason are one row, however long that goes on', async (t) => {
  let world = new World({ mergeRows: 1 });
  const seq = make(world, { trigger: after(second), isRepeat: true });
  for (let i = 0; i < 20; i++) {
    world.ask({ kind: 'pause', id: id(world, seq), change: {} });
    world.pass(3 * second);
    world.ask({ kind: 'resume', id: id(world, seq) });
    if (i % 5 === 0) world = world.crash();
  }
  t.match(runs(world, seq), [{ outcome: 'skipped_paused', count: state(world, seq).skipped }]);
});

t.test('the last hundred rows of a repeating job are kept, and pages do not shift', async (t) => {
  const world = new World({ mergeRows: 20 });
  const seq = make(world, { trigger: after(second), isRepeat: true });
  for (let i = 0; i < 130; i++) {
    world.pass(second);
    if (running(world).includes(seq)) world.end(seq);
  }
  t.equal(runs(world, seq).length, runsKept(true));
  t.same(told(world, seq)[0], 'success #130');
  const pageOf = (before?: number) => world.queries.runs(id(world, seq), { limit: 30, before });
  const first = pageOf();
  t.equal(first?.total, 100);
  world.pass(second);
  world.end(seq);
  const next = pageOf(first?.nextBefore);
  t.match(next?.runs[0]?.run, { run: 100 });
  const last = pageOf(pageOf(next?.nextBefore)?.nextBefore);
  t.equal(last?.nextBefore, undefined);
  t.same(faultsOf(world), []);
  world.settle();
  t.equal(world.kv.size('runs'), 100);
});

t.test('rows go with their job', async (t) => {
  const world = new World({ mergeRows: 1 });
  const seq = make(world, { maxRetries: 2, retryDelayMs: 0 });
  for (let i = 0; i < 3; i++) {
    world.end(seq, { kind: 'failed' });
    world.pass(1);
  }
  t.equal(world.kv.size('runs'), 3);
  const name = id(world, seq);
  world.ask({ kind: 'remove', id: name });
  make(world);
  world.settle();
  t.equal(world.queries.runs(name, { limit: 10 }), undefined);
  t.equal(world.kv.size('runs'), 0);
  t.same(faultsOf(world), []);
});

t.test('a check finds rows that are lost, of nobody or not whole', async (t) => {
  const damaged: [string, (world: World) => void, RegExp][] = [
    ['lost', (world) => remove(world, 1), /is missing/],
    ['the last lost', (world) => remove(world, 2), /end with attempt 2, its state says 3/],
    ['changed', (world) => change(world), /does not match its checksum/],
  ];
  for (const [how, damage, expected] of damaged) {
    const world = new World({ mergeRows: 1 });
    const seq = make(world, { trigger: after(second), isRepeat: true });
    for (let i = 0; i < 3; i++) {
      world.pass(second);
      world.end(seq);
    }
    damage(world);
    t.match(faultsOf(world), [expected], how);
  }
});

function remove(world: World, at: number): void {
  const key = [...world.kv.keys('runs', {})][at];
  if (key) world.kv.transact((tx) => tx.remove('runs', key));
}

function change(world: World): void {
  const [entry] = world.kv.entries('runs', {});
  if (!entry) return;
  const value = Buffer.from(entry.value);
  value[9] = (value[9] ?? 0) ^ 1;
  world.kv.transact((tx) => tx.put('runs', entry.key, value));
}
