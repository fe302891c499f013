/**
 * How many events a second reach the subscribers? A wave is one commit: a batch of jobs is made, and what is timed is its
 * events going out, from the first frame that anybody gets until the last subscriber has the last. Every subscriber must
 * get exactly what it asked for. Held against uWebSockets.js publishing the same bytes in a loop, to WebSockets also where
 * ours are event streams.
 *
 * Who follows jobs by their ids hears of nothing before they run, so there the wave is jobs that are due at one instant, and
 * it is held against running as many jobs with nobody listening and then publishing the same bytes.
 *
 * A wave is so small that it fits into the server's send buffers even if nobody reads: nobody is closed for being slow.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderEvent } from '../src/api/render-event.js';
import type { EventBody } from '../src/domain/events.js';
import type { Publication } from './ceilings/publish.js';
import { Audience } from './support/audience.js';
import { atLeast, type Bench, type Finding, median, type Run, ratiosOf, sleep } from './support/bench.js';
import { ahead, createAll, createIds } from './support/fill.js';
import { dueBody } from './support/job-bodies.js';
import { canRaiseFiles, Helper, hardLimit, root, temporary } from './support/processes.js';
import { ServerProcess } from './support/server-process.js';
import type { Way } from './support/subscribers.js';

export interface FanoutPlan {
  readonly subscribers: readonly number[];
  /** Listeners by event stream; all hear everything. */
  readonly streams: readonly number[];
  readonly filters: readonly FilterKind[];
  /** Frames of a wave, about. */
  readonly deliveries: number;
  readonly rounds: number;
}

/** What each subscriber asks for: everything, one of fifty job types, or jobs of its own. */
export type FilterKind = 'all' | 'types' | 'own';

const kinds: Readonly<Record<FilterKind, { readonly what: string; readonly bound: number }>> = {
  all: { what: 'all events', bound: 0.7 },
  types: { what: '1 of 50 types each', bound: 0.6 },
  own: { what: 'their own jobs only', bound: 0.6 },
};

const types = 50;
/** Events of one job in a wave: that it is scheduled; of one that runs, that it started and that it completed. */
const eventsPerJob: Readonly<Record<FilterKind, number>> = { all: 1, types: 1, own: 2 };
/** What one batch may have. All events of a wave then fit into one connection's send buffer, 8 MiB. */
const maxJobs = 10_000;
/** What even a busy machine reaches: this sets how far ahead of a wave preparing begins. */
const connectsPerSecond = 2000;
const hourMs = 3_600_000;

/** Fifty names for the handler that does nothing. */
function handlersFolder(): string {
  const folder = temporary('handlers');
  for (let type = 0; type < types; type++) {
    writeFileSync(
      join(folder, `${typeName(type)}.mjs`),
      `export { default } from '${join(root, 'bench/handlers/noop.mjs')}';\n`,
    );
  }
  return folder;
}

function typeName(index: number): string {
  return `type_${String(index % types).padStart(2, '0')}`;
}

function jobsPerWave(kind: FilterKind, subscribers: number, deliveries: number): number {
  const share = kind === 'all' ? subscribers : kind === 'types' ? subscribers / types : 1;
  const wanted = Math.min(maxJobs, Math.max(1, Math.round(deliveries / eventsPerJob[kind] / share)));
  // Every subscriber has as many jobs of its own as any other, and every type as many jobs.
  const even = kind === 'own' ? subscribers : kind === 'types' ? types : 1;
  return Math.max(even, Math.floor(wanted / even) * even);
}

interface Setting {
  readonly kind: FilterKind;
  readonly way: Way;
  readonly subscribers: number;
  readonly jobs: number;
}

/** Frames that subscriber `index` gets. */
function framesFor({ kind, subscribers, jobs }: Setting, index: number): number {
  const events = eventsPerJob[kind];
  if (kind === 'all') return jobs * events;
  // Types go round over jobs and over subscribers alike.
  return (kind === 'types' ? Math.floor((jobs - (index % types) + types - 1) / types) : jobs / subscribers) * events;
}

export const fanout: Bench<FanoutPlan> = {
  name: 'fanout',
  question: 'Events delivered to WebSockets and event streams per second',
  plans: {
    small: {
      subscribers: [100, 1000],
      streams: [1000],
      filters: ['all', 'types', 'own'],
      deliveries: 200_000,
      rounds: 1,
    },
    full: {
      subscribers: [100, 1000, 5000, 20_000],
      streams: [5000],
      filters: ['all', 'types', 'own'],
      deliveries: 1_500_000,
      rounds: 3,
    },
  },
  async run(plan, run) {
    const server = await ServerProcess.start({ handlers: handlersFolder(), manyFiles: true });
    run.finally(() => server.discard());
    const bare = new Helper<Publication, { port: number }>('ceilings/publish.js', {}, true);
    run.finally(() => bare.end());
    const { port } = await bare.next();
    // The first wave finds the code of both servers not compiled yet, and does not count.
    const [few = 0] = plan.subscribers;
    await measure(
      { kind: 'all', way: 'websocket', subscribers: few, jobs: jobsPerWave('all', few, plan.deliveries) },
      1,
      server,
      bare,
      port,
      run,
    );
    for (const subscribers of plan.subscribers) {
      if (subscribers > hardLimit() - 1000 && !canRaiseFiles()) {
        run.skip(
          `${subscribers} subscribers: a process may open only ${hardLimit()} files here, and prlimit is not allowed to raise that`,
        );
        continue;
      }
      for (const kind of plan.filters) {
        const setting: Setting = {
          kind,
          way: 'websocket',
          subscribers,
          jobs: jobsPerWave(kind, subscribers, plan.deliveries),
        };
        run.find(await measure(setting, plan.rounds, server, bare, port, run));
      }
    }
    for (const subscribers of plan.streams) {
      const jobs = jobsPerWave('all', subscribers, plan.deliveries);
      const setting: Setting = { kind: 'all', way: 'stream', subscribers, jobs };
      run.find(await measure(setting, plan.rounds, server, bare, port, run));
    }
  },
};

async function measure(
  setting: Setting,
  rounds: number,
  server: ServerProcess,
  bare: Helper<Publication, { port: number }>,
  barePort: number,
  run: Run,
): Promise<Finding> {
  const { kind, way, subscribers } = setting;
  const ours: number[] = [];
  const against: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const audience = new Audience(subscribers);
    try {
      const bareWay = await bareWave(setting, bare, barePort, audience, run);
      if (kind === 'own') {
        const { unheard, heard } = await runningWaves(setting, server, audience, run);
        ours.push(heard);
        against.push(1 / (1 / bareWay + 1 / unheard));
      } else {
        against.push(bareWay);
        ours.push(await scheduledWave(setting, server, audience, run));
      }
    } finally {
      await audience.end();
    }
  }
  const ratio = median(ours) / median(against);
  const { what, bound } = kinds[kind];
  return {
    what: `${subscribers.toLocaleString('en-US')} ${way === 'stream' ? 'event streams' : 'subscribers'}, ${what}`,
    figures: { perSecond: median(ours) },
    ceiling: {
      what: kind === 'own' ? 'as many jobs run unheard, then publish of the same bytes' : 'publish of the same bytes',
      figures: { perSecond: median(against) },
    },
    ratio,
    ratios: ratiosOf(ours, against),
    ...(way === 'websocket' && { must: [atLeast(`at least ${bound} of the ceiling`, ratio, bound)] }),
  };
}

/** Deliveries per second of the events that tell of a batch of jobs. */
async function scheduledWave(setting: Setting, server: ServerProcess, audience: Audience, run: Run): Promise<number> {
  const { kind, way, jobs } = setting;
  await audience.open(server.port, (index) => (kind === 'all' ? {} : { job_types: [typeName(index)] }), way);
  await audience.expect((index) => framesFor(setting, index));
  await server.quiet();
  const due = Date.now() + hourMs;
  const bodies = Array.from({ length: jobs }, (_, index) => dueBody(typeName(kind === 'types' ? index : 0), due));
  const { status } = await server.ask('POST', '/jobs/batch', `[${bodies.join(',')}]`);
  run.equal(status, 201, 'status of a batch');
  const result = await audience.wave();
  audience.check(result, 'job.scheduled', run);
  return result.frames / ((result.lastAt - result.firstAt) / 1000);
}

/** Deliveries per second of jobs that run, from their due time: with a listener for each, and how it would be with none. */
async function runningWaves(
  setting: Setting,
  server: ServerProcess,
  audience: Audience,
  run: Run,
): Promise<{ unheard: number; heard: number }> {
  const { jobs, subscribers } = setting;
  const frames = framesFor(setting, 0) * subscribers;
  const bodyOf = (due: number) => (): string => dueBody(typeName(0), due);
  const moreMs = (subscribers / connectsPerSecond) * 1000;
  const unheard = await ahead(jobs, 0, run, async (due, ready) => {
    const { completed } = await server.stats();
    await createAll(server, run, jobs, bodyOf(due));
    await server.quiet(due - Date.now() - 200);
    ready();
    await sleep(due - Date.now());
    return frames / (((await server.completed(completed + jobs, 2)) - due) / 1000);
  });
  const heard = await ahead(jobs, moreMs, run, async (due, ready) => {
    const { completed } = await server.stats();
    // Whoever wants a job's events must know its id.
    const ids = await createIds(server, run, jobs, bodyOf(due));
    const idsOf = (index: number): string[] =>
      Array.from({ length: jobs / subscribers }, (_, i) => ids[index + i * subscribers]!);
    await audience.open(server.port, (index) => ({ job_ids: idsOf(index) }));
    await server.quiet(due - Date.now() - 200);
    await audience.expect((index) => framesFor(setting, index));
    ready();
    const result = await audience.wave();
    audience.check(result, 'job.started and job.completed', run);
    await server.completed(completed + jobs);
    return result.frames / ((result.lastAt - due) / 1000);
  });
  return { unheard, heard };
}

/** Deliveries per second of the bare server. */
async function bareWave(
  setting: Setting,
  bare: Helper<Publication, { port: number }>,
  port: number,
  audience: Audience,
  run: Run,
): Promise<number> {
  const { kind, subscribers } = setting;
  await audience.open(port, (index) =>
    kind === 'all' ? {} : kind === 'types' ? { job_types: [typeName(index)] } : { job_ids: [String(index)] },
  );
  await audience.expect((index) => framesFor(setting, index));
  const topic = (index: number): string =>
    kind === 'all' ? '*' : kind === 'types' ? typeName(index) : String(index % subscribers);
  await bare.ask({ messages: publication(setting, topic) });
  const result = await audience.wave();
  audience.check(result, 'messages of the bare server', run);
  return result.frames / ((result.lastAt - result.firstAt) / 1000);
}

/** The texts that the server would send, with their topics. */
function publication({ kind, jobs }: Setting, topic: (index: number) => string): string[] {
  const at = Date.now();
  const messages: string[] = [];
  for (let index = 0; index < jobs; index++) {
    const event = { seq: index, jobSeq: index, idSeconds: Math.floor(at / 1000), jobName: typeName(index), at };
    const bodies: EventBody[] =
      kind === 'own'
        ? [
            { type: 'job.started', attempt: 1 },
            { type: 'job.completed', durationMs: 0 },
          ]
        : [{ type: 'job.scheduled', triggerAt: at + hourMs, isRepeat: false }];
    for (const body of bodies) messages.push(topic(index), renderEvent({ ...event, body }, 'UTC'));
  }
  return messages;
}
