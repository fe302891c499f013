/** Names that a cluster has taken for the jobs of a shard, and those that the shard knows: they are the same. */
import type { JobNumbers } from '../../../domain/ids/job-numbers.js';
import { isFinished, type Status } from '../../../domain/lifecycle.js';
import { readKeyHolder, underOfJobKey } from '../../format/trees/job-key.js';
import { keyOfName, readKeyUse } from '../../format/trees/key-use.js';
import type { KvReader } from '../../kv/kv.js';
import { UnreadableRecord } from '../../port.js';
import { isRemembered } from '../../trees/idempotency.js';
import type { Claim } from '../database.js';

export interface ClaimsOfShard {
  readonly kv: KvReader;
  readonly claims: AsyncIterable<readonly Claim[]>;
  readonly numbers: JobNumbers;
  /** Undefined: there is no such job. */
  readonly statusOf: (seq: number) => Status | undefined;
  /** Unix milliseconds. */
  readonly now: number;
}

/** So many are named. */
const mostNamed = 20;

/** @param fault is called with one line for each */
export async function checkClaims(of: ClaimsOfShard, fault: (line: string) => void): Promise<void> {
  const counted = { key: 0, idempotency: 0 };
  let wrong = 0;
  for await (const some of of.claims) {
    for (const claim of some) {
      if (claim.expiresAt !== undefined && claim.expiresAt <= of.now) continue;
      counted[claim.kind]++;
      const slot = slotIn(of.kv, claim);
      if (slot === 'unreadable' || slot === claim.slot) continue;
      wrong++;
      if (wrong <= mostNamed)
        fault(
          `the name "${claim.name}" is taken in the cluster for job number ${of.numbers.of(claim.slot)}, which does not have it`,
        );
    }
  }
  if (wrong > mostNamed) fault(`and ${wrong - mostNamed} more names that are taken for nobody`);
  const known = knownNames(of);
  for (const kind of ['key', 'idempotency'] as const) {
    const lost = known[kind] - counted[kind];
    if (lost > 0)
      fault(
        `${lost} ${kind === 'key' ? 'keys of jobs' : 'idempotency keys'} are not taken in the cluster: other shards may give them again`,
      );
  }
}

/** Who has a name in the shard; undefined: nobody. */
function slotIn(kv: KvReader, { kind, name }: Claim): number | undefined | 'unreadable' {
  try {
    const under = kind === 'key' ? underOfJobKey(name) : keyOfName(name);
    const sealed = kv.get(kind === 'key' ? 'jobKeys' : 'keys', under);
    if (sealed === undefined) return undefined;
    return kind === 'key' ? readKeyHolder(sealed, under).seq : readKeyUse(sealed, under).seq;
  } catch (error) {
    if (error instanceof UnreadableRecord) return 'unreadable';
    throw error;
  }
}

/** Those that the cluster should know: of jobs that are there, and have not given them free by finishing. */
function knownNames({ kv, now, statusOf }: ClaimsOfShard): { readonly key: number; readonly idempotency: number } {
  const known = { key: 0, idempotency: 0 };
  const passOver = (read: () => void): void => {
    try {
      read();
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
    }
  };
  for (const { key, value } of kv.entries('keys', {}))
    passOver(() => {
      const use = readKeyUse(value, key);
      if (isRemembered(use, now) && statusOf(use.seq) !== undefined) known.idempotency++;
    });
  for (const { key, value } of kv.entries('jobKeys', {}))
    passOver(() => {
      const { seq, keptUntil } = readKeyHolder(value, key);
      const status = statusOf(seq);
      if (status !== undefined && (!isFinished(status) || keptUntil > now)) known.key++;
    });
  return known;
}
