/** Names that a request for one job has, read before the request is: a node without shards passes it on to whoever holds one. */
import type { Name } from '../../cluster/keys/names.js';
import { placeOfJobKey } from '../../domain/control/keys.js';
import type { Exchange } from '../http/exchange.js';

/** Only what may have a key is looked into. A key that is spelt with escapes is not found, and looked for by whoever decides. */
const keyField = Buffer.from('"key"');

/** The one that counts most first. What is wrong with the request is for its route to say. */
export function namesOfRequest({ idempotencyKey }: Pick<Exchange, 'idempotencyKey'>, body: Buffer): readonly Name[] {
  const names: Name[] = idempotencyKey === undefined ? [] : [{ kind: 'idempotency', name: idempotencyKey }];
  if (!body.includes(keyField)) return names;
  const { name, key } = fieldsOf(body);
  if (typeof name === 'string' && typeof key === 'string') names.push({ kind: 'key', name: placeOfJobKey(name, key) });
  return names;
}

function fieldsOf(body: Buffer): { readonly name?: unknown; readonly key?: unknown } {
  try {
    return (JSON.parse(body.toString()) as object | null) ?? {};
  } catch {
    return {};
  }
}
