/** `if_exists: "replace"`: what becomes of the job that has the key, pending, running or finished. */
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import type { Job, JobState } from '../../src/domain/job.js';
import type { Answer, JobDraft, MadeJob } from '../../src/scheduler/messages.js';
import { World } from '../support/world.js';

const hour = 3_600_000;
const now = { kind: 'delay', delayMs: 0 } as const;
const everySecond = { kind: 'cron', expression: '* * * * * *' } as const;
const daily = { kind: 'cron', expression: '0 0 9 * * *' } as const;
const put = (world: World, more: Partial<JobDraft> = {}): Answer | undefined =>
  world.ask({
    kind: 'create',
    draft: {
      name: 'noop',
      trigger: { kind: 'delay', delayMs: hour },
      isRepeat: false,
      payload: '{}',
      key: 'k',
      ifExists: 'replace',
      ...more,
    },
  });
const job = (world: World, seq = 1): Job => world.memtable.job(seq) as Job;
const state = (world: World, seq = 1): JobState => job(world, seq).state;
const idOf = ({ spec }: Job): string => formatId(spec.seq, spec.idSeconds);
function told(answer: Answer | undefined): string {
  if (!answer?.ok) return `refused ${answer?.refusal.detail}`;
  return `${'existed' in answer && answer.existed ? 'there' : 'made'} ${answer.jobs[0]?.spec.seq}`;
}
const eventsOf = (world: World, seq = 1): string[] =>
  world.events.filter(({ jobSeq }) => jobSeq === seq).map(({ body }) => body.type);

t.test('a pending job becomes what is asked for', async (t) => {
  const world = new World();
  t.equal(
    told(put(world, { payload: '{"n":1}', priority: 5, tags: ['old'], maxRetries: 7, timeoutMs: 1000 })),
    'made 1',
  );
  const { createdAt } = job(world).spec;
  world.pass(1000);
  t.equal(told(put(world, { payload: '{"n":2}' })), 'there 1');
  const { spec } = job(world);
  t.match(spec, {
    payload: '{"n":2}',
    priority: undefined,
    tags: undefined,
    maxRetries: 3,
    timeoutMs: 300_000,
    createdAt,
  });
  t.equal(state(world).due, world.clock.now() + hour, 'a delay counts from now: that is a debounce');
  t.same(eventsOf(world), ['job.scheduled', 'job.updated']);
  world.pass(hour);
  t.equal(world.pool.attempts.get(1)?.payload, '{"n":2}');
});

t.test('a retry that waits is replaced, and its retries with it', async (t) => {
  const world = new World();
  put(world, { trigger: now });
  world.end(1, { kind: 'failed' });
  t.match(state(world), { status: 'pending', retryCount: 1, attempt: 1 });
  put(world, { payload: '{"n":2}' });
  t.match(state(world), { status: 'pending', retryCount: 0, attempt: 0, due: world.clock.now() + hour });
  t.ok(job(world).detail.lastError, 'what has happened stays');
});

t.test('what keeps its schedule keeps due time and retries: a deploy moves nothing', async (t) => {
  const world = new World();
  put(world, { trigger: daily, isRepeat: true });
  const first = state(world);
  world.pass(1000);
  put(world, { trigger: daily, isRepeat: true, payload: '{"n":2}' });
  t.match(state(world), { due: first.due, occurrence: first.occurrence });
  t.equal(job(world).spec.payload, '{"n":2}');
  world.pass(first.due - world.clock.now());
  world.end(1, { kind: 'failed' });
  const failed = state(world);
  t.match(failed, { status: 'pending', retryCount: 1 });
  put(world, { trigger: daily, isRepeat: true, payload: '{"n":3}' });
  t.match(state(world), { due: failed.due, occurrence: first.occurrence, retryCount: 1, attempt: 1 });
  put(world, { trigger: { ...daily, timezone: 'Asia/Tokyo' }, isRepeat: true });
  t.match(state(world), { retryCount: 0, attempt: 0 }, 'another zone is another schedule');
  t.not(state(world).due, failed.due);
});

t.test('an interval stays on its grid', async (t) => {
  const world = new World();
  const interval = { trigger: { kind: 'delay', delayMs: 10_000 }, isRepeat: true } as const;
  put(world, interval);
  const { due } = state(world);
  world.pass(3000);
  put(world, interval);
  t.equal(state(world).due, due);
  put(world, { trigger: { kind: 'delay', delayMs: 20_000 }, isRepeat: true });
  t.equal(state(world).due, world.clock.now() + 20_000);
});

t.test('counts, runs and a pause stay', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true });
  world.pass(1000);
  world.end(1);
  world.ask({ kind: 'pause', id: idOf(job(world)), change: { reason: 'because' } });
  put(world, { trigger: daily, isRepeat: true });
  t.match(state(world), { runCount: 1, lastOutcome: 'success', pause: { reason: 'because' } });
});

t.test('a repeating job may become a single one, and the other way round', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true });
  world.pass(1000);
  world.end(1);
  put(world, { trigger: { kind: 'at', at: -5000 } });
  t.equal(world.pool.attempts.size, 1, 'it is due now, however long ago that was');
  t.match(state(world), { status: 'running', runCount: 1 });
  world.end(1);
  t.equal(state(world).status, 'success');
  t.equal(told(put(world)), 'made 2');
  put(world, { trigger: everySecond, isRepeat: true });
  world.pass(1000);
  t.equal(world.pool.attempts.get(2)?.attempt, 1);
});

t.test('a repeating job that runs ends as it was, then the new spec holds', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true, payload: '{"n":1}' });
  world.pass(1000);
  const running = state(world);
  t.equal(told(put(world, { trigger: daily, isRepeat: true, payload: '{"n":2}' })), 'there 1');
  t.match(state(world), { status: 'running', fence: running.fence, due: running.due });
  t.equal(job(world).spec.payload, '{"n":1}', 'it shows what runs');
  world.end(1);
  t.equal(job(world).spec.payload, '{"n":2}');
  t.match(job(world).spec, { trigger: { expression: daily.expression }, successor: undefined });
  t.match(state(world), {
    status: 'pending',
    runCount: 1,
    lastOutcome: 'success',
    due: Date.parse('2026-01-01T09:00Z'),
  });
  t.same(eventsOf(world).slice(-3), ['job.completed', 'job.scheduled', 'job.updated']);
});

t.test('of several requests while it runs the last one holds', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true });
  world.pass(1000);
  put(world, { trigger: daily, isRepeat: true, payload: '{"n":2}' });
  put(world, { trigger: { kind: 'delay', delayMs: hour }, payload: '{"n":3}' });
  const at = world.clock.now() + hour;
  world.pass(500);
  world.end(1);
  t.match(job(world), {
    spec: { payload: '{"n":3}', trigger: { kind: 'once' } },
    state: { status: 'pending', due: at },
  });
});

t.test('a failure of what runs grants a retry where the schedule stays, else the new one begins', async (t) => {
  for (const [trigger, retryCount] of [
    [daily, 1],
    [{ ...daily, expression: '0 0 10 * * *' }, 0],
  ] as const) {
    const world = new World();
    put(world, { trigger: daily, isRepeat: true });
    world.pass(24 * hour);
    t.equal(state(world).status, 'running');
    put(world, { trigger, isRepeat: true, payload: '{"n":2}' });
    world.end(1, { kind: 'failed' });
    t.match(state(world), { status: 'pending', retryCount });
    t.equal(job(world).spec.payload, '{"n":2}');
  }
});

t.test('a slot that ends what runs has the new spec hold, too', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true, overlap: 'cancel_running' });
  world.pass(1000);
  t.equal(state(world).status, 'running');
  put(world, { trigger: daily, isRepeat: true, payload: '{"n":2}' });
  world.pass(1000);
  t.match(state(world), { status: 'pending', due: Date.parse('2026-01-01T09:00Z') });
  t.match(job(world).spec, { payload: '{"n":2}', successor: undefined });
  world.end(1);
  t.equal(state(world).status, 'pending');
});

t.test('a crash ends what runs as it was, and the new spec holds', async (t) => {
  let world = new World();
  put(world, { trigger: daily, isRepeat: true });
  world.pass(24 * hour);
  put(world, { trigger: daily, isRepeat: true, payload: '{"n":2}' });
  world = world.crash();
  world.settle();
  t.equal(world.pool.attempts.get(1)?.payload, '{"n":2}', 'what was interrupted runs again at once');
  t.equal(job(world).spec.successor, undefined);
});

t.test('a job at the end of its schedule goes on by the new one', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true, maxRuns: 1 });
  world.pass(1000);
  put(world, { trigger: everySecond, isRepeat: true, maxRuns: 3 });
  world.end(1);
  t.match(state(world), { status: 'pending', runCount: 1, lastOutcome: 'success' });
  world.pass(1000);
  t.match(state(world), { status: 'running', runCount: 2 });
  put(world, { trigger: daily, isRepeat: true, endAt: world.clock.now() + 24 * hour });
  world.clock.advance(48 * hour);
  world.end(1);
  t.equal(state(world).status, 'success', 'nothing is left of the new one');
});

t.test('a spec by which the job would never run again is refused', async (t) => {
  const world = new World();
  put(world, { trigger: everySecond, isRepeat: true });
  for (let i = 0; i < 2; i++) {
    world.pass(1000);
    world.end(1);
  }
  t.match(put(world, { trigger: everySecond, isRepeat: true, maxRuns: 2 }), {
    ok: false,
    refusal: { code: 'validation_failed', faults: [{ path: '/max_runs' }] },
  });
  const { due } = state(world);
  t.match(put(world, { trigger: everySecond, isRepeat: true, endAt: due - 1 }), {
    ok: false,
    refusal: { code: 'validation_failed', faults: [{ path: '/end_at' }] },
  });
  const list = world.ask({
    kind: 'createMany',
    drafts: [
      { name: 'noop', trigger: now, isRepeat: false, payload: '{}' },
      {
        name: 'noop',
        trigger: everySecond,
        isRepeat: true,
        payload: '{}',
        key: 'k',
        ifExists: 'replace',
        maxRuns: 1,
      },
    ],
  });
  t.match(list, { ok: false, refusal: { faults: [{ path: '/1/max_runs' }] } });
  t.equal(world.queries.totals().pending, 1, 'nothing was made');
});

t.test('beside a single job that runs a new one is made, and waits for its end', async (t) => {
  const world = new World();
  put(world, { trigger: now, payload: '{"n":1}' });
  t.equal(told(put(world, { trigger: now, payload: '{"n":2}' })), 'made 2');
  t.equal(state(world, 2).status, 'pending');
  t.equal(world.scheduler.waitingFor(job(world, 2)), 'previous_run');
  t.same([...world.pool.attempts.keys()], [1]);
  // Others of the type go on.
  put(world, { trigger: now, key: 'other' });
  t.ok(world.pool.attempts.has(3));
  t.equal(told(put(world, { trigger: now, payload: '{"n":4}' })), 'there 2', 'it has the key now');
  world.end(1);
  t.equal(state(world, 1).status, 'success');
  t.equal(world.pool.attempts.get(2)?.payload, '{"n":4}');
});

t.test('the one that lost its key gets no further attempt', async (t) => {
  const lost = (outcome: Parameters<World['end']>[1]): World => {
    const world = new World();
    put(world, { trigger: now });
    put(world, { trigger: now });
    world.end(1, outcome);
    t.ok(world.pool.attempts.has(2));
    return world;
  };
  const failed = lost({ kind: 'failed' });
  t.match(state(failed), { status: 'failed', retryCount: 0 });
  t.equal(state(lost({ kind: 'interrupted' } as never)).status, 'cancelled');
  t.equal(state(lost({ kind: 'snoozed', waitMs: 1000 } as never)).status, 'cancelled');
  t.match(failed.ask({ kind: 'retry', id: idOf(job(failed)) }), { ok: false, refusal: { code: 'conflict' } });
  failed.end(2);
  t.match(failed.ask({ kind: 'retry', id: idOf(job(failed)) }), { ok: true });
  failed.end(1, { kind: 'failed' });
  t.match(state(failed), { status: 'pending', retryCount: 1 }, 'it has the key again');
});

t.test('it stays without after a crash', async (t) => {
  let world = new World();
  put(world, { trigger: now });
  put(world, { trigger: now });
  world = world.crash();
  world.settle();
  t.equal(state(world, 1).status, 'cancelled');
  t.same([...world.pool.attempts.keys()], [2]);
});

t.test('a cancelled job that is in its grace keeps the next one waiting', async (t) => {
  const world = new World();
  put(world, { trigger: now });
  world.ask({ kind: 'cancel', id: idOf(job(world)) });
  t.equal(told(put(world, { trigger: now, ifExists: 'reject' })), 'made 2', 'the key is free');
  t.same([...world.pool.attempts.keys()], [1]);
  t.equal(world.scheduler.waitingFor(job(world, 2)), 'previous_run');
  world.ask({ kind: 'remove', id: idOf(job(world)) });
  t.same([...world.pool.attempts.keys()], [1], 'also when it has been removed');
  world.end(1);
  t.same([...world.pool.attempts.keys()], [2]);
});

t.test('what waits for a previous run is found after a crash, whatever was merged meanwhile', async (t) => {
  let world = new World({ mergeRows: 1, windowCapacity: 4 });
  put(world, { trigger: now });
  world.ask({ kind: 'cancel', id: idOf(job(world)) });
  put(world, { trigger: now });
  for (let i = 0; i < 20; i++) {
    put(world, { trigger: now, key: `k${i}` });
    world.pass(1000);
    world.end(3 + i);
  }
  world = world.crash();
  world.settle();
  t.same([...world.pool.attempts.keys()], [2]);
});

t.test('a finished job that keeps its key is not touched', async (t) => {
  const world = new World();
  put(world, { trigger: now, keyTtlMs: hour });
  world.end(1);
  const before = job(world);
  t.equal(told(put(world)), 'made 2');
  t.same(job(world), before);
});

t.test('a new time to live counts from the making of the job', async (t) => {
  const world = new World();
  put(world, { keyTtlMs: hour });
  world.pass(1000);
  put(world, { trigger: now });
  world.end(1);
  t.equal(told(put(world, { ifExists: 'reject' })), 'made 2', 'it has none any more');
});

t.test('in a list the second of one key replaces the first', async (t) => {
  const world = new World();
  const draft = (n: number): JobDraft => ({
    name: 'noop',
    trigger: { kind: 'delay', delayMs: hour },
    isRepeat: false,
    payload: `{"n":${n}}`,
    key: 'k',
    ifExists: 'replace',
  });
  const answer = world.ask({ kind: 'createMany', drafts: [draft(1), draft(2)] });
  if (!answer?.ok || !('each' in answer)) throw new Error('refused');
  t.match(answer.each as readonly MadeJob[], [{ existed: false }, { existed: true, job: { spec: { seq: 1 } } }]);
  t.equal(job(world).spec.payload, '{"n":2}');
  t.equal(world.queries.totals().pending, 1);
});

t.test('a job that was replaced before its first commit was written starts as it was asked for last', async (t) => {
  const world = new World();
  const answers: string[] = [];
  for (const n of [1, 2, 3]) {
    world.scheduler.request(
      {
        kind: 'create',
        draft: { name: 'noop', trigger: now, isRepeat: false, payload: `{"n":${n}}`, key: 'k', ifExists: 'replace' },
      },
      1,
      (answer) => answers.push(told(answer)),
    );
    world.scheduler.turn();
  }
  world.settle();
  t.equal(answers.length, 3);
  t.equal(world.pool.attempts.size, 1);
});
