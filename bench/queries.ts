/**
 * How long does a question take while jobs come in? Lists by every filter, deep offsets, cursors, counts and single jobs,
 * among many jobs in every status. Each kind of question is asked in an open loop of its own, beside a steady stream of
 * new jobs, in turn with a question that looks nothing up: what that takes is the machine, the stream of jobs and the
 * client. The totals are then held against what was made.
 */
import { atMost, type Bench, type Figures, medians, type Run, ratiosOf, sleep } from './support/bench.js';
import { createAll, createIds } from './support/fill.js';
import { HttpClient, request } from './support/http-client.js';
import { dueBody, farBody, orderRequests } from './support/job-bodies.js';
import { Latencies } from './support/latencies.js';
import { ServerProcess } from './support/server-process.js';
import { withMainThread } from './support/thread-time.js';

export interface QueriesPlan {
  readonly jobs: number;
  /** Each question and its ceiling in turn, so many times. */
  readonly rounds: number;
  /** Of each turn. */
  readonly seconds: number;
  /** New jobs a second meanwhile. */
  readonly ingestPerSecond: number;
}

interface Question {
  readonly what: string;
  readonly path: (index: number) => string;
  /** Milliseconds; absent: `usualP99Ms`. */
  readonly p99Ms?: number;
  /** How often it is asked; absent: `asksPerSecond`. */
  readonly perSecond?: number;
}

const usualP99Ms = 5;
/** Where what is asked for is looked up by more than a status or a type. */
const filteredP99Ms = 10;
/** What has to be put in order beside the main thread. */
const orderedP99Ms = 100;
/** These look at all jobs that match: nobody asks for them as often. */
const orderedPerSecond = 4;
/** Jobs with one tag, and in one group. */
const perTag = 1000;
const perGroup = 10_000;

/** Answered from memory, in a few bytes. */
const nothing: Question = { what: 'GET /health/live, beside the same new jobs', path: () => '/health/live' };

const asksPerSecond = 200;
const askConnections = 8;
const ingestConnections = 64;
const longRunning = 8;
const hourMs = 3_600_000;
const sampleIds = 1000;

/** How many there are of each status, apart from the few that run. */
function shares(jobs: number): { success: number; failed: number; cancelled: number; pending: number } {
  const cancelled = Math.min(2000, Math.floor(jobs / 10));
  const success = Math.floor(jobs * 0.3);
  const failed = Math.floor(jobs * 0.1);
  return { success, failed, cancelled, pending: jobs - success - failed - cancelled };
}

/** With a tag and a group, and, one in ten, a key of its own. */
function labelled(body: string, index: number): string {
  const key = index % 10 === 0 ? `,"key":"order-${index}"` : '';
  const more = `"tags":["customer-${Math.floor(index / perTag)}"],"group":"tenant-${Math.floor(index / perGroup)}"${key}`;
  return `${body.slice(0, -1)},${more}}`;
}

/** Jobs in all statuses; some of their ids. */
async function prepare(server: ServerProcess, jobs: number, run: Run): Promise<string[]> {
  const { success, failed, cancelled, pending } = shares(jobs);
  const past = Date.now() - 1000;
  const from = Date.now();
  await createAll(server, run, pending, (index) => labelled(farBody(index, pending, from), index));
  await createAll(server, run, success, () => dueBody('noop', past));
  await createAll(server, run, failed, () => dueBody('fail', past));
  const ids = await createIds(server, run, cancelled, () => dueBody('noop', past + 30 * 86_400_000));
  const client = await HttpClient.open(server.port, 32);
  await client.closedLoop(
    (index) => (index < ids.length ? request('DELETE', `/api/v1/jobs/${ids[index]}`) : undefined),
    (status) => run.equal(status, 200, 'answer to a cancel'),
  );
  client.close();
  for (let done = 0; done < success + failed; await sleep(100)) {
    const stats = await server.stats();
    done = stats.completed + stats.failed;
  }
  // The usual timeout, five minutes, is shorter than all the questions take.
  await createAll(server, run, longRunning, () =>
    JSON.stringify({ name: 'hold', trigger_at: new Date(past).toISOString(), timeout: '1h' }),
  );
  while ((await server.stats()).running < longRunning) await sleep(50);
  return ids.slice(0, sampleIds);
}

async function questions(server: ServerProcess, jobs: number, ids: readonly string[]): Promise<Question[]> {
  const statuses = ['pending', 'running', 'success', 'failed', 'cancelled'];
  const { next_cursor: cursor } = await server.get<{ next_cursor: string }>('/jobs?limit=50&status=success');
  return [
    { what: 'one job', path: (index) => `/jobs/${ids[index % ids.length]}` },
    { what: 'first page', path: () => '/jobs' },
    ...statuses.map((status) => ({ what: `first page, ${status}`, path: () => `/jobs?status=${status}` })),
    { what: 'first page of a type', path: () => '/jobs?name=noop' },
    { what: 'first page of a type and status', path: () => '/jobs?name=noop&status=pending' },
    {
      what: 'offset into the middle',
      path: (index) => `/jobs?status=pending&limit=20&offset=${Math.floor(jobs / 4) + index}`,
    },
    { what: 'offset to the end', path: (index) => `/jobs?limit=20&offset=${jobs - 100 - (index % 50)}` },
    { what: 'page by cursor', path: () => `/jobs?limit=50&status=success&cursor=${encodeURIComponent(cursor)}` },
    { what: 'count under a filter', path: () => '/jobs?name=noop&status=success&limit=1' },
    { what: 'statistics', path: () => '/stats' },
    ...filtered(shares(jobs).pending).map((each) => ({ ...each, p99Ms: filteredP99Ms })),
    ...ordered(Date.now() + hourMs).map((each) => ({ ...each, p99Ms: orderedP99Ms, perSecond: orderedPerSecond })),
  ];
}

function filtered(pending: number): Question[] {
  const tag = (index: number): number => index % Math.ceil(pending / perTag);
  const group = (index: number): number => index % Math.ceil(pending / perGroup);
  return [
    { what: 'by tag', path: (index) => `/jobs?tag=customer-${tag(index)}` },
    { what: 'by group', path: (index) => `/jobs?group=tenant-${group(index)}` },
    { what: 'by key', path: (index) => `/jobs?key=order-${(index * 10) % pending}` },
    {
      what: 'by tag, group, type and status',
      path: (index) =>
        `/jobs?tag=customer-${tag(index)}&group=tenant-${Math.floor((tag(index) * perTag) / perGroup)}&name=noop&status=pending`,
    },
    { what: 'what repeats', path: () => '/jobs?is_repeat=true' },
    { what: 'of two statuses, oldest first', path: () => '/jobs?status=failed,cancelled&order=asc' },
    {
      what: 'made in the last minute',
      path: () => `/jobs?created_after=${new Date(Date.now() - 60_000).toISOString()}`,
    },
    { what: 'failures by message', path: () => '/failures' },
  ];
}

/** @param due an instant that some of the jobs are due behind, in Unix milliseconds */
function ordered(due: number): Question[] {
  const from = encodeURIComponent(new Date(due + hourMs).toISOString());
  const to = encodeURIComponent(new Date(due + 2 * hourMs).toISOString());
  return [
    { what: 'first to come due', path: () => '/jobs?status=pending&sort=due' },
    { what: 'last to come due', path: () => '/jobs?status=pending&sort=due&order=desc' },
    { what: 'due in one hour', path: () => `/jobs?due_after=${from}&due_before=${to}` },
    {
      what: 'due in one hour, of a tag',
      path: (index) => `/jobs?due_after=${from}&due_before=${to}&tag=customer-${index % 100}`,
    },
  ];
}

/** One turn of one question. */
function ask(
  server: ServerProcess,
  { what, path, perSecond = asksPerSecond }: Question,
  seconds: number,
  run: Run,
): Promise<Figures> {
  return withMainThread(server.pid, async () => {
    const client = await HttpClient.open(server.port, askConnections);
    const latencies = new Latencies();
    let refused = 0;
    await client.openLoop(
      perSecond,
      Math.max(1, Math.round(perSecond * seconds)),
      (index) => request('GET', `/api/v1${path(index)}`),
      (status, _body, ms) => {
        latencies.add(ms);
        if (status !== 200) refused++;
      },
    );
    client.close();
    run.equal(refused, 0, `${what}: answers other than 200`);
    return latencies.figures();
  });
}

async function measure(
  server: ServerProcess,
  question: Question,
  { rounds, seconds }: QueriesPlan,
  run: Run,
): Promise<void> {
  const ours: Figures[] = [];
  const floors: Figures[] = [];
  for (let round = 0; round < rounds; round++) {
    floors.push(await ask(server, nothing, seconds, run));
    ours.push(await ask(server, question, seconds, run));
  }
  const figures = medians(ours);
  const ceiling = medians(floors);
  const p99 = (rounds: readonly Figures[]): number[] => rounds.map(({ p99Ms }) => p99Ms!);
  run.find({
    what: question.what,
    figures,
    ceiling: { what: nothing.what, figures: ceiling },
    ratio: figures.p99Ms! / ceiling.p99Ms!,
    ratios: ratiosOf(p99(ours), p99(floors)),
    must: [atMost(`p99 at most ${question.p99Ms ?? usualP99Ms} ms`, figures.p99Ms!, question.p99Ms ?? usualP99Ms)],
  });
}

export const queries: Bench<QueriesPlan> = {
  name: 'queries',
  question: 'Questions among many jobs in every status, while jobs come in',
  plans: {
    small: { jobs: 20_000, rounds: 1, seconds: 0.3, ingestPerSecond: 1000 },
    full: { jobs: 1_000_000, rounds: 3, seconds: 3, ingestPerSecond: 1000 },
  },
  async run(plan, run) {
    const { jobs, rounds, seconds, ingestPerSecond } = plan;
    const server = await ServerProcess.start();
    run.finally(() => server.discard());
    const ids = await prepare(server, jobs, run);
    await server.quiet();
    const all = await questions(server, jobs, ids);

    const ingest = await HttpClient.open(server.port, ingestConnections);
    const requests = orderRequests();
    let created = 0;
    const stream = ingest.openLoop(
      ingestPerSecond,
      Math.round(ingestPerSecond * seconds * 2 * rounds * all.length),
      requests,
      (status) => {
        if (status === 201) created++;
      },
    );
    for (const question of all) await measure(server, question, plan, run);
    await stream;
    ingest.close();

    const { success, failed, cancelled, pending } = shares(jobs);
    run.equal(await server.total('&status=success'), success, 'successful jobs listed');
    run.equal(await server.total('&status=failed'), failed, 'failed jobs listed');
    run.equal(await server.total('&status=cancelled'), cancelled, 'cancelled jobs listed');
    run.equal(await server.total('&status=running'), longRunning, 'running jobs listed');
    run.equal(await server.total('&status=pending'), pending + created, 'pending jobs listed');
    run.equal(await server.total(), jobs + longRunning + created, 'jobs listed');
  },
};
