/** Progress of attempts: in memory at once, on disk within a second and with the end, and not of the attempt before. */
import t from 'tap';
import { World } from '../support/world.js';
import { cancel, fillDisk, make, second, state } from './worlds.js';

const say = (world: World, seq: number, progress: string, fence = world.pool.attempts.get(seq)?.fence ?? 0) =>
  world.scheduler.progress([{ jobSeq: seq, fence, progress }]);
const onDisk = (world: World, seq: number) => world.memtable.detail(seq).progress;
const shown = (world: World, seq: number) => {
  const job = world.memtable.job(seq);
  return job && world.scheduler.progressOf(job);
};

t.test('it is shown at once and on disk within a second', async (t) => {
  const world = new World();
  const seq = make(world);
  say(world, seq, '10');
  say(world, seq, '20');
  t.equal(shown(world, seq), '20');
  t.equal(onDisk(world, seq), undefined);
  t.match(world.transient, [{ jobSeq: seq, jobName: 'noop', body: { type: 'job.progress', progress: '10' } }, {}]);
  world.pass(second);
  t.equal(onDisk(world, seq), '20');
  t.equal(world.crash().memtable.detail(seq).progress, '20');
  t.equal(world.events.length, 2, 'and is no event of the log');
});

t.test('with its end the last is on disk, beside the result', async (t) => {
  const world = new World();
  for (const result of [undefined, '{"r":1}']) {
    const seq = make(world);
    say(world, seq, '{"step":3}');
    world.end(seq, { kind: 'succeeded', ...(result && { result }) });
    t.same(world.memtable.detail(seq), { progress: '{"step":3}', ...(result && { result }) });
    t.equal(shown(world, seq), '{"step":3}');
  }
});

t.test('a new attempt begins without', async (t) => {
  const world = new World();
  const seq = make(world, { retryDelayMs: 0 });
  say(world, seq, '50');
  world.end(seq, { kind: 'failed' });
  t.equal(state(world, seq).status, 'running');
  t.match(world.memtable.detail(seq), { progress: undefined, lastError: { message: 'no' } });
  t.equal(shown(world, seq), undefined);
  say(world, seq, '60', 1);
  t.equal(shown(world, seq), undefined, 'what the attempt before says is not heard');
});

t.test('a disk that refuses loses none of it', async (t) => {
  const world = new World();
  const [first, second_] = [make(world), make(world)];
  const free = fillDisk(world);
  say(world, first, '10');
  say(world, second_, '20');
  world.end(first);
  world.pass(3 * second);
  t.equal(shown(world, second_), '20');
  free();
  world.pass(5 * second);
  t.match(state(world, first), { status: 'success' });
  t.equal(onDisk(world, first), '10');
  t.equal(onDisk(world, second_), '20');
});

t.test('of a job that is cancelled nothing more is taken', async (t) => {
  const world = new World();
  const seq = make(world);
  say(world, seq, '10');
  world.pass(second);
  cancel(world, seq);
  say(world, seq, '20');
  world.pass(second);
  t.equal(onDisk(world, seq), '10');
  t.equal(state(world, seq).status, 'cancelled');
});

t.test('a thousand attempts that talk all the time cost a few commits', async (t) => {
  const world = new World({ poolCapacity: 1000 });
  const seqs = Array.from({ length: 1000 }, () => make(world));
  const before = world.jobs.position;
  for (let i = 0; i < 20; i++) {
    for (const seq of seqs) say(world, seq, String(i));
    world.pass(100);
  }
  t.ok(world.jobs.position - before <= 8, `${world.jobs.position - before} commits`);
});
