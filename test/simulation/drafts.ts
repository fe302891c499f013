/** What clients of the simulated server ask for: jobs of all kinds, and what an update changes. */
import { overlaps } from '../../src/domain/job.js';
import type { JobDraft, MoreFields, TriggerDraft } from '../../src/scheduler/messages.js';
import { Random } from './random.js';

/** Types with handlers of the simulated server, and one that ends the process. */
export const names = ['noop', 'limited', 'other', 'killer'] as const;
/** More types than one slice of a merge saves sets of: some lives have jobs of each. */
export const manyNames = Array.from({ length: 36 }, (_, i) => `type-${i}`);

const expressions = ['* * * * * *', '*/3 * * * * *', '0 * * * * *'] as const;

export interface Habits {
  /** Jobs have fields that most are without, drawn from a source of their own. */
  readonly fields: boolean;
  /** Jobs have keys, drawn from a source of its own. */
  readonly keys: boolean;
  /** Jobs have groups, and types are given limits. */
  readonly limits: boolean;
  /** Of the life. */
  readonly seed: number;
  /** Makes jobs that end the process each time they run. */
  readonly kills: boolean;
  readonly manyTypes: boolean;
}

/** See the head of this file. */
export class Drafts {
  readonly #habits: Habits;
  readonly #now: () => number;
  #lastPayload = 0;

  /** @param now Unix milliseconds */
  constructor(habits: Habits, now: () => number) {
    this.#habits = habits;
    this.#now = now;
  }

  /** Each request has a payload of its own. */
  payload(): string {
    return `{"n":${++this.#lastPayload}}`;
  }

  draft(random: Random): JobDraft {
    const payload = this.payload();
    if (this.#habits.kills && random.chance(0.1)) {
      const trigger: TriggerDraft = { kind: 'delay', delayMs: random.pick([0, 500, 3000]) };
      return { name: 'killer', trigger, isRepeat: false, payload, maxRetries: 1, retryDelayMs: 500 };
    }
    const trigger = this.#trigger(random);
    const isRepeat = trigger.kind !== 'at' && random.chance(0.3);
    return {
      name: random.pick(names.slice(0, 3)),
      trigger:
        isRepeat && trigger.kind === 'delay' ? { kind: 'delay', delayMs: Math.max(10, trigger.delayMs) } : trigger,
      isRepeat,
      payload,
      maxRetries: random.between(0, 3),
      retryDelayMs: random.pick([0, 10, 1000]),
      misfire: random.pick(['run_once', 'skip']),
      ...this.#fields(isRepeat, trigger.kind === 'delay' ? trigger.delayMs : 60_000),
      ...this.#key(),
      ...this.#group(),
    };
  }

  /** Drawn from a source of its own, so that all else in a life stays as it was without. */
  #group(): Pick<JobDraft, 'group'> {
    if (!this.#habits.limits) return {};
    const random = Random.ofStep(this.#habits.seed, 5_000_000 + this.#lastPayload);
    return { group: random.pick([undefined, 'x', 'x', 'y', 'z']) };
  }

  /** Drawn from a source of its own, so that all else in a life stays as it was without. */
  #key(): Pick<JobDraft, 'key' | 'ifExists' | 'keyTtlMs'> {
    if (!this.#habits.keys) return {};
    const random = Random.ofStep(this.#habits.seed, 4_000_000 + this.#lastPayload);
    if (!random.chance(0.7)) return {};
    return {
      key: random.pick(['a', 'b']),
      ifExists: random.pick([undefined, 'return', 'replace', 'replace', 'replace']),
      ...(random.chance(0.3) && { keyTtlMs: random.pick([100, 5000, 100_000]) }),
    };
  }

  /** Drawn from a source of its own, so that all else in a life stays as it was without. */
  #fields(isRepeat: boolean, firstMs: number): MoreFields {
    if (!this.#habits.fields) return {};
    const random = Random.ofStep(this.#habits.seed, 1_000_000 + this.#lastPayload);
    const now = this.#now();
    return {
      ...(random.chance(0.6) && { priority: random.pick([-100, -1, 0, 1, 5, 100]) }),
      ...(random.chance(0.3) && { expiresAfterMs: random.pick([1, 500, 3000, 40_000]) }),
      ...(random.chance(0.3) && { retryJitter: random.pick([0, 0.5, 1]) }),
      ...(random.chance(0.2) && { maxRetryDelayMs: random.pick([0, 2000]) }),
      ...(random.chance(0.2) && { tags: ['a', `n-${this.#lastPayload}`] }),
      ...(isRepeat && random.chance(0.3) && { startAt: now + random.between(-5000, 10_000) }),
      ...(isRepeat && random.chance(0.3) && { endAt: now + firstMs + random.between(11_000, 120_000) }),
      ...(isRepeat && random.chance(0.3) && { maxRuns: random.between(1, 4) }),
      ...(isRepeat && random.chance(0.3) && { jitterMs: random.pick([300, 2000, 100_000]) }),
      ...(isRepeat && random.chance(0.5) && { overlap: random.pick(overlaps) }),
    };
  }

  /** What an update changes of them. */
  changedFields(isRepeat: boolean): MoreFields {
    if (!this.#habits.fields) return {};
    const random = Random.ofStep(this.#habits.seed, 2_000_000 + this.#lastPayload);
    return {
      ...(random.chance(0.3) && { priority: random.pick([undefined, -5, 0, 7]) }),
      ...(random.chance(0.2) && { expiresAfterMs: random.pick([undefined, 200, 5000]) }),
      ...(isRepeat && random.chance(0.2) && { jitterMs: random.pick([undefined, 1000]) }),
      ...(isRepeat && random.chance(0.2) && { overlap: random.pick([undefined, ...overlaps]) }),
      ...(isRepeat && random.chance(0.1) && { endAt: undefined }),
      ...(isRepeat && random.chance(0.1) && { startAt: undefined }),
    };
  }

  /** For an update: mostly another delay, which a job of every kind takes. */
  newTrigger(random: Random): TriggerDraft {
    if (random.chance(0.7)) return { kind: 'delay', delayMs: 10 + random.pick([0, 100, 5000, 2_000_000]) };
    if (random.chance(0.6)) return { kind: 'at', at: this.#now() + random.between(-5000, 20_000) };
    return { kind: 'cron', expression: random.pick(expressions) };
  }

  #trigger(random: Random): TriggerDraft {
    switch (random.between(1, 3)) {
      case 1:
        return { kind: 'delay', delayMs: random.pick([0, 1, 50, 500, 3000, 20_000, 3_000_000]) };
      case 2:
        return { kind: 'at', at: this.#now() + random.between(-5000, 5000) };
      default:
        return { kind: 'cron', expression: random.pick(expressions) };
    }
  }
}
