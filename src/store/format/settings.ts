/**
 * What users have set, as bytes: one entry of `meta` for the server and one for each job type, sealed. Format version (u8), then JSON.
 */
import type { ServerSettings, Settings, SettingsChange, TypeSettings } from '../../domain/control/settings.js';
import { NewerRecord } from '../port.js';
import { type Put, seal, unseal } from './layout.js';

const version = 1;
/** Before the name of a job type; what stands before and behind all of them. */
const prefix = 'set:';
const behindAll = 'set;';
const typePrefix = `${prefix}type:`;
const serverKey = Buffer.from(`${prefix}server`);

const typeKey = (name: string): Buffer => Buffer.from(typePrefix + name, 'latin1');

/** The keys of all settings in `meta`: from the first, inclusive, to the second. */
export const settingsRange = { from: Buffer.from(prefix), to: Buffer.from(behindAll) } as const;

/** What a commit writes of changed settings. Where nothing is set any more, nothing stays. */
export function settingsPuts({ server, types }: SettingsChange): Put[] {
  const puts = [...types].map(([name, settings]) => put(typeKey(name), settings));
  return server === undefined ? puts : [...puts, put(serverKey, server)];
}

function put(key: Buffer, settings: object): Put {
  const isEmpty = Object.values(settings).every((value) => value === undefined);
  return { tree: 'meta', key, value: isEmpty ? null : encode(settings, key) };
}

function encode(settings: object, key: Buffer): Buffer {
  return seal(Buffer.concat([Buffer.of(version), Buffer.from(JSON.stringify(settings))]), key);
}

/** @throws DamagedRecord, NewerRecord */
export function readSettings(entries: Iterable<{ readonly key: Buffer; readonly value: Buffer }>): Settings {
  let server: ServerSettings = {};
  const types = new Map<string, TypeSettings>();
  for (const { key, value } of entries) {
    const text = key.toString('latin1');
    if (text.startsWith(typePrefix)) {
      const name = text.slice(typePrefix.length);
      types.set(name, decode<TypeSettings>(value, key, `the settings of job type ${name}`));
    } else if (key.equals(serverKey)) server = decode(value, key, 'the settings of the server');
  }
  return { server, types };
}

function decode<T>(sealed: Buffer, key: Buffer, what: string): T {
  const bytes = unseal(sealed, key, what);
  const found = bytes[0] ?? 0;
  if (found > version) throw new NewerRecord(what, { found, known: version });
  return JSON.parse(bytes.toString('utf8', 1)) as T;
}
