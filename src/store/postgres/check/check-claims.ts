/** Names that a cluster has taken for the jobs of a shard, and those that the shard knows: they are the same. */
import type { JobNumbers } from '../../../domain/ids/job-numbers.js';
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

function knownNames({ kv, now }: ClaimsOfShard): { readonly key: number; readonly idempotency: number } {
  let idempotency = 0;
  for (const { key, value } of kv.entries('keys', {})) {
    try {
      if (isRemembered(readKeyUse(value, key), now)) idempotency++;
    } catch (error) {
      if (!(error instanceof UnreadableRecord)) throw error;
    }
  }
  return { key: kv.size('jobKeys'), idempotency };
}
