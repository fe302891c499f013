/** The key of a new job out of a body, with what goes along with it. */
import type { IfExists } from '../../domain/control/keys.js';
import { limits } from '../../domain/limits.js';
import { formatDuration } from '../../domain/time/duration.js';
import type { JobDraft } from '../../scheduler/messages.js';
import type { Faults } from '../faults.js';
import type { JobBody } from '../schemas.js';
import { readDuration } from './durations.js';

/** Those that are there. What is of the wrong type has a fault already. */
export function readKey(
  { key, if_exists: ifExists, key_ttl: ttl }: JobBody,
  faults: Faults,
  at: string,
): Pick<JobDraft, 'key' | 'ifExists' | 'keyTtlMs'> | undefined {
  if (key === undefined) {
    if (ifExists !== undefined) faults.add(`${at}/if_exists`, onlyWithKey);
    if (ttl !== undefined) faults.add(`${at}/key_ttl`, onlyWithKey);
    return undefined;
  }
  const keyTtlMs = ttl === undefined ? undefined : readDuration(ttl, faults, `${at}/key_ttl`);
  if (keyTtlMs !== undefined && keyTtlMs > limits.maxKeyTtlMs)
    faults.add(`${at}/key_ttl`, `must not be longer than ${formatDuration(limits.maxKeyTtlMs, 'up')}`);
  return {
    key,
    ...(ifExists !== undefined && { ifExists: ifExists as IfExists }),
    // None is as good as absent.
    ...(keyTtlMs !== undefined && keyTtlMs > 0 && { keyTtlMs }),
  };
}

const onlyWithKey = 'is only allowed with key: leave it out, or give the job a key';
