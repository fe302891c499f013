/** The life of a repeating job: one occurrence after the other, never two at once, on its schedule for ever. */
import t from 'tap';
import { World } from '../support/world.js';
import { after, cancel, cron, hour, make, minute, retry, running, second, state, told, update } from './worlds.js';

t.test('an interval runs on the grid of its first due time, however long the runs take', async (t) => {
  const world = new World();
  const start = world.clock.now();
  const seq = make(world, { trigger: after(100), isRepeat: true });
  const starts: number[] = [];
  world.pool.onDispatch = ({ scheduledFor }) => void starts.push(scheduledFor - start);
  for (const took of [10, 99, 0, 50]) {
    while (!world.pool.attempts.has(seq)) world.pass(1);
    world.pass(took);
    world.end(seq);
  }
  t.same(starts, [100, 200, 300, 400]);
  t.match(state(world, seq), { skipped: 0, missed: 0 });
  t.equal(world.queries.totals().completed, 4);
});

t.test('occurrences never overlap: those that come due meanwhile are skipped and counted', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(10), isRepeat: true });
  world.pass(10);
  world.pass(35);
  t.same(running(world), [seq]);
  world.end(seq);
  t.match(state(world, seq), { status: 'pending', skipped: 3, missed: 0, due: world.clock.now() + 5 });
});

t.test('a cron job runs at each match and tells of the next', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('*/15 * * * *'), isRepeat: true });
  const start = world.clock.now();
  const starts: number[] = [];
  world.pool.onDispatch = ({ scheduledFor }) => void starts.push((scheduledFor - start) / minute);
  for (let i = 0; i < 5; i++) {
    world.pass(15 * minute);
    world.end(seq);
  }
  t.same(starts, [15, 30, 45, 60, 75]);
  t.same(told(world).slice(0, 7), [
    'scheduled',
    'started',
    'completed',
    'scheduled',
    'started',
    'completed',
    'scheduled',
  ]);
  const next = world.events
    .filter(({ body }) => body.type === 'job.scheduled')
    .map(({ body }) => (body.type === 'job.scheduled' ? (body.triggerAt - start) / minute : 0));
  t.same(next, [15, 30, 45, 60, 75, 90]);
});

t.test('a cron job without a zone follows the server’s', async (t) => {
  const world = new World({ timezone: 'Asia/Shanghai' });
  const [there, here] = [
    make(world, { trigger: cron('0 0 8 * * *') }),
    make(world, { trigger: { kind: 'cron', expression: '0 0 8 * * *', timezone: 'UTC' } }),
  ];
  t.equal(state(world, there).due, Date.UTC(2026, 0, 2, 0));
  t.equal(state(world, here).due, Date.UTC(2026, 0, 1, 8));
});

t.test('a run that ends in the millisecond it began does not run a second time for it', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: cron('* * * * * *'), isRepeat: true });
  const times: number[] = [];
  world.pool.onDispatch = ({ scheduledFor }) => void times.push(scheduledFor);
  for (let i = 0; i < 20; i++) {
    world.pass(second);
    if (world.pool.attempts.has(seq)) world.end(seq);
    if (world.pool.attempts.has(seq)) t.fail('again in the same second');
  }
  t.equal(new Set(times).size, 20);
});

t.test('a repeating job outlives crashes', async (t) => {
  let world = new World({ mergeRows: 1 });
  const seq = make(world, { trigger: after(10 * second), isRepeat: true });
  for (let i = 0; i < 10; i++) {
    world.pass(10 * second);
    t.same(running(world), [seq]);
    world.end(seq);
    world = i % 2 === 0 ? world.crash() : world.restart();
    world.settle();
  }
  t.equal(world.queries.totals().completed, 10);
  t.match(state(world, seq), { missed: 0, skipped: 0, fence: 10 });
});

t.test('an occurrence that uses up its retries is final; the next begins with none used', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(minute), isRepeat: true, maxRetries: 1, retryDelayMs: second });
  world.pass(minute);
  world.end(seq, { kind: 'failed' });
  t.match(state(world, seq), { status: 'pending', retryCount: 1, due: world.clock.now() + second });
  world.pass(second);
  t.match(world.pool.attempts.get(seq), { attempt: 2 });
  world.end(seq, { kind: 'failed' });
  t.match(state(world, seq), { status: 'pending', retryCount: 0, due: world.clock.now() + minute - second });
  t.equal(world.queries.totals().failed, 1);
  t.same(told(world), ['scheduled', 'started', 'failed', 'retrying', 'started', 'failed', 'scheduled']);
  world.pass(minute);
  t.match(world.pool.attempts.get(seq), { attempt: 1, fence: 3 });
});

t.test('a retry that would come after the next occurrence is not made', async (t) => {
  const world = new World();
  const seq = make(world, { trigger: after(10 * second), isRepeat: true, retryDelayMs: 10 * second });
  world.pass(10 * second);
  world.end(seq, { kind: 'failed' });
  t.match(state(world, seq), { status: 'pending', retryCount: 0, due: world.clock.now() + 10 * second });
  t.same(told(world), ['scheduled', 'started', 'failed', 'scheduled']);
});

t.test('cancelling ends it, waiting or running', async (t) => {
  const world = new World();
  const waiting = make(world, { trigger: after(minute), isRepeat: true });
  const busy = make(world, { trigger: after(second), isRepeat: true });
  world.pass(second);
  t.match(cancel(world, waiting), { ok: true });
  t.match(cancel(world, busy), { ok: true });
  world.end(busy);
  world.pass(hour);
  t.same(running(world), []);
  t.same(
    [waiting, busy].map((seq) => state(world, seq).status),
    ['cancelled', 'cancelled'],
  );
  t.match(retry(world, busy), { ok: false, refusal: { code: 'conflict' } });
});

t.test('a new interval counts from the update, a new zone moves the schedule', async (t) => {
  const world = new World();
  const interval = make(world, { trigger: after(minute), isRepeat: true });
  const daily = make(world, { trigger: cron('0 0 12 * * *'), isRepeat: true });
  world.pass(10 * second);
  t.match(update(world, interval, { trigger: after(5 * second) }), { ok: true });
  t.match(state(world, interval), { due: world.clock.now() + 5 * second });
  t.match(update(world, daily, { timezone: 'America/New_York' }), { ok: true });
  t.equal(state(world, daily).due, Date.UTC(2026, 0, 1, 17));
  t.match(update(world, interval, { trigger: after(9) }), {
    ok: false,
    refusal: { code: 'validation_failed', faults: [{ path: '/delay' }] },
  });
  t.match(update(world, interval, { timezone: 'UTC' }), {
    ok: false,
    refusal: {
      code: 'validation_failed',
      detail: /^\/timezone belongs to a cron_expr, which this job does not have; leave it out, or/,
      faults: [{ path: '/timezone' }],
    },
  });
  world.pass(5 * second);
  t.same(running(world), [interval]);
});
