/** One job per key: a key is taken while its job is pending or running, whatever happens to the process. */
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import type { Job } from '../../src/domain/job.js';
import type { Answer, JobDraft, MadeJob } from '../../src/scheduler/messages.js';
import { DiskFull, World } from '../support/world.js';
import { send } from './worlds.js';

const hour = 3_600_000;
const draft = (more: Partial<JobDraft> = {}): JobDraft => ({
  name: 'noop',
  trigger: { kind: 'delay', delayMs: hour },
  isRepeat: false,
  payload: '{}',
  key: 'k',
  ...more,
});
const now = { kind: 'delay', delayMs: 0 } as const;
const ask = (world: World, more: Partial<JobDraft> = {}): Answer | undefined =>
  world.ask({ kind: 'create', draft: draft(more) });
const idOf = ({ spec }: Job): string => formatId(spec.seq, spec.idSeconds);
/** In short: what was made, what was there, or who is in the way. */
function told(answer: Answer | undefined): string {
  if (answer === undefined) return 'nothing';
  if (!answer.ok) return `${answer.refusal.code} ${answer.refusal.jobId}`;
  const [job] = answer.jobs;
  return `${'existed' in answer && answer.existed ? 'there' : 'made'} ${job?.spec.seq}`;
}

t.test('a second job with the key is refused, and the refusal names the first', async (t) => {
  const world = new World();
  t.equal(told(ask(world)), 'made 1');
  const first = world.memtable.job(1) as Job;
  const refused = ask(world);
  t.equal(told(refused), `conflict ${idOf(first)}`);
  t.match(refused, { ok: false, refusal: { detail: new RegExp(idOf(first)) } });
  t.equal(told(ask(world, { ifExists: 'reject' })), `conflict ${idOf(first)}`);
  t.equal(told(ask(world, { key: 'K' })), 'made 2', 'a key is taken by the letter');
  t.equal(world.queries.totals().pending, 2);
});

t.test('a key names a job within its type', async (t) => {
  const world = new World({ handlers: [] });
  t.equal(told(ask(world, { name: 'a' })), 'made 1');
  t.equal(told(ask(world, { name: 'b' })), 'made 2');
  t.equal(told(ask(world, { name: 'b', ifExists: 'return' })), 'there 2');
});

t.test('"return" answers the first, unchanged', async (t) => {
  const world = new World();
  ask(world, { payload: '{"n":1}' });
  const before = world.memtable.job(1);
  const answer = ask(world, { payload: '{"n":2}', ifExists: 'return' });
  t.equal(told(answer), 'there 1');
  t.same(world.memtable.job(1), before);
  t.equal(world.queries.lastEvent(), 1, 'nothing has happened');
});

t.test('requests that wait for the same commit see each other', async (t) => {
  const world = new World();
  const answers: string[] = [];
  for (const more of [{}, {}, { ifExists: 'return' }] as const)
    world.scheduler.request({ kind: 'create', draft: draft(more) }, 1, (answer) => answers.push(told(answer)));
  world.scheduler.turn();
  // The first batch is being written.
  world.scheduler.request({ kind: 'create', draft: draft({ ifExists: 'return' }) }, 1, (answer) =>
    answers.push(told(answer)),
  );
  world.settle();
  t.equal(answers.filter((text) => text === 'made 1').length, 1);
  t.equal(answers.filter((text) => text.startsWith('conflict')).length, 1);
  t.equal(answers.filter((text) => text === 'there 1').length, 2);
});

t.test('the end of its job frees a key, and so does its removal', async (t) => {
  const world = new World();
  ask(world, { trigger: now });
  t.match(told(ask(world)), 'conflict', 'it runs');
  world.end(1);
  t.equal(told(ask(world)), 'made 2');
  world.ask({ kind: 'cancel', id: idOf(world.memtable.job(2) as Job) });
  t.equal(told(ask(world)), 'made 3');
  world.ask({ kind: 'cancel', id: idOf(world.memtable.job(3) as Job) });
  world.ask({ kind: 'remove', id: idOf(world.memtable.job(3) as Job) });
  world.settle();
  t.same([...world.kv.keys('jobKeys', {})], [], 'nothing stays of a key without a holder');
  t.equal(told(ask(world)), 'made 4');
});

t.test('with a time to live a key stays taken, counted from the making of its job', async (t) => {
  const world = new World();
  ask(world, { trigger: now, keyTtlMs: hour });
  world.end(1);
  t.match(told(ask(world)), 'conflict');
  t.equal(told(ask(world, { ifExists: 'return' })), 'there 1');
  world.pass(hour - 1);
  t.match(told(ask(world)), 'conflict');
  world.pass(1);
  t.equal(told(ask(world)), 'made 2');
});

t.test('a job that waits longer than its time to live keeps the key', async (t) => {
  const world = new World();
  ask(world, { keyTtlMs: 1000 });
  world.pass(10_000);
  t.match(told(ask(world)), 'conflict');
});

t.test('retention frees keys', async (t) => {
  const world = new World({ retentionMs: 1000, mergeRows: 1 });
  ask(world, { trigger: now, keyTtlMs: hour });
  world.end(1);
  world.pass(5000);
  t.equal(world.memtable.job(1), undefined);
  t.same([...world.kv.keys('jobKeys', {})], []);
  t.equal(told(ask(world)), 'made 2');
});

t.test('a retry needs the key', async (t) => {
  const world = new World();
  ask(world, { trigger: now, maxRetries: 0 });
  world.end(1, { kind: 'failed' });
  const id = idOf(world.memtable.job(1) as Job);
  ask(world);
  const second = idOf(world.memtable.job(2) as Job);
  t.equal(told(world.ask({ kind: 'retry', id })), `conflict ${second}`);
  t.equal(world.memtable.job(1)?.state.status, 'failed');
  world.ask({ kind: 'cancel', id: second });
  t.equal(told(world.ask({ kind: 'retry', id })), 'made 1');
  t.equal(told(ask(world)), `conflict ${id}`);
  world.ask({ kind: 'remove', id: second });
  t.equal(told(ask(world)), `conflict ${id}`, 'the key is not the removed one’s any more');
});

t.test('keys survive a crash before and after merges, and a write that is refused leaves none', async (t) => {
  let world = new World({ mergeRows: 5 });
  ask(world);
  world = world.crash();
  t.match(told(ask(world)), 'conflict');
  for (let i = 0; i < 20; i++) ask(world, { key: `other-${i}` });
  world.settle();
  world = world.crash();
  t.equal(told(ask(world, { ifExists: 'return' })), 'there 1');
  world.kv.beforeWrite = () => {
    throw new DiskFull();
  };
  t.match(told(ask(world, { key: 'new' })), 'storage_unavailable');
  world.kv.beforeWrite = () => {};
  world.pass(60_000);
  t.match(told(ask(world, { key: 'new' })), /^made/);
});

t.test('in a list each sees those before it, and one that is refused refuses all', async (t) => {
  const world = new World({ requestedJobsPerTurn: 1 });
  ask(world, { key: 'taken' });
  const list = (...drafts: readonly JobDraft[]): Answer | undefined => world.ask({ kind: 'createMany', drafts });
  const refused = list(draft({ key: 'a' }), draft({ key: undefined }), draft({ key: 'taken' }));
  t.match(refused, {
    ok: false,
    refusal: { code: 'conflict', jobId: idOf(world.memtable.job(1) as Job), faults: [{ path: '/2/key' }] },
  });
  t.match(list(draft({ key: 'a' }), draft({ key: 'a' })), {
    ok: false,
    refusal: { code: 'conflict', jobId: undefined, faults: [{ path: '/1/key', message: /\/0/ }] },
  });
  t.equal(world.queries.totals().pending, 1, 'nothing was made');
  const answer = list(
    draft({ key: 'a', ifExists: 'return' }),
    draft({ key: 'a', ifExists: 'return' }),
    draft({ key: 'taken', ifExists: 'return' }),
    draft({ key: 'b' }),
  );
  if (!answer?.ok || !('each' in answer)) throw new Error('refused');
  const each = (answer.each as readonly MadeJob[]).map(
    ({ job, existed }) => `${existed ? 'there' : 'made'} ${job.spec.seq}`,
  );
  t.same(each, ['made 2', 'there 2', 'there 1', 'made 3']);
  t.equal(world.queries.totals().pending, 3);
});

t.test('where each item stands alone, so do their keys', async (t) => {
  const world = new World();
  const items = [draft(), draft(), draft({ ifExists: 'return' })].map((each) => ({ draft: each }));
  const answer = world.ask({ kind: 'createEach', items });
  if (!answer?.ok || !('each' in answer)) throw new Error('refused');
  t.match(answer.each, [
    { existed: false, job: { spec: { seq: 1 } } },
    { code: 'conflict', jobId: idOf(world.memtable.job(1) as Job) },
    { existed: true, job: { spec: { seq: 1 } } },
  ]);
});

t.test('an idempotency key is looked at first, and kept only with a job that was made', async (t) => {
  const world = new World();
  const once = (key: string, more: Partial<JobDraft> = {}): Answer | undefined =>
    world.ask({ kind: 'create', draft: draft(more), idempotency: { key, digest: key } });
  t.equal(told(once('first')), 'made 1');
  const again = once('first');
  t.ok(again?.ok && again.replayed, 'it is repeated, and not in its own way');
  t.equal(told(once('second', { ifExists: 'return' })), 'there 1');
  world.ask({ kind: 'cancel', id: idOf(world.memtable.job(1) as Job) });
  const third = once('second', { ifExists: 'return' });
  t.equal(told(third), 'made 2', 'what was answered with one that was there is carried out again');
  t.ok(third?.ok && !third.replayed);
});

const threeKeys = [draft({ key: 'a' }), draft({ key: undefined }), draft({ key: 'b' })];
/** What became of each job of a list, in short. */
const made = (answer: Answer | undefined): string[] =>
  answer?.ok && 'each' in answer
    ? (answer.each as readonly MadeJob[]).map(({ job, existed }) => `${existed ? 'there' : 'made'} ${job.spec.key}`)
    : [told(answer)];

t.test('a list that is half made has its keys before an attempt that enqueues a job with one of them', async (t) => {
  const world = new World({ requestedJobsPerTurn: 1 });
  ask(world, { key: undefined, trigger: now });
  const answers = send(world, { kind: 'createMany', drafts: threeKeys });
  world.scheduler.turn();
  world.end(1, { kind: 'succeeded', enqueued: [JSON.stringify(draft({ key: 'b', payload: '"child"' }))] });
  world.settle();
  t.same(answers.map(made), [['made a', 'made undefined', 'made b']]);
  t.equal(world.memtable.state(1)?.status, 'success');
  t.equal(world.queries.totals().pending, 3, 'what was enqueued is the job of the list');
});

t.test('and before a bulk action that has jobs begin anew', async (t) => {
  const world = new World({ requestedJobsPerTurn: 1 });
  for (const key of ['x', 'b']) {
    ask(world, { key, trigger: now, maxRetries: 0 });
    world.end(world.scheduler.counters.nextSeq - 1, { kind: 'failed' });
  }
  const filter = { statuses: ['failed'] } as const;
  const jobs = [{ block: 0, places: Uint32Array.of(1, 2) }];
  send(world, { kind: 'bulk', action: 'retry', filter, askedFilter: '{}', patch: undefined, jobs });
  world.scheduler.turn();
  const answers = send(world, { kind: 'createMany', drafts: threeKeys });
  world.settle();
  t.same(answers.map(made), [['made a', 'made undefined', 'made b']]);
  t.match(world.scheduler.bulks, [{ status: 'success', done: 1, failed: 1 }]);
});
