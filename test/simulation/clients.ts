/** The clients of the simulated server: requests as the seed says, and what their answers promise. */
import { placeOfJobKey } from '../../src/domain/control/keys.js';
import { formatId } from '../../src/domain/id.js';
import { isRepeating, type Job, type JobSpec } from '../../src/domain/job.js';
import { dueOf, startOf } from '../../src/domain/slots/schedule.js';
import type { Answer, JobDraft, Request, TriggerDraft } from '../../src/scheduler/messages.js';
import type { World } from '../support/world.js';
import { Drafts, type Habits, manyNames, names } from './drafts.js';
import { must } from './event-replay.js';
import { everything } from './invariants.js';
import { type AskedLimits, noLimits } from './limits.js';
import type { Promised, PromisedJob, PromisedKey, PromisedPause } from './promised.js';
import type { Random } from './random.js';

/** What can be asked of a job. */
export type JobAction = 'update' | 'cancel' | 'retry' | 'pause' | 'resume' | 'run' | 'remove';

export class Clients {
  readonly #promised: Promised;
  readonly #habits: Habits;
  readonly #drafts: Drafts;
  /** The server as it is now: what is answered by a process that has ended since is not heard. */
  readonly #world: () => World;

  constructor(promised: Promised, habits: Habits, world: () => World) {
    this.#promised = promised;
    this.#habits = habits;
    this.#world = world;
    this.#drafts = new Drafts(habits, () => world().clock.now());
  }

  create(random: Random): void {
    if (this.#habits.manyTypes && random.chance(0.25)) return this.createMany(random);
    const draft = this.#drafts.draft(random);
    if (draft.key !== undefined) return this.#createKeyed(draft);
    const keyed = draft.name !== 'killer' && random.chance(0.2);
    const idempotency = { key: `key-${random.between(0, 3)}`, digest: random.pick(['a', 'a', 'a', 'b']) };
    if (keyed) this.#createOnce(draft, idempotency);
    else this.#ask({ kind: 'create', draft }, (jobs) => this.#made([draft], jobs), [draft.payload]);
  }

  createMany(random: Random): void {
    const drafts = this.#habits.manyTypes
      ? manyNames.map((name): JobDraft => ({ ...this.#drafts.draft(random), name }))
      : Array.from({ length: random.between(0, 5) }, () => this.#drafts.draft(random));
    const payloads = drafts.map(({ payload }) => payload);
    for (const draft of drafts) this.#mayReplace(draft);
    this.#ask({ kind: 'createMany', drafts }, (jobs, _, existed) => this.#madeMany(drafts, jobs, existed), payloads);
  }

  /** Asks for something to be done to a job that the clients know of. */
  command(kind: JobAction, random: Random): void {
    const [seq, known] = random.pick([...this.#promised.jobs]) ?? [];
    if (seq === undefined || !known || known.removing) return;
    const { id } = known;
    if (kind === 'pause') return this.#pause(known, random);
    if (kind === 'run') return this.#run(seq, known);
    if (kind === 'resume') return this.#resume(known);
    if (kind === 'remove') return this.#remove(seq, known);
    if (kind === 'cancel') {
      return this.#ask({ kind, id }, () => {
        known.cancelled = true;
        const { attempts, aborted } = this.#world().pool;
        must(!attempts.has(seq) || aborted.includes(seq), () => `job ${seq} was cancelled and its attempt not told`);
      });
    }
    if (this.#world().memtable.job(seq)?.spec.name === 'killer') return;
    if (kind === 'retry') {
      // What has finished is not paused any more.
      known.pause.mayEnd();
      return this.#ask({ kind, id }, () => {});
    }
    const payload = this.#drafts.payload();
    const trigger = random.chance(0.6) ? this.#drafts.newTrigger(random) : undefined;
    if (trigger?.kind === 'cron') known.expressions.add(trigger.expression);
    known.unanswered.add(payload);
    this.#promised.scheduleChanges(seq);
    this.#ask(
      { kind, id, patch: { ...(trigger && { trigger }), payload, ...this.#drafts.changedFields(known.repeats) } },
      ([job]) => {
        if (job && trigger) mustBeMoved(job, trigger);
        known.payload = payload;
        known.coming = undefined;
        // Updates are made in the order they were sent: earlier ones were overtaken.
        for (const sent of known.unanswered) {
          known.unanswered.delete(sent);
          if (sent === payload) return;
        }
      },
      [payload],
      () => known.unanswered.delete(payload),
    );
  }

  #pause(known: PromisedJob, random: Random): void {
    const until = random.chance(0.5) ? this.#world().clock.now() + random.pick([-1000, 500, 5000, 60_000]) : undefined;
    const change = { ...(until !== undefined && { until }), ...(random.chance(0.3) && { reason: 'r' }) };
    const acknowledged = known.pause.asked(until);
    this.#promised.dueChanges(known);
    this.#ask({ kind: 'pause', id: known.id, change }, ([job]) => acknowledged(job?.state.pause?.until));
  }

  #resume(known: PromisedJob): void {
    known.pause.mayEnd();
    this.#promised.dueChanges(known);
    this.#ask({ kind: 'resume', id: known.id }, () => {});
  }

  /** A repeating job runs once more, and its next slot stays. */
  #run(seq: number, known: PromisedJob): void {
    known.pause.mayEnd();
    this.#promised.scheduleChanges(seq);
    const { changes } = known;
    const { clockSets } = this.#promised;
    this.#ask({ kind: 'run', id: known.id }, ([job]) => {
      if (!job) throw new Error('no job in an answer');
      const { due, nextSlot, updatedAt } = job.state;
      // One that was due already stays as it is: it was due by the clock that there was.
      const isByOtherClock = clockSets !== this.#promised.clockSets;
      must(
        due <= updatedAt || due <= this.#world().clock.now() || isByOtherClock,
        () => `job ${seq} was to run now and is due at ${due}`,
      );
      const slot = dueOf(job.spec, nextSlot);
      if (nextSlot !== 0 && changes === known.changes)
        known.afterExtra = { slot, event: this.#world().queries.lastEvent() };
    });
  }

  #remove(seq: number, known: PromisedJob): void {
    known.removing = true;
    const isOpen = (): void => {
      known.removing = false;
    };
    this.#ask(
      { kind: 'remove', id: known.id },
      () => {
        known.removed = true;
        must(this.#world().memtable.state(seq) === undefined, () => `job ${seq} was removed and is there`);
      },
      [],
      isOpen,
    );
  }

  /** Pauses the server or a type, or ends that. */
  hold(kind: 'pauseType' | 'resumeType' | 'pauseServer' | 'resumeServer', random: Random): void {
    const name = random.pick(names.slice(0, 3));
    const { serverPause, typePauses } = this.#promised;
    const pause = kind === 'pauseType' || kind === 'resumeType' ? (typePauses.get(name) as PromisedPause) : serverPause;
    const request: Request = kind === 'pauseType' || kind === 'resumeType' ? { kind, name } : { kind };
    if (kind === 'resumeType' || kind === 'resumeServer') {
      pause.mayEnd();
      return this.#ask(request, () => {});
    }
    const acknowledged = pause.asked();
    this.#ask(request, () => acknowledged());
  }

  /** Sets limits of a type, or takes them away. */
  limit(name: string, limits: AskedLimits): void {
    const acknowledged = this.#promised.typeLimits.get(name)?.asked(limits);
    this.#ask({ kind: 'setType', name, change: limits }, () => acknowledged?.());
  }

  /** Ends all pauses that the disk knows of; false when there are none. */
  resumeAll(): boolean {
    const { queries, scheduler } = this.#world();
    const { server, types } = scheduler.settings;
    this.#promised.serverPause.mayEnd();
    if (server.paused) this.#ask({ kind: 'resumeServer' }, () => {});
    for (const pause of this.#promised.typePauses.values()) pause.mayEnd();
    for (const name of types.keys()) this.#ask({ kind: 'resumeType', name }, () => {});
    for (const name of types.keys()) this.limit(name, noLimits);
    const isSet = [...types.values()].some((set) => Object.keys(set).some((field) => field !== 'hasGroups'));
    const held = queries.list(everything).jobs.filter(({ state }) => state.pause !== null);
    for (const { spec } of held) {
      this.#promised.jobs.get(spec.seq)?.pause.mayEnd();
      this.#ask({ kind: 'resume', id: formatId(spec.seq, spec.idSeconds) }, () => {});
    }
    return server.paused !== undefined || isSet || held.length > 0;
  }

  /** False when, as far as the disk knows, there is none to cancel. */
  cancelRepeating(): boolean {
    const { queries } = this.#world();
    const going = (['pending', 'running'] as const).flatMap(
      (status) => queries.list({ ...everything, filter: { statuses: [status] } }).jobs,
    );
    const repeating = going.filter(({ spec }) => isRepeating(spec));
    for (const { spec } of repeating) this.#ask({ kind: 'cancel', id: formatId(spec.seq, spec.idSeconds) }, () => {});
    return repeating.length > 0;
  }

  /** A request with an idempotency key, one of a few, and one of two bodies. */
  #createOnce(draft: JobDraft, idempotency: { readonly key: string; readonly digest: string }): void {
    const { key, digest } = idempotency;
    const { keys, retains, refused } = this.#promised;
    const known = (): PromisedKey | undefined => keys.get(key);
    this.#ask(
      { kind: 'create', draft, idempotency },
      ([job], replayed) => {
        if (!job) throw new Error('no job in an answer');
        const { seq } = job.spec;
        const before = known();
        const lasts = before && !retains && !this.#promised.jobs.get(before.seq)?.removing;
        if (lasts) must(before.seq === seq, () => `key ${key} made jobs ${before.seq} and ${seq}`);
        if (before?.seq === seq)
          must(before.digest === digest, () => `key ${key} took another body for that of job ${seq}`);
        if (replayed) refused.add(draft.payload);
        else must(job.spec.payload === draft.payload, () => `key ${key} made a job of another body`);
        keys.set(key, { seq, digest });
        this.#promised.made(job);
      },
      [draft.payload],
      () => {
        const before = known();
        // With its job the use of a key is forgotten.
        const holds = before && this.#world().scheduler.state(before.seq) !== undefined;
        if (holds) must(before.digest !== digest, () => `key ${key} was refused the body it was used with`);
      },
    );
  }

  /** A request with a key: a job is made only where none has the key, or beside one that it must not touch. */
  #createKeyed(draft: JobDraft): void {
    this.#mayReplace(draft);
    this.#ask(
      { kind: 'create', draft },
      ([job], _, existed) => {
        if (!job) throw new Error('no job in an answer');
        this.#madeMany([draft], [job], existed);
      },
      [draft.payload],
      () =>
        must((draft.ifExists ?? 'reject') === 'reject', () => `key ${draft.key} was refused and was to be answered`),
    );
  }

  /** A draft was answered with a job that there was. */
  #existed({ name, key, ifExists, payload }: JobDraft, job: Job): void {
    const { seq } = job.spec;
    const isOfKey = job.spec.name === name && job.spec.key === key;
    must(isOfKey, () => `key ${key} was answered with job ${seq} of another`);
    must((ifExists ?? 'reject') !== 'reject', () => `key ${key} was answered with job ${seq} and was to be refused`);
    this.#promised.made(job);
    this.#promised.scheduleChanges(seq);
    if (ifExists === 'return') {
      this.#promised.refused.add(payload);
      return;
    }
    const known = this.#promised.jobs.get(seq);
    if (!known) return;
    if (job.spec.successor === undefined) {
      must(job.spec.payload === payload, () => `job ${seq} was to be replaced and was not`);
      known.payload = payload;
      known.coming = undefined;
    } else {
      must(job.spec.successor.payload === payload, () => `job ${seq} was to be replaced later and will not be`);
      known.coming = payload;
    }
  }

  /** A request that may replace a job: whatever has the key may change. */
  #mayReplace({ name, key, ifExists, payload }: JobDraft): void {
    if (ifExists !== 'replace' || key === undefined) return;
    const place = placeOfJobKey(name, key);
    this.#promised.replacing(place).add(payload);
    for (const [seq, known] of this.#promised.jobs) if (known.place === place) this.#promised.scheduleChanges(seq);
  }

  /** Jobs of a list: where a key was taken, with the job that has it. */
  #madeMany(drafts: readonly JobDraft[], jobs: readonly Job[], existed: readonly boolean[]): void {
    must(jobs.length === drafts.length, () => `asked for ${drafts.length} jobs, answered with ${jobs.length}`);
    for (const [index, draft] of drafts.entries()) {
      const job = jobs[index] as Job;
      if (existed[index]) this.#existed(draft, job);
      else this.#made([draft], [job]);
    }
  }

  #made(drafts: readonly JobDraft[], jobs: readonly Job[]): void {
    const [asked, made] = [drafts.map(({ payload }) => payload).join(), jobs.map(({ spec }) => spec.payload).join()];
    must(asked === made, () => `asked for ${asked}, answered with ${made}`);
    for (const job of jobs) this.#promised.made(job);
  }

  #ask(
    request: Request,
    done: (jobs: readonly Job[], replayed: boolean, existed: readonly boolean[]) => void,
    payloads: readonly string[] = [],
    conflict: () => void = () => {},
  ): void {
    const world = this.#world();
    let answers = 0;
    world.scheduler.request(request, 100, (answer: Answer) => {
      must(++answers === 1, () => `a ${request.kind} was answered twice`);
      if (world !== this.#world()) return;
      if (answer.ok) {
        const existed = existedOf(answer);
        if (request.kind === 'remove') return done(answer.jobs, answer.replayed, existed);
        for (const { spec } of answer.jobs) {
          const { seq } = spec;
          const mayBeGone = this.#promised.jobs.get(seq)?.removing === true;
          const isThere = mayBeGone || world.memtable.state(seq) !== undefined;
          must(isThere, () => `job ${seq} is acknowledged and not on disk`);
        }
        return done(answer.jobs, answer.replayed, existed);
      }
      for (const payload of payloads) this.#promised.refused.add(payload);
      if (answer.refusal.code === 'conflict' || request.kind === 'remove') conflict();
    });
  }
}

/** Of each job of an answer, whether there was one with the key. */
function existedOf(answer: Extract<Answer, { ok: true }>): readonly boolean[] {
  if ('each' in answer) return answer.each.map((one) => 'existed' in one && one.existed);
  return ['existed' in answer && answer.existed === true];
}

/** A new interval that begins where the job was told to begin. */
function isOnGrid({ trigger, startAt }: JobSpec, asked: TriggerDraft): boolean {
  return asked.kind === 'delay' && startAt !== undefined && trigger.kind === 'interval' && trigger.firstDue === startAt;
}

/** What an answer to an update shows: the job is due as was asked, and a schedule that stays has not changed. */
function mustBeMoved({ spec, state }: Job, asked: TriggerDraft): void {
  const { seq, trigger } = spec;
  const { due, occurrence, updatedAt } = state;
  const stands = due === occurrence || due === startOf(spec, occurrence);
  must(stands, () => `job ${seq} was moved to ${due} and stands for ${occurrence}`);
  if (asked.kind === 'cron') {
    const isNew = trigger.kind === 'cron' && trigger.expression === asked.expression;
    return must(isNew, () => `job ${seq} has not its new schedule`);
  }
  const repeats = isRepeating(spec);
  must(repeats || trigger.kind === 'once', () => `job ${seq} runs once, when it was told to, and has a schedule`);
  const wanted = asked.kind === 'delay' ? updatedAt + asked.delayMs : asked.at;
  // A repeating job is never moved into the past: that would be a missed occurrence.
  const isDue = occurrence === (repeats ? Math.max(wanted, updatedAt) : wanted) || isOnGrid(spec, asked);
  must(isDue, () => `job ${seq} was to be due at ${wanted} and is due at ${due}`);
}
