/**
 * That a shard was given away, as bytes: one entry of `meta`, sealed. Format version (u8), then JSON. It is written with the last record of
 * an owner, and stays until the next that gives the shard away.
 */
import { type Handover, NewerRecord, type RemoteAttempt } from '../../port.js';
import { metaKey, type Put, seal, unseal } from '../layout.js';

const version = 1;
const key = metaKey('handover');
const what = 'the entry handover of the directory';

/** @param position of the record that it is written with */
export function handoverPut(attempts: readonly RemoteAttempt[], position: number): Put {
  const json = JSON.stringify({ position, attempts } satisfies Handover);
  return { tree: 'meta', key, value: seal(Buffer.concat([Buffer.of(version), Buffer.from(json)]), key) };
}

/** @param sealed the entry; undefined: there is none. @throws DamagedRecord, NewerRecord */
export function readHandover(sealed: Buffer | undefined): Handover | undefined {
  if (!sealed) return undefined;
  const bytes = unseal(sealed, key, what);
  const found = bytes[0] ?? 0;
  if (found > version) throw new NewerRecord(what, { found, known: version });
  return JSON.parse(bytes.toString('utf8', 1)) as Handover;
}
