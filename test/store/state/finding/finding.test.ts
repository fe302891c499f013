/** Lists against a plain model: every filter, order and page, over merges, crashes and removals. */
import fc from 'fast-check';
import t from 'tap';
import { formatGroup, groupOfJob } from '../../../../src/domain/finding/error-group.js';
import { type JobFilter, matches } from '../../../../src/domain/finding/job-filter.js';
import { formatId } from '../../../../src/domain/id.js';
import { singleShard } from '../../../../src/domain/ids/job-numbers.js';
import type { Job } from '../../../../src/domain/job.js';
import { statuses } from '../../../../src/domain/lifecycle.js';
import { checkStore } from '../../../../src/store/check/check.js';
import type {
  FailureGroup,
  FailurePage,
  ListPage,
  ListPlace,
  ListQuery,
  Steps,
} from '../../../../src/store/queries-port.js';
import { anyHandler, World } from '../../../support/world.js';

const names = ['a', 'b'] as const;
const tags = ['red', 'green', 'only/1', 'x:y'] as const;

/** What happens to a server, by a number that chooses among what there is. */
const anyAct = fc.record({
  kind: fc.constantFrom(
    'create',
    'create',
    'create',
    'end',
    'fail',
    'cancel',
    'pause',
    'resume',
    'retry',
    'tag',
    'untag',
    'remove',
    'pass',
    'setBack',
    'crash',
    'restart',
  ),
  which: fc.nat(1000),
});

const anyFilter: fc.Arbitrary<JobFilter> = fc.record(
  {
    statuses: fc.uniqueArray(fc.constantFrom(...statuses), { minLength: 1, maxLength: 3 }),
    names: fc.uniqueArray(fc.constantFrom(...names, 'none'), { minLength: 1, maxLength: 2 }),
    tags: fc.uniqueArray(fc.constantFrom(...tags, 'none'), { minLength: 1, maxLength: 2 }),
    paused: fc.boolean(),
    isRepeat: fc.boolean(),
    lastOutcome: fc.constantFrom('success' as const, 'failed' as const),
  },
  { requiredKeys: [] },
);

/** Jobs and tags that a number chooses. */
const pick = <T>(from: readonly T[], which: number): T | undefined => from[which % Math.max(1, from.length)];

function act(world: World, kind: string, which: number): World {
  const jobs = world.queries.list({ limit: 1000, offset: 0 }).jobs;
  const idOf = (job: Job | undefined): string => (job ? formatId(job.spec.seq, job.spec.idSeconds) : 'job_0_00000000');
  const id = idOf(pick(jobs, which));
  const attempt = pick([...world.pool.attempts.keys()], which);
  switch (kind) {
    case 'create': {
      const isRepeat = which % 4 === 0;
      world.create({
        name: names[which % 2] as string,
        trigger: { kind: 'delay', delayMs: 100 + (which % 7) * 1000 },
        isRepeat,
        maxRetries: 0,
        ...(which % 3 === 0 && { tags: tags.slice(0, 1 + (which % tags.length)) }),
      });
      break;
    }
    case 'end':
      if (attempt !== undefined) world.end(attempt);
      break;
    case 'fail':
      if (attempt !== undefined)
        world.end(attempt, { kind: 'failed', message: `no ${which} of ${which % 2 ? 'x' : 'y'}` } as never);
      break;
    case 'cancel':
    case 'resume':
    case 'retry':
    case 'remove':
      world.ask({ kind, id });
      break;
    case 'pause':
      world.ask({ kind, id, change: {} });
      break;
    case 'tag':
      world.ask({ kind: 'update', id, patch: { tags: [tags[which % tags.length] as string] } });
      break;
    case 'untag':
      world.ask({ kind: 'update', id, patch: { tags: undefined } });
      break;
    case 'setBack':
      world.clock.wall -= 3000;
      world.settle();
      break;
    case 'crash':
      return world.crash();
    case 'restart':
      return world.restart();
    default:
      world.pass(500 + which);
  }
  return world;
}

function answered<T>(steps: Steps<T>): T {
  for (;;) {
    const { done, value } = steps.next();
    if (done === true) return value;
  }
}

/** All pages of a list put together, and what each said of the total. */
function allPages(world: World, query: Omit<ListQuery, 'offset' | 'limit'>): { seqs: number[]; totals: Set<number> } {
  const seqs: number[] = [];
  const totals = new Set<number>();
  for (let behind: ListPlace | undefined; ; ) {
    const page = answered(
      world.queries.listInSteps({ ...query, limit: 3, offset: 0, ...(behind !== undefined && { behind }) }),
    );
    totals.add(page.total);
    seqs.push(...page.jobs.map(({ spec }) => spec.seq));
    if (page.next === undefined) return { seqs, totals };
    behind = page.next;
  }
}

/** What a list of these should be, by the plain rules. */
function expected(jobs: readonly Job[], { filter = {}, sort, descending }: Partial<ListQuery>): number[] {
  const sign = descending ? -1 : 1;
  return jobs
    .filter((job) => matches(job, filter, singleShard))
    .sort((a, b) => sign * ((sort === 'due' ? a.state.due - b.state.due : 0) || a.spec.seq - b.spec.seq))
    .map(({ spec }) => spec.seq);
}

function difference(world: World, filters: readonly JobFilter[]): string | undefined {
  const all: Job[] = [];
  for (let seq = 1; seq < world.scheduler.counters.nextSeq; seq++) {
    const job = world.memtable.job(seq);
    if (job) all.push(job);
  }
  const middle = all[Math.floor(all.length / 2)];
  const more: JobFilter[] = [
    {},
    ...all.flatMap((job) => {
      const group = groupOfJob(job);
      return group === undefined ? [] : [{ errorGroup: group }];
    }),
    ...(middle
      ? [
          { createdFrom: middle.spec.createdAt },
          { createdBefore: middle.spec.createdAt, statuses: ['pending' as const] },
          { dueFrom: middle.state.due },
          { dueBefore: middle.state.due + 1, isRepeat: false },
          { ids: [middle, all[0] as Job].map(({ spec }) => formatId(spec.seq, spec.idSeconds)) },
        ]
      : []),
  ];
  for (const filter of [...filters, ...more]) {
    for (const sort of ['created', 'due'] as const) {
      for (const descending of [true, false]) {
        const query = { filter, sort, descending };
        const want = expected(all, query);
        const { seqs, totals } = allPages(world, query);
        if (seqs.join() !== want.join() || [...totals].join() !== String(want.length))
          return `${JSON.stringify(query)}: ${seqs} of ${[...totals]}, not ${want} of ${want.length}`;
      }
    }
    const offset = answered(world.queries.listInSteps({ filter, limit: 2, offset: 1 }));
    const want = expected(all, { filter, descending: true });
    if (offset.jobs.map(({ spec }) => spec.seq).join() !== want.slice(1, 3).join()) return 'a page with an offset';
  }
  const failures = failuresDifference(world, all);
  if (failures !== undefined) return failures;
  const faults: string[] = [];
  checkStore(world.kv, world.clock.now() + 1e6, (line) => faults.push(line));
  return faults[0];
}

/** Groups of failures against those counted from the jobs. */
function failuresDifference(world: World, jobs: readonly Job[]): string | undefined {
  for (const name of [undefined, ...names]) {
    const want = new Map<number, Job[]>();
    for (const job of jobs) {
      const group = groupOfJob(job);
      if (group !== undefined && (name ?? job.spec.name) === job.spec.name)
        want.set(group, [...(want.get(group) ?? []), job]);
    }
    const found: FailureGroup[] = [];
    for (let behind: FailurePage['next']; ; ) {
      const page = answered(world.queries.failures({ limit: 2, ...(name && { name }), ...(behind && { behind }) }));
      if (page.total !== want.size) return `${page.total} groups of ${name}, not ${want.size}`;
      found.push(...page.groups);
      if (page.next === undefined) break;
      behind = page.next;
    }
    if (found.length !== want.size) return `${found.length} groups are listed, not ${want.size}`;
    for (const [at, { group, count, firstAt, lastAt, latest }] of found.entries()) {
      const ats = (want.get(group) ?? []).map(({ state }) => state.finishedAt);
      const isSame = count === ats.length && firstAt === Math.min(...ats) && lastAt === Math.max(...ats);
      const last = world.queries.get(formatId(latest.seq, latest.idSeconds));
      if (!isSame || last?.state.finishedAt !== lastAt) return `group ${group} of ${count}, ${firstAt} to ${lastAt}`;
      if (count > (found[at - 1]?.count ?? Number.POSITIVE_INFINITY)) return 'groups are out of order';
    }
  }
  return undefined;
}

t.test('any filter, in any order, finds what the plain rules find', async (t) => {
  fc.assert(
    fc.property(fc.array(anyAct, { maxLength: 60 }), fc.array(anyFilter, { maxLength: 4 }), (acts, filters) => {
      let world = new World({ handlers: names.map((name) => anyHandler(name)), mergeRows: 7, windowCapacity: 10 });
      for (const { kind, which } of acts) world = act(world, kind, which);
      const found = difference(world, filters) ?? difference(world.crash(), filters);
      if (found) t.comment(found);
      return found === undefined;
    }),
    { numRuns: 60 },
  );
});

t.test('what is looked for by due times is of one instant', async (t) => {
  const world = new World({ handlers: [anyHandler('a')] });
  const hour = 3_600_000;
  for (let i = 0; i < 10; i++) world.create({ name: 'a', trigger: { kind: 'delay', delayMs: hour + i * 1000 } });
  const list = { sort: 'due', limit: 20, offset: 0 } as const;
  const steps = world.queries.listInSteps(list);
  t.notOk(steps.next().done, 'it takes more than one step');
  const { seq, idSeconds } = (world.queries.list({ limit: 1, offset: 0 }).jobs[0] as Job).spec;
  world.ask({ kind: 'update', id: formatId(seq, idSeconds), patch: { trigger: { kind: 'delay', delayMs: 60_000 } } });
  world.create({ name: 'a', trigger: { kind: 'delay', delayMs: 60_000 } });
  const seqsOf = ({ jobs }: ListPage): number[] => jobs.map(({ spec }) => spec.seq);
  const page = answered(steps);
  t.same([page.total, seqsOf(page)], [10, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], 'as it was');
  t.same(seqsOf(answered(world.queries.listInSteps(list))), [10, 11, 1, 2, 3, 4, 5, 6, 7, 8, 9], 'as it is');
});

t.test('groups of failures are the same for messages that differ in numbers and ids', async (t) => {
  const world = new World({ handlers: [anyHandler('a')] });
  const groupAfter = (message: string): string => {
    const { seq } = world.create({ name: 'a', maxRetries: 0 }).jobs[0]!.spec;
    world.end(seq, { kind: 'failed', message } as never);
    return formatGroup(groupOfJob(world.memtable.job(seq) as Job) as number);
  };
  const first = groupAfter('order 17 of 0f8fad5b-d9cb-469f-a165-70867728950e at 10.0.0.1:8080');
  t.match(first, /^[0-9a-f]{12}$/);
  t.equal(groupAfter('order 18 of 1f8fad5b-d9cb-469f-a165-70867728950f at 10.0.0.2:8081'), first);
  t.not(groupAfter('order 18 of nobody'), first);
});

t.test('a group of very many says when its first and its last failed, also when some have left', async (t) => {
  const world = new World({ handlers: [anyHandler('a')], poolCapacity: 10 });
  const fail = (): number => {
    const { seq } = world.create({ name: 'a', maxRetries: 0 }).jobs[0]!.spec;
    world.end(seq, { kind: 'failed', message: `no ${seq}` } as never);
    world.pass(10);
    return seq;
  };
  const made = Array.from({ length: 100 }, fail);
  const at = (seq: number | undefined): number => (world.memtable.job(seq as number) as Job).state.finishedAt;
  const only = (): FailureGroup => answered(world.queries.failures({ limit: 5 })).groups[0] as FailureGroup;
  t.match(only(), { count: 100, firstAt: at(made[0]), lastAt: at(made.at(-1)), message: 'no #' });
  for (const seq of [made[0], made[99]]) {
    const { spec } = world.memtable.job(seq as number) as Job;
    world.ask({ kind: 'retry', id: formatId(spec.seq, spec.idSeconds) });
  }
  t.match(only(), { count: 98, firstAt: at(made[1]), lastAt: at(made[98]) });
  world.end(made[0] as number, { kind: 'failed', message: 'no 9' } as never);
  t.match(only(), {
    count: 99,
    firstAt: at(made[1]),
    lastAt: at(made[0]),
    latest: { seq: made[0] as number },
  });
  const after = world.crash();
  t.same(
    answered(after.queries.failures({ limit: 5 })).groups[0]?.lastAt,
    after.memtable.job(made[0] as number)?.state.finishedAt,
  );
});
