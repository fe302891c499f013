/** The read side on a whole server: lists that page, totals that count exactly, events that can be followed. */
import t from 'tap';
import { formatId } from '../../../src/domain/id.js';
import { singleShard } from '../../../src/domain/ids/job-numbers.js';
import { anyHandler, World } from '../../support/world.js';
import { sampleJob } from '../samples.js';

const hour = 3_600_000;
const seqs = (jobs: readonly { spec: { seq: number } }[]): number[] => jobs.map((job) => job.spec.seq);

t.test('lists are newest first, and pages of them fit together', async (t) => {
  const world = new World({ handlers: [anyHandler('a'), anyHandler('b')] });
  for (let i = 1; i <= 25; i++)
    world.create({ name: i % 5 === 0 ? 'b' : 'a', trigger: { kind: 'delay', delayMs: hour } });
  const { queries } = world;
  t.same(seqs(queries.list({ limit: 3, offset: 0 }).jobs), [25, 24, 23]);
  t.same(seqs(queries.list({ limit: 3, offset: 23 }).jobs), [2, 1]);
  t.same(queries.list({ limit: 3, offset: 25 }), { total: 25, jobs: [] });
  t.same(seqs(queries.list({ filter: { names: ['b'] }, limit: 3, offset: 1 }).jobs), [20, 15, 10]);
  t.equal(queries.list({ filter: { names: ['b'], statuses: ['pending'] }, limit: 1, offset: 0 }).total, 5);
  t.same(queries.list({ filter: { names: ['b'], statuses: ['failed'] }, limit: 1, offset: 0 }), { total: 0, jobs: [] });
  t.same(queries.list({ filter: { names: ['never heard of'] }, limit: 1, offset: 0 }), { total: 0, jobs: [] });
});

t.test('a cursor pages without shifting while jobs are made and end', async (t) => {
  const world = new World();
  for (let i = 1; i <= 10; i++) world.create({ trigger: { kind: 'delay', delayMs: hour } });
  const found: number[] = [];
  for (let before: number | undefined; ; ) {
    const page = world.queries.list({ limit: 4, offset: 7, ...(before !== undefined && { behind: { seq: before } }) });
    if (before === undefined) t.same(seqs(page.jobs), [3, 2, 1], 'the first page has an offset');
    else found.push(...seqs(page.jobs));
    world.create({ trigger: { kind: 'delay', delayMs: hour } });
    if (before === undefined) before = 11;
    else if (page.next === undefined) break;
    else before = page.next.seq;
  }
  t.same(found, [10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
});

t.test('a next page is promised only where there is one', async (t) => {
  const world = new World();
  for (let i = 1; i <= 4; i++) world.create({ trigger: { kind: 'delay', delayMs: hour } });
  t.equal(world.queries.list({ limit: 3, offset: 0 }).next?.seq, 2);
  t.equal(world.queries.list({ limit: 4, offset: 0 }).next, undefined);
  t.equal(world.queries.list({ limit: 3, offset: 0, behind: { seq: 4 } }).next, undefined);
});

t.test('a job is found by its id, and by no other second of it', async (t) => {
  const world = new World();
  const { spec } = world.create({ trigger: { kind: 'delay', delayMs: hour } }).jobs[0]!;
  const id = formatId(spec.seq, spec.idSeconds);
  t.equal(world.queries.get(id)?.spec.seq, spec.seq);
  t.equal(world.queries.seqOf(id), spec.seq);
  for (const other of [formatId(spec.seq, spec.idSeconds + 1), formatId(spec.seq + 1, spec.idSeconds), 'job_1', '']) {
    t.equal(world.queries.get(other), undefined);
  }
});

t.test('of jobs that share the low half of their key, the second in the id tells which', async (t) => {
  const two32 = 2 ** 32;
  const jobs = new Map([5, 5 + two32, 5 + 2 * two32].map((seq, i) => [seq, sampleJob({ seq, idSeconds: 1000 + i })]));
  const find = (idSeconds: number, nextSeq = 3 * two32): number | undefined =>
    singleShard.find(formatId(5, idSeconds), nextSeq, (seq) => jobs.get(seq))?.spec.seq;
  t.same(
    [1000, 1001, 1002, 1003].map((second) => find(second)),
    [5, 5 + two32, 5 + 2 * two32, undefined],
  );
  t.equal(find(1002, 5 + 2 * two32), undefined, 'not made yet');
  t.equal(
    singleShard.find(formatId(two32, 7), 2 * two32, (seq) => sampleJob({ seq, idSeconds: 7 }))?.spec.seq,
    two32,
    'there is no job 0',
  );
});

t.test('reads show what is on disk, and nothing before it is', async (t) => {
  const world = new World();
  world.scheduler.request(
    {
      kind: 'create',
      draft: { name: 'noop', trigger: { kind: 'delay', delayMs: hour }, isRepeat: false, payload: '{}' },
    },
    1,
    () => {},
  );
  world.scheduler.turn();
  t.equal(world.queries.list({ limit: 1, offset: 0 }).total, 0);
  t.equal(world.queries.totals().pending, 0);
  t.equal(world.queries.lastEvent(), 0);
  world.settle();
  t.equal(world.queries.list({ limit: 1, offset: 0 }).total, 1);
  t.equal(world.queries.totals().pending, 1);
  t.equal(world.queries.lastEvent(), 1);
});

t.test('events can be followed from anywhere, in pieces of any size', async (t) => {
  const world = new World();
  for (let i = 0; i < 20; i++) world.end(world.create().jobs[0]!.spec.seq);
  const all = world.queries.eventsAfter(0, 1000).events;
  t.same(
    all.map(({ seq }) => seq),
    Array.from({ length: 60 }, (_, i) => i + 1),
  );
  t.same(all, world.events, 'what was published is what the log has');
  for (const limit of [1, 2, 7, 60]) {
    const followed: number[] = [];
    for (let after = 0; ; after = followed.at(-1) as number) {
      const { events } = world.queries.eventsAfter(after, limit);
      if (events.length === 0) break;
      followed.push(...events.map(({ seq }) => seq));
    }
    t.same(
      followed,
      all.map(({ seq }) => seq),
      `in pieces of ${limit}`,
    );
  }
  t.same(world.queries.eventsAfter(60, 10), { events: [], oldest: 1 });
  t.same(world.queries.eventsAfter(1000, 10).events, [], 'from the future');
});

t.test('an empty log has no events, and the first is still to come', async (t) => {
  t.same(new World().queries.eventsAfter(0, 10), { events: [], oldest: 1 });
});

t.test('the log is kept for a day behind the merge, and tells where it begins', async (t) => {
  const world = new World({ mergeRows: 1 });
  for (let i = 0; i < 5; i++) {
    world.end(world.create().jobs[0]!.spec.seq);
    world.pass(6 * hour);
  }
  world.end(world.create().jobs[0]!.spec.seq);
  world.pass(1000);
  const { events, oldest } = world.queries.eventsAfter(0, 1000);
  t.ok(oldest > 1 && oldest <= 7, `the log begins with event ${oldest}`);
  t.same(
    events.map(({ seq }) => seq),
    Array.from({ length: 18 - oldest + 1 }, (_, i) => oldest + i),
  );
  t.ok(events.every(({ at }) => at > world.clock.now() - 31 * hour));
  t.equal(world.queries.lastEvent(), 18);
  const after = world.crash();
  t.same(after.queries.eventsAfter(0, 1000).events, events);
  t.equal(after.queries.totals().completed, 6, 'totals do not need it');
});
