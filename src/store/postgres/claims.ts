/**
 * Names over a whole cluster: as long as a job of a shard has a key, or an idempotency key stands for a job that is there, the cluster
 * knows which shard that is. So a request with a key goes to that shard, and its owner decides, as a single node would. What is claimed
 * changes with the same commits as the jobs.
 */

import { placeOf } from '../../domain/control/keys.js';
import type { Job, JobState } from '../../domain/job.js';
import { isFinished } from '../../domain/lifecycle.js';
import { rememberedUntil } from '../format/trees/key-use.js';
import type { Changes, CommittedJobs } from '../port.js';
import { type Claim, endingDigest } from './database.js';

/** What of a commit names have to do with. */
export type NamingChanges = Pick<Changes, 'at' | 'jobs' | 'keys' | 'jobKeys'>;

/** What is on disk before the commit. */
export interface NamesOnDisk extends Pick<CommittedJobs, 'keyHolder' | 'keyUse' | 'state'> {
  /** Whether a job has an attempt in the pool. */
  isRunning(seq: number): boolean;
}

/** For so long an attempt of a job that was cancelled may take to end, in milliseconds. */
const endingMs = 15_000;

type Name = Pick<Claim, 'kind' | 'name'>;

/** Names that a commit takes, and those that it gives free before that. */
export interface NameChanges {
  readonly claims: readonly Claim[];
  readonly released: readonly Name[];
}

/** What a commit of a shard takes, and what it gives free before that. @throws DamagedRecord */
export function claimsOf(shard: number, changes: NamingChanges, onDisk: NamesOnDisk): NameChanges {
  const claims: Claim[] = [];
  // Its shard is free to give a name that it holds to another of its jobs.
  const released: Name[] = [];
  for (const [place, holder] of changes.jobKeys) {
    released.push({ kind: 'key', name: place });
    if (holder === undefined) continue;
    const state = stateOf(holder.seq);
    if (state === undefined) continue;
    if (isFinished(state.status)) keep(place, holder);
    else claims.push({ kind: 'key', name: place, shard, slot: holder.seq, digest: '' });
  }
  for (const [name, use] of changes.keys) {
    released.push({ kind: 'idempotency', name });
    const { seq: slot, digest } = use;
    if (stateOf(slot) === undefined) continue;
    claims.push({ kind: 'idempotency', name, shard, slot, digest, expiresAt: rememberedUntil(use) });
  }
  for (const { job, removed } of changes.jobs.values()) {
    if (removed) forget(job);
    else if (isFinished(job.state.status)) giveFree(job);
  }
  return { claims, released };

  function stateOf(seq: number): JobState | undefined {
    const change = changes.jobs.get(seq);
    return change === undefined ? onDisk.state(seq) : change.job.state;
  }

  /**
   * The key of a job that has finished is taken as long as its `key_ttl` says. While an attempt of it comes to its end, the next job with
   * the key had better be beside it, where it waits for that.
   */
  function keep(place: string, { seq: slot, keptUntil }: { readonly seq: number; readonly keptUntil: number }): void {
    const claim = { kind: 'key', name: place, shard, slot } as const;
    if (keptUntil > changes.at) claims.push({ ...claim, digest: '', expiresAt: keptUntil });
    else if (onDisk.isRunning(slot)) claims.push({ ...claim, digest: endingDigest, expiresAt: changes.at + endingMs });
  }

  function giveFree({ spec }: Job): void {
    const place = placeOf(spec);
    if (place === undefined || changes.jobKeys.has(place)) return;
    const holder = onDisk.keyHolder(place);
    // Another job of this shard may have it by now.
    if (holder?.seq !== spec.seq) return;
    released.push({ kind: 'key', name: place });
    keep(place, holder);
  }

  function forget({ spec: { seq, idempotencyKey: name } }: Job): void {
    if (name === undefined || changes.keys.has(name)) return;
    const use = onDisk.keyUse(name, changes.at);
    if (use === undefined || use.seq === seq) released.push({ kind: 'idempotency', name });
  }
}
