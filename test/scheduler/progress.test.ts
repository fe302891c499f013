/** Progress of attempts: in memory at once, on disk within a second and with the end, and not of the attempt before. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, cancel, fillDisk, id, make, second, send, state } from './worlds.js';

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

t.test('a cancellation takes along what was said last', async (t) => {
  const world = new World();
  const seq = make(world);
  say(world, seq, '10');
  cancel(world, seq);
  t.equal(shown(world, seq), '10');
  t.equal(onDisk(world, seq), '10');
});

t.test('so does a slot that ends the attempt', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(second), isRepeat: true, overlap: 'cancel_running' });
  world.pass(second);
  world.pass(second - 100);
  say(world, seq, '10');
  world.pass(100);
  t.match(state(world, seq), { status: 'pending', lastOutcome: 'failed' });
  t.match(world.memtable.detail(seq), { progress: '10', lastError: { code: 'cancelled' } });
});

t.test('what is said before the disk refuses a cancellation is not lost', async (t) => {
  const world = new World();
  const seq = make(world);
  say(world, seq, '10');
  const free = fillDisk(world);
  const answers = send(world, { kind: 'cancel', id: id(world, seq) });
  world.scheduler.turn();
  say(world, seq, '20');
  world.settle();
  t.match(answers, [{ ok: false }]);
  world.end(seq);
  free();
  world.pass(5 * second);
  t.equal(state(world, seq).status, 'success');
  t.equal(onDisk(world, seq), '20');
});

t.test('it is shown while the end is on its way to the disk', async (t) => {
  const world = new World();
  const seq = make(world);
  say(world, seq, '10');
  const free = fillDisk(world);
  world.end(seq);
  t.equal(state(world, seq).status, 'running');
  t.equal(shown(world, seq), '10');
  free();
  world.pass(5 * second);
  t.equal(state(world, seq).status, 'success');
  t.equal(shown(world, seq), '10');
});

t.test('a stop in order keeps what was said last', async (t) => {
  for (const overlap of ['skip', 'cancel_running'] as const) {
    const world = new World();
    const seq = make(world, { trigger: after(second), isRepeat: true, overlap });
    world.pass(second);
    say(world, seq, '10');
    const next = world.restart({ handlers: [] });
    t.equal(onDisk(next, seq), '10', overlap);
  }
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
