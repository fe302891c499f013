/** What clients of the simulated server were told, and what its pool did: the side that a crash cannot take back. */
import { formatId } from '../../src/domain/id.js';
import { isRepeating, type Job } from '../../src/domain/job.js';
import type { Outcome } from '../../src/pool/port.js';

export interface PromisedJob {
  /** As acknowledged last. */
  payload: string;
  /** Payloads of updates that were sent since and never answered: they may have been made or not. */
  readonly unanswered: Set<string>;
  readonly idSeconds: number;
  readonly id: string;
  cancelled: boolean;
  /** Cron expressions that it was made with or that updates may have given it since: it has one of them. */
  readonly expressions: Set<string>;
  /** It was made to repeat by a cron expression: nothing makes it another kind of job. */
  readonly repeatsByCron: boolean;
  readonly repeats: boolean;
}

/** How a key was used when that was acknowledged. */
export interface PromisedKey {
  readonly seq: number;
  readonly digest: string;
}

export class Promised {
  readonly jobs = new Map<number, PromisedJob>();
  readonly keys = new Map<string, PromisedKey>();
  /** Payloads of requests that were refused: none may ever be seen. Each request has a payload of its own. */
  readonly refused = new Set<string>();
  /** Slots of repeating jobs that attempts were started for, by job and fence. */
  readonly #slots = new Map<string, number>();
  /** By job: the fence that completed each slot. A client that changes the schedule begins anew. */
  readonly #completed = new Map<number, Map<number, number>>();
  /** The server has not run for a while, or its clock was set: occurrences may have been missed. */
  mayMiss = false;
  /** Results and errors by job and fence, as the pool reported them last. */
  readonly #outcomes = new Map<string, Outcome>();

  constructor(
    readonly names: readonly string[],
    /** Under a tight retention a finished job may leave at any time. */
    readonly retains: boolean,
    /** Jobs have fields that most are without. */
    readonly hasFields = false,
  ) {}

  made(job: Job): void {
    const { seq, payload, idSeconds, trigger } = job.spec;
    if (this.jobs.has(seq)) return;
    this.jobs.set(seq, {
      payload,
      unanswered: new Set(),
      idSeconds,
      id: formatId(seq, idSeconds),
      cancelled: false,
      expressions: new Set(trigger.kind === 'cron' ? [trigger.expression] : []),
      repeats: isRepeating(job.spec),
      repeatsByCron: trigger.kind === 'cron' && trigger.repeat,
    });
  }

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

  scheduleChanges(seq: number): void {
    for (const key of this.#slots.keys()) if (key.startsWith(`${seq}/`)) this.#slots.delete(key);
    this.#completed.delete(seq);
  }

  ended(outcome: Outcome): void {
    this.#outcomes.set(`${outcome.jobSeq}/${outcome.fence}`, outcome);
  }

  /** What the attempt with this fence came to. */
  outcome(seq: number, fence: number): Outcome | undefined {
    return this.#outcomes.get(`${seq}/${fence}`);
  }
}
