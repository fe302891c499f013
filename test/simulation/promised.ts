/** What clients of the simulated server were told, and what its pool did: the side that a crash cannot take back. */
import { placeOf } from '../../src/domain/control/keys.js';
import { formatId } from '../../src/domain/id.js';
import { isRepeating, type Job } from '../../src/domain/job.js';
import type { Outcome } from '../../src/pool/port.js';
import type { JobDraft } from '../../src/scheduler/messages.js';
import { PromisedLimits } from './limits.js';

export interface PromisedJob {
  /** As acknowledged last. */
  payload: string;
  /** Payloads of updates that were sent since and never answered: they may have been made or not. */
  readonly unanswered: Set<string>;
  readonly idSeconds: number;
  readonly id: string;
  cancelled: boolean;
  /** A client has asked for it to be removed: it may be gone. */
  removing: boolean;
  /** That was acknowledged: it is gone. */
  removed: boolean;
  readonly pause: PromisedPause;
  /**
   * When the slot is due that follows an extra occurrence, as it was acknowledged behind an event; undefined when that may have changed
   * since.
   */
  afterExtra: { readonly slot: number; readonly event: number } | undefined;
  /** How often a client has asked for something that may change when it is due. */
  changes: number;
  /** Cron expressions that it was made with or that updates may have given it since: it has one of them. */
  readonly expressions: Set<string>;
  /** It was made to repeat by a cron expression: nothing makes it another kind of job. */
  readonly repeatsByCron: boolean;
  readonly repeats: boolean;
  /** Where its key stands; undefined when it has none. A job with a key may become another kind of job. */
  readonly place: string | undefined;
  /** The payload that it is to have once its attempt has ended. */
  coming: string | undefined;
}

/** A pause of the server, of a type or of a job, as clients know it. */
export class PromisedPause {
  /** How often somebody has asked for something that ends it, or lets something pass. */
  #endings = 0;
  /** When it was asked to end, of each request. */
  readonly #untils: number[] = [];
  #acknowledged: { readonly endings: number; readonly until: number; readonly asked: number } | undefined;

  /** A client asks for it, perhaps up to `until`. Returns what is to be called with the end of the pause when that is acknowledged. */
  asked(until = Number.POSITIVE_INFINITY): (until?: number) => void {
    const endings = this.#endings;
    const asked = this.#untils.push(until);
    return (acknowledged = Number.POSITIVE_INFINITY) => {
      this.#acknowledged = { endings, until: acknowledged, asked };
    };
  }

  /** When it may end: what was asked since, and not acknowledged, may hold. */
  get #until(): number {
    const { until, asked } = this.#acknowledged ?? { until: Number.POSITIVE_INFINITY, asked: 0 };
    return Math.min(until, ...this.#untils.slice(asked));
  }

  /** Somebody asks for its end, or it may have ended. */
  mayEnd(): void {
    this.#endings++;
  }

  /** The clock shows `now` and will be set: what it has ended stays so. */
  clockIsSet(now: number): void {
    if (this.#until <= now) this.mayEnd();
  }

  /** Nothing may start: it was acknowledged, and nobody has asked for its end since. @param now the latest that a clock has shown */
  holds(now: number): boolean {
    return this.#acknowledged?.endings === this.#endings && this.#until > now;
  }
}

/** How a key was used when that was acknowledged. */
export interface PromisedKey {
  readonly seq: number;
  readonly digest: string;
}

export class Promised {
  readonly jobs = new Map<number, PromisedJob>();
  readonly keys = new Map<string, PromisedKey>();
  /** By place of a key: payloads of requests that may have replaced a job with it. */
  readonly #replacing = new Map<string, Set<string>>();
  readonly serverPause = new PromisedPause();
  /** By job type. */
  readonly typePauses: ReadonlyMap<string, PromisedPause>;
  /** By job type. */
  readonly typeLimits: ReadonlyMap<string, PromisedLimits>;
  /** Payloads of requests that were refused: none may ever be seen. Each request has a payload of its own. */
  readonly refused = new Set<string>();
  /** Slots of repeating jobs that attempts were started for, by job and fence. */
  readonly #slots = new Map<string, number>();
  /** By job: the fence that completed each slot. A client that changes the schedule begins anew. */
  readonly #completed = new Map<number, Map<number, number>>();
  /** How often the clock was set. */
  clockSets = 0;
  /** The server has not run for a while, or its clock was set: occurrences may have been missed. */
  mayMiss = false;
  /** What attempts have said of their progress, by job and fence: last, and since they were ended by something else than their outcome. */
  readonly progress = new Map<string, { last: string; readonly atEnd: Set<string | undefined> }>();
  /** Those of them that a crash may have taken. */
  readonly lostProgress = new Set<string>();
  /** Payloads of the jobs that attempts have enqueued, by job and fence. */
  readonly children = new Map<string, readonly string[]>();
  /** Results and errors by job and fence, as the pool reported them last. */
  readonly #outcomes = new Map<string, Outcome>();

  constructor(
    readonly names: readonly string[],
    /** Under a tight retention a finished job may leave at any time. */
    readonly retains: boolean,
    /** Jobs have fields that most are without. */
    readonly hasFields = false,
  ) {
    this.typePauses = new Map(names.map((name) => [name, new PromisedPause()]));
    this.typeLimits = new Map(names.map((name) => [name, new PromisedLimits()]));
  }

  made(job: Job): void {
    const { seq, payload, idSeconds, trigger } = job.spec;
    if (this.jobs.has(seq)) return;
    this.jobs.set(seq, {
      payload,
      unanswered: new Set(),
      idSeconds,
      id: formatId(seq, idSeconds),
      cancelled: false,
      removing: false,
      removed: false,
      pause: new PromisedPause(),
      afterExtra: undefined,
      changes: 0,
      expressions: new Set(trigger.kind === 'cron' ? [trigger.expression] : []),
      repeats: isRepeating(job.spec),
      place: placeOf(job.spec),
      coming: undefined,
      repeatsByCron: trigger.kind === 'cron' && trigger.repeat,
    });
  }

  /** An attempt begins: a fence that no record has may be given again after a crash. */
  begins(seq: number, fence: number): void {
    this.progress.delete(`${seq}/${fence}`);
    this.lostProgress.delete(`${seq}/${fence}`);
  }

  /** An attempt says how far it has come. @param runs it has not been cancelled, be that on disk or not */
  says(seq: number, fence: number, progress: string, runs: boolean): void {
    const known = this.progress.get(`${seq}/${fence}`);
    const atEnd = runs ? new Set<string | undefined>() : (known?.atEnd ?? new Set([undefined]));
    this.progress.set(`${seq}/${fence}`, { last: progress, atEnd: atEnd.add(progress) });
  }

  /** The process ends without a word. */
  crashed(): void {
    for (const attempt of this.progress.keys()) this.lostProgress.add(attempt);
  }

  /** Payloads of requests that may have replaced a job with the key of `place`. */
  replacing(place: string): Set<string> {
    const known = this.#replacing.get(place) ?? new Set();
    this.#replacing.set(place, known);
    return known;
  }

  /** What the pool was given, by job and fence. */
  readonly given = new Map<string, { readonly scheduledFor: number; readonly attempt: number }>();

  started(seq: number, fence: number, slot: number): void {
    this.#slots.set(`${seq}/${fence}`, slot);
  }

  /** Returns the fence that has completed the same slot before, if one has. */
  completed(seq: number, fence: number): number | undefined {
    const slot = this.#slots.get(`${seq}/${fence}`);
    if (slot === undefined) return undefined;
    const slots = this.#completed.get(seq) ?? new Map<number, number>();
    this.#completed.set(seq, slots);
    const before = slots.get(slot);
    slots.set(slot, fence);
    return before === fence ? undefined : before;
  }

  /** The clock shows `now` and will be set: what was to come may come at another time. */
  clockIsSet(now: number): void {
    this.clockSets++;
    for (const known of this.jobs.values()) {
      this.dueChanges(known);
      known.pause.clockIsSet(now);
    }
  }

  /** A client asks for something that may change when a job is due. */
  dueChanges(known: PromisedJob): void {
    known.afterExtra = undefined;
    known.changes++;
  }

  scheduleChanges(seq: number): void {
    const known = this.jobs.get(seq);
    if (known) this.dueChanges(known);
    for (const key of this.#slots.keys()) if (key.startsWith(`${seq}/`)) this.#slots.delete(key);
    this.#completed.delete(seq);
  }

  ended(outcome: Outcome): void {
    const attempt = `${outcome.jobSeq}/${outcome.fence}`;
    this.#outcomes.set(attempt, outcome);
    // A fence that no record has may be given again after a crash.
    this.children.delete(attempt);
    if (outcome.kind === 'succeeded' && outcome.enqueued) {
      this.children.set(
        attempt,
        outcome.enqueued.map((text) => (JSON.parse(text) as JobDraft).payload),
      );
    }
  }

  /** What the attempt with this fence came to. */
  outcome(seq: number, fence: number): Outcome | undefined {
    return this.#outcomes.get(`${seq}/${fence}`);
  }
}
