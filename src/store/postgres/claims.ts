/**
 * Names over a whole cluster: where a shard remembers a key, the cluster remembers which shard does. So a request with a key goes to
 * that shard, and its owner decides, as a single node would. The claims of a shard are the entries of its trees `keys` and `jobKeys`,
 * and change with the same commits.
 */

import type { Put } from '../format/layout.js';
import type { SealedBatch } from '../format/sealing.js';
import { placeOfUnder, readKeyHolder } from '../format/trees/job-key.js';
import { nameOfKey, readKeyUse, rememberedUntil } from '../format/trees/key-use.js';
import type { Claim } from './database.js';

/** What a commit of a shard takes, and what it gives free before that. */
export function claimsOf(
  shard: number,
  { puts }: Pick<SealedBatch, 'puts'>,
): { readonly claims: readonly Claim[]; readonly released: readonly Name[] } {
  const claims = new Map<string, Claim>();
  const released = new Map<string, Name>();
  for (const put of puts) {
    const name = nameOf(put);
    if (name === undefined) continue;
    const text = `${name.kind} ${name.name}`;
    // Its shard is free to give a name that it holds to another of its jobs.
    released.set(text, name);
    if (put.value) claims.set(text, { ...name, shard, ...holderOf(put.tree, put.key, Buffer.from(put.value)) });
    else claims.delete(text);
  }
  return { claims: [...claims.values()], released: [...released.values()] };
}

type Name = Pick<Claim, 'kind' | 'name'>;

function nameOf({ tree, key }: Put): Name | undefined {
  if (tree === 'jobKeys') return { kind: 'key', name: placeOfUnder(Buffer.from(key)) };
  return tree === 'keys' ? { kind: 'idempotency', name: nameOfKey(Buffer.from(key)) } : undefined;
}

function holderOf(tree: Put['tree'], key: Uint8Array, value: Buffer): Omit<Claim, keyof Name | 'shard'> {
  if (tree === 'jobKeys') return { slot: readKeyHolder(value, key).seq, digest: '' };
  const use = readKeyUse(value, key);
  return { slot: use.seq, digest: use.digest, expiresAt: rememberedUntil(use) };
}
