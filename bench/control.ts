/**
 * What does control of jobs cost? A backlog of no-ops whose jobs all have one of the fields, in turn with one that has none; so
 * many groups with few jobs each, in turn with few groups that have as many; a bulk action beside a steady stream of due jobs; and
 * the memory that tags take. The ceiling is the same work without.
 */

import { steadyBeside } from './lateness.js';
import {
  atLeast,
  atMost,
  type Bench,
  type Figures,
  median,
  medians,
  type Run,
  ratiosOf,
  sleep,
} from './support/bench.js';
import { createAll, fillFar } from './support/fill.js';
import { HttpClient, request } from './support/http-client.js';
import { farBody, orderBody } from './support/job-bodies.js';
import { ServerProcess } from './support/server-process.js';
import { measureThroughput } from './throughput.js';

export interface ControlPlan {
  /** Of a backlog. */
  readonly jobs: number;
  readonly rounds: number;
  /** Of making jobs one by one. */
  readonly seconds: number;
  readonly groups: { readonly many: number; readonly few: number; readonly jobs: number };
  /** Jobs that a bulk action cancels, and what comes due beside it. */
  readonly bulk: number;
  readonly beside: { readonly perSecond: number; readonly seconds: number };
  /** Jobs with a tag of their own; 0: leave it out. */
  readonly tagged: number;
}

const connections = 64;
const bulkLimitMs = 120_000;

interface Field {
  readonly what: string;
  /** Of what jobs without it reach. */
  readonly bound: number;
  /** Members of the `index`-th job's body; no two jobs of a run have one index. */
  readonly members: (index: number) => Record<string, unknown>;
  /** Of the type, while such jobs run. */
  readonly settings?: Record<string, unknown>;
}

const fields: readonly Field[] = [
  { what: 'priority', bound: 0.7, members: (index) => ({ priority: (index % 201) - 100 }) },
  { what: 'group', bound: 0.7, members: (index) => ({ group: `tenant-${index % 100}` }) },
  { what: 'rate', bound: 0.7, members: () => ({}), settings: { rate: '1000000/100ms' } },
  { what: 'key', bound: 0.5, members: (index) => ({ key: `order-${index}` }) },
  { what: 'tag', bound: 0.5, members: (index) => ({ tags: [`customer-${index % 1000}`] }) },
];

const text = (members: Record<string, unknown>): string =>
  Object.entries(members)
    .map(([name, value]) => `,${JSON.stringify(name)}:${JSON.stringify(value)}`)
    .join('');

/** Numbers the jobs of one server, so that keys stay apart. */
let lastJob = 0;

/** Jobs made one by one, and a backlog run. */
async function measureField(
  server: ServerProcess,
  { members, settings }: Field,
  { jobs, seconds }: ControlPlan,
  run: Run,
): Promise<Figures> {
  if (settings) await setType(server, settings, run);
  const createdPerSecond = await createForSeconds(server, members, seconds, run);
  const first = lastJob;
  lastJob += jobs;
  const { perSecond } = await measureThroughput(server, jobs, run, (index) => text(members(first + index)));
  if (settings) await setType(server, Object.fromEntries(Object.keys(settings).map((name) => [name, null])), run);
  return { createdPerSecond, runPerSecond: perSecond! };
}

async function setType(server: ServerProcess, settings: Record<string, unknown>, run: Run): Promise<void> {
  const { status } = await server.ask('PUT', '/job-types/noop', JSON.stringify(settings));
  run.equal(status, 200, 'answer to settings of a type');
}

async function createForSeconds(
  server: ServerProcess,
  members: Field['members'],
  seconds: number,
  run: Run,
): Promise<number> {
  const client = await HttpClient.open(server.port, connections);
  const end = performance.now() + seconds * 1000;
  const first = lastJob;
  let made = 0;
  let refused = 0;
  const next = (index: number): Buffer | undefined => {
    if (performance.now() >= end) return undefined;
    lastJob = first + index + 1;
    return request('POST', '/api/v1/jobs', `${orderBody(index).slice(0, -1)}${text(members(first + index))}}`);
  };
  await client.closedLoop(next, (status) => {
    if (status === 201) made++;
    else refused++;
  });
  client.close();
  run.equal(refused, 0, 'jobs refused');
  // Nothing of them is to run among what is measured next.
  await cancelAll(server, run);
  return made / seconds;
}

async function cancelAll(server: ServerProcess, run: Run): Promise<void> {
  await bulk(server, { action: 'cancel', filter: { status: 'pending' } }, run);
}

interface Bulk {
  readonly id: string;
  readonly status: string;
  readonly matched: number;
  readonly done: number;
  readonly skipped: number;
  readonly failed: number;
}

/** Carries a bulk action out, to its end. */
async function bulk(server: ServerProcess, body: Record<string, unknown>, run: Run): Promise<Bulk> {
  const { status, body: answer } = await server.ask('POST', '/bulk', JSON.stringify(body));
  run.equal(status, 202, 'answer to a bulk action');
  let now = JSON.parse(answer) as Bulk;
  for (const end = Date.now() + bulkLimitMs; now.status !== 'success'; await sleep(10)) {
    if (Date.now() > end) throw new Error(`a bulk action took longer than ${bulkLimitMs / 1000} s`);
    now = await server.get<Bulk>(`/bulk/${now.id}`);
  }
  return now;
}

async function measureFields(plan: ControlPlan, run: Run): Promise<void> {
  const server = await ServerProcess.start();
  run.finally(() => server.discard());
  const plain: Field = { what: 'none', bound: 1, members: () => ({}) };
  await measureThroughput(server, Math.min(2000, plan.jobs), run);
  for (const field of fields) {
    const ours: Figures[] = [];
    const without: Figures[] = [];
    for (let round = 0; round < plan.rounds; round++) {
      without.push(await measureField(server, plain, plan, run));
      ours.push(await measureField(server, field, plan, run));
    }
    const figures = medians(ours);
    const ratio = (name: string): number[] =>
      ratiosOf(
        ours.map((each) => each[name]!),
        without.map((each) => each[name]!),
      );
    const [created, ran] = [median(ratio('createdPerSecond')), median(ratio('runPerSecond'))];
    run.find({
      what: `every job with a ${field.what}`,
      figures,
      ceiling: { what: 'jobs without', figures: medians(without) },
      ratio: Math.min(created, ran),
      ratios: [created, ran],
      must: [
        atLeast(`made at ${field.bound} of that`, created, field.bound),
        atLeast(`run at ${field.bound} of that`, ran, field.bound),
      ],
    });
  }
  await server.discard();
}

/** As many jobs in many groups as in few. */
async function measureGroups({ groups: { many, few, jobs }, rounds }: ControlPlan, run: Run): Promise<void> {
  const server = await ServerProcess.start();
  run.finally(() => server.discard());
  const inGroups = (count: number) => (index: number) => text({ group: `g${index % count}` });
  const rates = { many: [] as number[], few: [] as number[] };
  for (let round = 0; round < rounds; round++) {
    rates.few.push((await measureThroughput(server, jobs, run, inGroups(few))).perSecond!);
    rates.many.push((await measureThroughput(server, jobs, run, inGroups(many))).perSecond!);
  }
  await server.discard();
  const ratio = median(ratiosOf(rates.many, rates.few));
  run.find({
    what: `${many.toLocaleString('en-US')} groups`,
    figures: { perSecond: median(rates.many) },
    ceiling: { what: `as many jobs in ${few} groups`, figures: { perSecond: median(rates.few) } },
    ratio,
    ratios: ratiosOf(rates.many, rates.few),
    must: [atLeast('at least 0.9 of few groups', ratio, 0.9)],
  });
}

async function measureBulk({ bulk: count, beside }: ControlPlan, run: Run): Promise<void> {
  const server = await ServerProcess.start();
  run.finally(() => server.discard());
  await fillFar(server, run, 0, count);
  await server.quiet();
  let tookSeconds = 0;
  const figures = await steadyBeside(server, beside, run, async () => {
    const begun = performance.now();
    const done = await bulk(server, { action: 'cancel', filter: { name: 'noop', status: 'pending' } }, run);
    tookSeconds = (performance.now() - begun) / 1000;
    run.equal(done.done, count, 'jobs cancelled by one action');
  });
  run.equal((await server.stats()).cancelled, count, 'cancelled jobs');
  await server.discard();
  run.find({
    what: `${count.toLocaleString('en-US')} jobs cancelled by one action, beside ${beside.perSecond.toLocaleString('en-US')} due jobs/s`,
    figures: { tookSeconds, perSecond: count / tookSeconds, p99Ms: figures.p99Ms!, maxMs: figures.maxMs! },
    must: [
      atMost('at most 5 s for 100,000', (tookSeconds * 100_000) / count, 5),
      atMost('lateness p99 at most 20 ms', figures.p99Ms!, 20),
    ],
  });
}

async function measureTags({ tagged }: ControlPlan, run: Run): Promise<void> {
  const filled = async (more: (index: number) => string): Promise<number> => {
    const server = await ServerProcess.start();
    run.finally(() => server.discard());
    const from = Date.now();
    await createAll(server, run, tagged, (index) => `${farBody(index, tagged, from).slice(0, -1)}${more(index)}}`);
    await server.stop();
    await server.start();
    await server.quiet();
    const { rssMiB } = server.memory();
    await server.discard();
    return rssMiB;
  };
  const without = await filled(() => '');
  const rssMiB = await filled((index) => text({ tags: [`order-${index}`] }));
  run.find({
    what: `${tagged.toLocaleString('en-US')} waiting jobs with a tag of their own`,
    figures: { rssMiB, addedMiB: rssMiB - without },
    ceiling: { what: 'jobs without', figures: { rssMiB: without } },
    must: [atMost('at most 200 MiB more for a million', ((rssMiB - without) * 1_000_000) / tagged, 200)],
  });
}

export const control: Bench<ControlPlan> = {
  name: 'control',
  question: 'What control of jobs costs',
  plans: {
    small: {
      jobs: 10_000,
      rounds: 1,
      seconds: 1,
      groups: { many: 1000, few: 10, jobs: 20_000 },
      bulk: 10_000,
      beside: { perSecond: 1000, seconds: 2 },
      tagged: 0,
    },
    full: {
      jobs: 60_000,
      rounds: 3,
      seconds: 3,
      groups: { many: 10_000, few: 10, jobs: 1_000_000 },
      bulk: 100_000,
      beside: { perSecond: 1000, seconds: 8 },
      tagged: 1_000_000,
    },
  },
  async run(plan, run) {
    await measureFields(plan, run);
    await measureGroups(plan, run);
    await measureBulk(plan, run);
    if (plan.tagged > 0) await measureTags(plan, run);
  },
};
