/** The scheduler's mailbox: requests of users and their answers. Types only. Facts come as `pool/messages` outcomes. */

import type { BulkAction, BulkRecord } from '../domain/control/bulk.js';
import type { IfExists } from '../domain/control/keys.js';
import type { PauseChange } from '../domain/control/pausing.js';
import type { Settings, TypeChange } from '../domain/control/settings.js';
import type { Refusal } from '../domain/errors.js';
import type { JobFilter } from '../domain/finding/job-filter.js';
import type { Backoff, Job, Misfire, Overlap, TraceContext } from '../domain/job.js';
import type { BulkJobs } from '../store/port.js';
import type { ShownWait } from './admission/admission.js';
import type { ForeignName } from './requests/other-shards.js';

/** When a job is to run, as a request says it; the scheduler turns it into a `Trigger` at the instant it decides. */
export type TriggerDraft =
  | { readonly kind: 'delay'; readonly delayMs: number }
  | { readonly kind: 'at'; readonly at: number }
  | { readonly kind: 'cron'; readonly expression: string; readonly timezone?: string };

/** Fields that a job may be without. What they mean is said in `domain/job.ts`. */
export interface MoreFields {
  readonly priority?: number | undefined;
  /** Different ones; none is as good as absent. */
  readonly tags?: readonly string[] | undefined;
  readonly group?: string | undefined;
  readonly expiresAfterMs?: number | undefined;
  readonly maxRetryDelayMs?: number | undefined;
  readonly retryJitter?: number | undefined;
  readonly startAt?: number | undefined;
  readonly endAt?: number | undefined;
  readonly maxRuns?: number | undefined;
  readonly jitterMs?: number | undefined;
  readonly overlap?: Overlap | undefined;
}

/** A validated request for a job. What is absent takes the handler's default, else the product's. */
export interface JobDraft extends MoreFields {
  readonly name: string;
  readonly trigger: TriggerDraft;
  readonly isRepeat: boolean;
  /** JSON text of an object. */
  readonly payload: string;
  readonly maxRetries?: number;
  readonly retryDelayMs?: number;
  readonly backoff?: Backoff;
  readonly timeoutMs?: number;
  readonly misfire?: Misfire;
  /** Names the job within its type. */
  readonly key?: string | undefined;
  /** What becomes of the request when the key is taken; absent: `reject`. */
  readonly ifExists?: IfExists | undefined;
  readonly keyTtlMs?: number | undefined;
}

/**
 * A validated partial update. `timezone` alone moves a cron job's schedule to another zone. Of `MoreFields` one that is there and
 * undefined is taken away.
 */
export interface JobPatch extends MoreFields {
  readonly trigger?: TriggerDraft;
  readonly timezone?: string;
  readonly payload?: string;
  readonly maxRetries?: number;
  readonly retryDelayMs?: number;
  readonly backoff?: Backoff;
  readonly timeoutMs?: number;
  readonly misfire?: Misfire;
}

/** One job that is asked for. */
export interface Creation {
  readonly draft: JobDraft;
  /** The client's key and a digest of the body it came with. */
  readonly idempotency?: { readonly key: string; readonly digest: string };
}

/** Something that is to be done with many jobs: those that have been found. */
export interface BulkRequest {
  readonly action: BulkAction;
  readonly filter: JobFilter;
  /** JSON texts, as they were asked for. */
  readonly askedFilter: string;
  readonly askedChange?: string | undefined;
  /** What jobs are changed to, where that is the action. */
  readonly patch?: JobPatch | undefined;
  readonly jobs: readonly BulkJobs[];
  /** Its number, where that is given and not the next. */
  readonly id?: number | undefined;
}

/** `trace`: of the request, where that is traced; jobs that it makes keep it. */
export type Request = { readonly trace?: TraceContext } & (
  | ({ readonly kind: 'create' } & Creation)
  /** Each for itself, in order. */
  /** `isPassedOn`: another node has asked, and what is not to be decided here goes back to it. */
  | { readonly kind: 'createEach'; readonly items: readonly Creation[]; readonly isPassedOn?: boolean }
  /** `held`: keys that jobs of other nodes have. */
  | {
      readonly kind: 'createMany';
      readonly drafts: readonly JobDraft[];
      readonly held?: readonly ForeignName[] | undefined;
    }
  | { readonly kind: 'update'; readonly id: string; readonly patch: JobPatch }
  | { readonly kind: 'pause'; readonly id: string; readonly change: PauseChange }
  | { readonly kind: JobCommand; readonly id: string; readonly held?: readonly ForeignName[] | undefined }
  | { readonly kind: 'pauseType'; readonly name: string; readonly reason?: string | null | undefined }
  | { readonly kind: 'resumeType'; readonly name: string }
  | { readonly kind: 'setType'; readonly name: string; readonly change: TypeChange }
  | { readonly kind: 'pauseServer'; readonly reason?: string | null | undefined }
  | { readonly kind: 'resumeServer' }
  | ({ readonly kind: 'bulk' } & BulkRequest)
  | { readonly kind: 'cancelBulk'; readonly id: number }
);

/** What can be asked of a job without saying more. */
export type JobCommand = 'cancel' | 'retry' | 'run' | 'resume' | 'remove';

/** Given once the change is on disk, or refused with nothing changed. Of settings it has no jobs: `Requests.settings` shows them. */
export type Answer =
  | {
      readonly ok: true;
      readonly jobs: readonly Job[];
      readonly replayed: boolean;
      /** To `create`: there was a job with the key, which is the answer. */
      readonly existed?: boolean;
    }
  /** To `createEach` and `createMany`, in the order of the items. */
  | { readonly ok: true; readonly jobs: readonly Job[]; readonly replayed: false; readonly each: readonly Created[] }
  /** To `bulk` and `cancelBulk`. */
  | { readonly ok: true; readonly jobs: readonly []; readonly replayed: false; readonly bulk: BulkRecord }
  | { readonly ok: false; readonly refusal: Refusal };

/** A job that was asked for. `replayed`: its idempotency key had made it before. `existed`: it has the key of a job that there was. */
export interface MadeJob {
  readonly job: Job;
  readonly replayed: boolean;
  readonly existed: boolean;
  /** It is of this other shard, and has its job number. */
  readonly shard?: number;
}

/** What became of one item of `createEach`. */
export type Created = MadeJob | Refusal;

/** What the server needs of the scheduler. */
export interface Requests {
  /** `bytes`: size of the request, of which what waits is bounded. The reply comes later, exactly once. */
  request(request: Request, bytes: number, reply: (answer: Answer) => void): void;
  /** Why no mutation is taken now, or undefined. `settings`: a change of what users set, which is not of one job. */
  refusing(about?: 'settings'): Refusal | undefined;
  /** What a due job waits for, as answers show it; undefined when they show nothing. */
  waitingFor(job: Job): ShownWait | undefined;
  /** What its latest attempt has said last of its progress, JSON text; undefined when it has said nothing. */
  progressOf(job: Job): string | undefined;
  /** What users have set, as it is on disk. */
  readonly settings: Settings;
  /** Bulk actions, as they are on disk, the latest first. */
  readonly bulks: readonly BulkRecord[];
}
