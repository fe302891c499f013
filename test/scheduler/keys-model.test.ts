/**
 * Keys against a plain model: whatever is asked for in whatever order, with crashes and writes that are refused in between, each request
 * comes to what the model says, and no two attempts of one key are in the pool.
 */
import * as fc from 'fast-check';
import t from 'tap';
import { formatId } from '../../src/domain/id.js';
import type { Job } from '../../src/domain/job.js';
import { isFinished } from '../../src/domain/lifecycle.js';
import type { Answer, JobDraft } from '../../src/scheduler/messages.js';
import { DiskFull, World } from '../support/world.js';

const second = 1000;

type Step =
  | {
      readonly do: 'create';
      readonly key: string;
      readonly ifExists: JobDraft['ifExists'];
      readonly ttl: number | undefined;
      readonly kind: 'now' | 'later' | 'repeat';
      readonly isFull: boolean;
    }
  | { readonly do: 'end'; readonly of: number; readonly kind: 'succeeded' | 'failed' | 'interrupted' | 'final' }
  | { readonly do: 'cancel' | 'retry' | 'remove'; readonly of: number }
  | { readonly do: 'pass'; readonly ms: number }
  | { readonly do: 'crash' };

const which = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('create' as const),
      key: fc.constantFrom('a', 'b'),
      ifExists: fc.constantFrom<JobDraft['ifExists'][]>(undefined, 'reject', 'return', 'replace', 'replace'),
      ttl: fc.constantFrom(undefined, undefined, 3 * second),
      kind: fc.constantFrom('now', 'now', 'later', 'repeat'),
      isFull: fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      of: which,
      kind: fc.constantFrom('succeeded', 'failed', 'interrupted', 'final'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constantFrom('cancel' as const, 'retry' as const, 'remove' as const), of: which }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('pass' as const), ms: fc.constantFrom(500, second, 4 * second) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('crash' as const) }) },
);

/** All that the model knows: which job was given each key last, and until when it keeps it. */
class Model {
  readonly holders = new Map<string, { readonly seq: number; keptUntil: number }>();
  /** What each repeating job that runs is to become. */
  readonly coming = new Map<number, string>();

  /** The job that has the key now. */
  ownerOf(key: string, world: World): Job | undefined {
    const holder = this.holders.get(key);
    const job = holder && world.memtable.job(holder.seq);
    if (!holder || !job) return undefined;
    return !isFinished(job.state.status) || holder.keptUntil > world.clock.now() ? job : undefined;
  }

  give(key: string, seq: number, keptUntil: number): void {
    this.holders.set(key, { seq, keptUntil });
  }
}

const idOf = ({ spec }: Job): string => formatId(spec.seq, spec.idSeconds);

class Life {
  world = new World({ poolCapacity: 50, mergeRows: 3, windowCapacity: 4, lags: true });
  readonly model = new Model();
  #payloads = 0;

  /** Jobs that there are, in order. */
  #jobs(): Job[] {
    return [...this.world.queries.list({ limit: 1000, offset: 0 }).jobs].reverse();
  }

  take(one: Step): void {
    const { world } = this;
    switch (one.do) {
      case 'create':
        this.#create(one);
        break;
      case 'end':
        this.#end(one.of, one.kind);
        break;
      case 'pass':
        world.pass(one.ms);
        break;
      case 'crash':
        this.world = world.crash();
        this.world.settle();
        break;
      default:
        this.#command(one.do, one.of);
    }
    this.#check();
  }

  #create({ key, ifExists = 'reject', ttl, kind, isFull }: Extract<Step, { do: 'create' }>): void {
    const { world, model } = this;
    const payload = `{"n":${++this.#payloads}}`;
    const owner = model.ownerOf(key, world);
    if (isFull)
      world.kv.beforeWrite = () => {
        throw new DiskFull();
      };
    const draft: JobDraft = {
      name: 'noop',
      trigger: { kind: 'delay', delayMs: kind === 'now' ? 0 : kind === 'later' ? 3600 * second : second },
      isRepeat: kind === 'repeat',
      payload,
      maxRetries: 1,
      retryDelayMs: second,
      key,
      ifExists,
      ...(ttl !== undefined && { keyTtlMs: ttl }),
    };
    const answer = world.ask({ kind: 'create', draft });
    world.kv.beforeWrite = () => {};
    if (isFull) world.pass(60 * second);
    if (answer !== undefined && !answer.ok && answer.refusal.code === 'storage_unavailable') return;
    if (answer === undefined) throw new Error('no answer');
    if (owner !== undefined && ifExists === 'reject') {
      if (answer.ok || answer.refusal.jobId !== idOf(owner)) throw new Error(`not refused with ${idOf(owner)}`);
      return;
    }
    const job = jobOf(answer);
    const { status } = owner?.state ?? { status: 'success' };
    const isReplaced = status === 'pending' || (status === 'running' && owner?.spec.trigger.kind === 'interval');
    const existed = owner !== undefined && (ifExists === 'return' || isReplaced);
    if (existed !== existedIn(answer)) throw new Error(`existed: ${existedIn(answer)}, and not ${existed}`);
    if (existed !== (job.spec.seq === owner?.spec.seq)) throw new Error(`job ${job.spec.seq} was answered`);
    if (existed && ifExists === 'return') return;
    if (existed && status === 'running') model.coming.set(job.spec.seq, payload);
    else if (job.spec.payload !== payload) throw new Error(`job ${job.spec.seq} has not what was asked for`);
    model.give(key, job.spec.seq, ttl === undefined ? 0 : job.spec.createdAt + ttl);
  }

  #end(of: number, kind: 'succeeded' | 'failed' | 'interrupted' | 'final'): void {
    const { world } = this;
    const running = [...world.pool.attempts.keys()];
    const seq = running[of % Math.max(1, running.length)];
    if (seq === undefined) return;
    const before = world.memtable.job(seq);
    const wasLost = before?.state.status === 'running' && before.spec.keyLost === true;
    if (kind === 'final') world.end(seq, { kind: 'failed', retryable: false } as never);
    else world.end(seq, { kind });
    const status = world.memtable.state(seq)?.status;
    if (!wasLost) return;
    const expected = kind === 'succeeded' ? 'success' : kind === 'interrupted' ? 'cancelled' : 'failed';
    if (status !== expected) throw new Error(`job ${seq} had lost its key and is ${status}`);
  }

  #command(kind: 'cancel' | 'retry' | 'remove', of: number): void {
    const { world, model } = this;
    const jobs = this.#jobs();
    const job = jobs[of % Math.max(1, jobs.length)];
    const key = job?.spec.key;
    if (!job || key === undefined) return;
    const owner = model.ownerOf(key, world);
    const answer = world.ask({ kind, id: idOf(job) });
    if (kind === 'cancel' && answer?.ok) model.coming.delete(job.spec.seq);
    if (kind === 'remove' && answer?.ok && model.holders.get(key)?.seq === job.spec.seq) model.holders.delete(key);
    if (kind !== 'retry' || job.state.status !== 'failed') return;
    const isTaken = owner !== undefined && owner.spec.seq !== job.spec.seq;
    if (answer?.ok === isTaken) throw new Error(`a retry of job ${job.spec.seq} with its key taken: ${isTaken}`);
    const { createdAt, keyTtlMs = 0 } = job.spec;
    if (answer?.ok) model.give(key, job.spec.seq, keyTtlMs === 0 ? 0 : createdAt + keyTtlMs);
  }

  #check(): void {
    const { world, model } = this;
    const seen = new Set<string>();
    for (const seq of world.pool.attempts.keys()) {
      const key = world.memtable.job(seq)?.spec.key;
      if (key === undefined) continue;
      if (seen.has(key)) throw new Error(`two attempts of key ${key} are in the pool`);
      seen.add(key);
    }
    for (const [seq, payload] of model.coming) {
      const job = world.memtable.job(seq);
      if (job?.state.status === 'running' && job.spec.payload !== payload) continue;
      if (job?.spec.payload !== payload) throw new Error(`job ${seq} has not become what was asked for`);
      model.coming.delete(seq);
    }
  }
}

function jobOf(answer: Answer): Job {
  if (!answer.ok) throw new Error(`refused: ${answer.refusal.detail}`);
  return answer.jobs[0] as Job;
}

const existedIn = (answer: Answer): boolean => answer.ok && 'existed' in answer && answer.existed === true;

t.test('requests with keys come to what a plain model says', async (t) => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 1, maxLength: 40 }), (steps) => {
      const life = new Life();
      for (const one of steps) life.take(one);
      life.world.sets.dispose();
    }),
    { numRuns: 300 },
  );
  t.pass('300 lists of requests');
});
