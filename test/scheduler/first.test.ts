import t from 'tap';
import { World } from '../support/world.js';

t.test('a job runs at its due time and its life is told', (t) => {
  const w = new World();
  const { jobs } = w.create({ trigger: { kind: 'delay', delayMs: 1000 } });
  const seq = jobs[0]!.spec.seq;
  w.pass(999);
  t.equal(w.pool.attempts.size, 0);
  w.pass(1);
  t.equal(w.pool.attempts.size, 1);
  w.end(seq);
  t.same(w.events.map((e) => e.body.type), ['job.scheduled', 'job.started', 'job.completed']);
  t.same(w.events.map((e) => e.seq), [1, 2, 3]);
  t.equal(w.queries.totals().completed, 1);
  const x = w.crash();
  t.equal(x.queries.totals().completed, 1);
  t.equal(x.queries.list({ limit: 10, offset: 0 }).total, 1);
  t.equal(x.queries.list({ limit: 10, offset: 0, status: 'success', name: 'noop' }).jobs[0]?.state.status, 'success');
  t.same(x.queries.eventsAfter(1, 10).events.map((e) => e.seq), [2, 3]);
  t.end();
});

t.test('many jobs, merges, crashes', (t) => {
  let w = new World({ windowCapacity: 64 });
  for (let i = 0; i < 300; i++) w.create({ trigger: { kind: 'delay', delayMs: 60_000 + ((i * 7919) % 300) * 10 } });
  w.pass(10_000);
  w = w.crash();
  t.equal(w.queries.totals().pending, 300);
  let ran = 0;
  let last = 0;
  w.pool.capacity = 1e9;
  w.pool.onDispatch = (a) => { ran++; t.ok(a.scheduledFor >= last); last = a.scheduledFor; t.ok(a.scheduledFor <= w.clock.now()); };
  w.pass(60_000 + 3000);
  t.equal(ran, 300);
  t.end();
});
