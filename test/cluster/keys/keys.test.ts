/** Keys of jobs and idempotency keys over two nodes, each of which has a shard: one job has a key, wherever it is asked for. */
import t, { type Test } from 'tap';
import type { Answer, Creation, JobDraft } from '../../../src/scheduler/messages.js';
import { draftOf, type Host, numberOf, world } from '../support/host.js';

const late = { trigger: { kind: 'delay', delayMs: 1e9 } } as const;

async function begun(t: Test) {
  const around = world(t);
  const { first, second, settled } = around;
  await settled(first.host.open(first.take(0)));
  await settled(second.host.open(second.take(1)));
  /** Asks, and waits for the answers to all. */
  const answers = async (...asked: { answer?: Answer }[]): Promise<Answer[]> => {
    await around.until('all are answered', () => asked.every(({ answer }) => answer !== undefined));
    return asked.map(({ answer }) => answer as Answer);
  };
  const create = (host: Host, draft: Partial<JobDraft>): Promise<Answer[]> => answers(host.create(draft));
  const each = (host: Host, items: readonly Creation[]): Promise<Answer[]> =>
    answers(host.ask({ kind: 'createEach', items }));
  const many = (host: Host, drafts: readonly JobDraft[]): Promise<Answer[]> =>
    answers(host.ask({ kind: 'createMany', drafts }));
  const held = () => around.fake.tables.claims().map(({ name, shard }) => `${name}: ${shard}`);
  return { ...around, answers, create, each, many, held };
}

const made = (answer: Answer | undefined): number => numberOf(answer === undefined ? {} : { answer });

t.test('a key that a job of another node has is for that node to decide', async (t) => {
  const { first, second, create, held } = await begun(t);
  const [answer] = await create(first, { key: 'a', ...late });
  t.equal(made(answer) % 2, 0);
  t.same(held(), ['noop a: 0']);
  t.match(await create(second, { key: 'a', ...late }), [{ ok: false, refusal: { code: 'conflict', jobId: /^job_/ } }]);
  const [found] = await create(second, { key: 'a', ifExists: 'return', ...late });
  t.match(found, { ok: true, existed: true });
  t.equal(made(found), made(answer));
  const [replaced] = await create(second, { key: 'a', ifExists: 'replace', payload: '{"b":1}', ...late });
  t.match(replaced, { ok: true, jobs: [{ spec: { payload: '{"b":1}' } }] });
  t.equal(made(replaced), made(answer));
  t.equal(count(first) + count(second), 1);
});

t.test('of many at once on both nodes one makes the job, and those that came with them are made too', async (t) => {
  const { first, second, answers } = await begun(t);
  const asked = [first, second].flatMap((host) => [
    host.create(late),
    host.create({ key: 'a', ifExists: 'return', ...late }),
    host.create({ key: 'b', ...late }),
    host.create(late),
  ]);
  const all = await answers(...asked);
  t.same(all.map(({ ok }) => ok).filter((ok) => !ok).length, 1, 'only one of those that want b is refused');
  t.equal(new Set(all.flatMap((answer) => (answer.ok ? answer.jobs.map(({ spec }) => spec.seq) : []))).size, 6);
  t.equal(made(all[1]), made(all[5]), 'the same job');
  t.match(
    [all[2], all[6]].find((answer) => !answer?.ok),
    { refusal: { code: 'conflict', jobId: /^job_/ } },
  );
});

t.test('an idempotency key is replayed by the node that has its job', async (t) => {
  const { first, second, answers } = await begun(t);
  const request = (digest: string) =>
    ({ kind: 'create', draft: draftOf(late), idempotency: { key: 'once', digest } }) as const;
  const [one, two] = await answers(first.ask(request('x')), second.ask(request('x')));
  t.equal(made(one), made(two));
  t.same([one, two].filter((answer) => answer?.ok && answer.replayed).length, 1);
  const [again, other] = await answers(second.ask(request('x')), second.ask(request('y')));
  t.match(again, { ok: true, replayed: true });
  t.equal(made(again), made(one));
  t.match(other, { ok: false, refusal: { code: 'conflict' } });
});

t.test('a key is free when its job has finished, and its job cannot begin anew when another has it', async (t) => {
  const { first, second, create, held, until, answers } = await begun(t);
  const [one] = await create(first, { key: 'a', maxRetries: 0 });
  await until('it runs', () => first.pool.attempts.has(made(one)));
  const { fence } = first.pool.attempts.get(made(one))!;
  first.pool.attempts.delete(made(one));
  first.several.owner.outcomes([
    {
      ...{ kind: 'failed', jobSeq: made(one), fence, durationMs: 1, name: 'Error', message: 'no' },
      ...{ code: 'handler_error', retryable: false },
    },
  ]);
  await until('its key is free', () => held().length === 0);
  const [two] = await create(second, { key: 'a', ...late });
  t.equal(made(two) % 2, 1, 'made where it was asked for');
  t.same(held(), ['noop a: 1']);
  const id = first.shards.all[0]!.numbers.format(1, idSeconds(one));
  const [retried, bystander] = await answers(first.ask({ kind: 'retry', id }), first.create(late));
  t.match(retried, { ok: false, refusal: { code: 'conflict', jobId: /^job_/, detail: /is taken by job/ } });
  t.ok(bystander?.ok, 'what would have been written with it is');
});

t.test('while the attempt of a cancelled job ends, the next job with its key waits beside it', async (t) => {
  const { first, second, create, many, until, answers } = await begun(t);
  const [one] = await create(first, { key: 'a' });
  await until('it runs', () => first.pool.attempts.has(made(one)));
  const id = first.shards.all[0]!.numbers.format(1, idSeconds(one));
  await answers(first.ask({ kind: 'cancel', id }));
  const [two] = await create(second, { key: 'a' });
  t.equal(made(two) % 2, 0, 'with the node that has the attempt');
  t.notOk(first.pool.attempts.has(made(two)), 'no two attempts of one key');
  first.end(made(one));
  await until('it runs', () => first.pool.attempts.has(made(two)));
  await answers(first.ask({ kind: 'cancel', id: first.shards.all[0]!.numbers.format(2, idSeconds(two)) }));
  const [list] = await many(second, [draftOf({ key: 'a', ...late })]);
  t.match(list, { ok: true, each: [{ existed: false }] }, 'a list is in one shard, and does not wait');
});

t.test('a key with a key_ttl stays taken, and goes with its job', async (t) => {
  const { first, second, create, held, until, answers } = await begun(t);
  const [one] = await create(first, { key: 'a', keyTtlMs: 1e9 });
  await until('it runs', () => first.pool.attempts.has(made(one)));
  first.end(made(one));
  await until('it has succeeded', () => succeeded(first) === 1);
  t.match(await create(second, { key: 'a', ifExists: 'return' }), [{ ok: true, existed: true }]);
  const id = first.shards.all[0]!.numbers.format(1, idSeconds(one));
  await answers(first.ask({ kind: 'remove', id }));
  t.same(held(), []);
  t.match(await create(second, { key: 'a', ...late }), [{ ok: true }]);
});

t.test('a list as a whole: keys of other nodes', async (t) => {
  const { first, second, create, many, until, held } = await begun(t);
  const [one] = await create(first, { key: 'a', ...late });
  const [taken] = await many(second, [draftOf(late), draftOf({ key: 'a', ...late })]);
  t.match(taken, { ok: false, refusal: { code: 'conflict', jobId: /^job_/, faults: [{ path: '/1/key' }] } });
  const [replacing] = await many(second, [draftOf({ key: 'a', ifExists: 'replace', ...late })]);
  t.match(replacing, { ok: false, refusal: { code: 'conflict', faults: [{ path: '/0/key' }] } });
  t.equal(count(second), 0, 'nothing of them was made');
  const [returning] = await many(second, [
    draftOf({ key: 'a', ifExists: 'return', ...late }),
    draftOf({ key: 'b', ...late }),
  ]);
  t.match(returning, { ok: true, each: [{ existed: true, job: { spec: { seq: made(one) } } }, { existed: false }] });
  // Jobs that have finished have their keys no more, wherever they are.
  const finished = [await create(first, { key: 'c' }), await create(second, { key: 'd' })].flat().map(made);
  await until('both run', () => first.pool.attempts.size === 1 && second.pool.attempts.size === 1);
  first.end(finished[0]!);
  second.end(finished[1]!);
  await until('their keys are free', () => held().length === 2);
  const [anew] = await many(first, [draftOf({ key: 'c', ...late }), draftOf({ key: 'd', ...late })]);
  t.match(anew, { ok: true, each: [{ existed: false }, { existed: false }] });
});

t.test('each for itself: every item is decided where its key is', async (t) => {
  const { first, second, create, each } = await begun(t);
  const [one] = await create(first, { key: 'a', ...late });
  const items: Creation[] = [
    { draft: draftOf(late) },
    { draft: draftOf({ key: 'a', ...late }) },
    { draft: draftOf({ key: 'a', ifExists: 'return', ...late }) },
    { draft: draftOf({ key: 'a', ifExists: 'replace', payload: '{"b":1}', ...late }) },
    { draft: draftOf({ key: 'b', ...late }) },
    { draft: draftOf({ key: 'b', ifExists: 'return', ...late }) },
  ];
  const [answer] = await each(second, items);
  t.match(answer, {
    ok: true,
    each: [
      { existed: false },
      { code: 'conflict', jobId: /^job_/ },
      { existed: true, job: { spec: { seq: made(one) } } },
      { existed: true, job: { spec: { seq: made(one), payload: '{"b":1}' } } },
      { existed: false },
      { existed: true },
    ],
  });
  first.others = [];
  second.others = [];
  const [alone] = await each(second, items.slice(0, 2));
  t.match(alone, { ok: true, each: [{ existed: false }, { code: 'storage_unavailable' }] }, 'the others are made');
});

t.test('what an attempt enqueues under a key of another node is there already', async (t) => {
  const { first, second, create, until } = await begun(t);
  await create(first, { key: 'a', ...late });
  const [parent] = await create(second, {});
  await until('it runs', () => second.pool.attempts.has(made(parent)));
  second.end(made(parent), [
    draftOf({ key: 'a', ...late }),
    draftOf({ key: 'a', ifExists: 'replace', ...late }),
    draftOf({ key: 'b', ...late }),
  ]);
  await until('it has succeeded', () => succeeded(second) === 1);
  t.equal(count(second), 2, 'one of its three');
  t.match(second.errors, [{ reason: /taken by a job of another node/ }], 'one that cannot be replaced is logged');
});

t.test('a key whose node is gone is not decided', async (t) => {
  const { first, second, create } = await begun(t);
  await create(first, { key: 'a', ...late });
  second.others = [];
  t.match(await create(second, { key: 'a', ...late }), [{ ok: false, refusal: { code: 'storage_unavailable' } }]);
  t.match(await create(second, { key: 'b', ...late }), [{ ok: true }]);
});

const count = ({ together }: Host): number => together.scheduler.counters.jobs;
const succeeded = ({ together }: Host): number => together.scheduler.counters.completed;

function idSeconds(answer: Answer | undefined): number {
  return answer?.ok ? answer.jobs[0]!.spec.idSeconds : 0;
}
