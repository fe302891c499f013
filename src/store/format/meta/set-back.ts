/**
 * That the wall clock was set back and not all jobs have been looked at since, as bytes: one entry of `meta`, sealed. Format version (u8),
 * then JSON.
 */
import type { SetBack } from '../../../clock.js';
import { NewerRecord } from '../../port.js';
import { metaKey, type Put, seal, unseal } from '../layout.js';

const version = 1;
const key = metaKey('setBack');
const what = 'the entry setBack of the directory';

/** What a commit writes of it. Where all jobs have been looked at, nothing stays. */
export function setBackPut(setBack: SetBack | 'none'): Put {
  if (setBack === 'none') return { tree: 'meta', key, value: null };
  return {
    tree: 'meta',
    key,
    value: seal(Buffer.concat([Buffer.of(version), Buffer.from(JSON.stringify(setBack))]), key),
  };
}

/** @param sealed the entry; undefined: there is none. @throws DamagedRecord, NewerRecord */
export function readSetBack(sealed: Buffer | undefined): SetBack | undefined {
  if (!sealed) return undefined;
  const bytes = unseal(sealed, key, what);
  const found = bytes[0] ?? 0;
  if (found > version) throw new NewerRecord(what, { found, known: version });
  return JSON.parse(bytes.toString('utf8', 1)) as SetBack;
}
