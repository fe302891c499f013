/** What clients of the simulated server were told: the side that a crash cannot take back. */
import type { Job } from '../../src/domain/job.js';

export interface PromisedJob {
  payload: string;
  readonly idSeconds: number;
  readonly id: string;
  cancelled: boolean;
}

export class Promised {
  readonly jobs = new Map<number, PromisedJob>();
  /** Keys of idempotent requests that were acknowledged, with the job they made. */
  readonly keys = new Map<string, number>();
  readonly retains: boolean;

  constructor(
    readonly names: readonly string[],
    options: { readonly retains: boolean },
  ) {
    this.retains = options.retains;
  }

  made(job: Job, id: string): void {
    const { seq, payload, idSeconds } = job.spec;
    this.jobs.set(seq, { payload, idSeconds, id, cancelled: false });
  }

  /** Under a tight retention a finished job may leave at any time. */
  mayBeRemoved(_seq: number): boolean {
    return this.retains;
  }
}
