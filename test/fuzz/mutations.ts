/** Small changes to bytes and to JSON, drawn from a seeded generator. */
import type { Random } from '../simulation/random.js';

/** Texts that have broken parsers before. */
export function odd(random: Random): string {
  return random.pick([
    ...[
      '',
      ' ',
      '\0',
      '\r\n',
      '\ufeff',
      '\ud800',
      '../../etc/passwd',
      '%2e%2e%2f',
      '__proto__',
      'constructor',
      '{{7*7}}',
    ],
    ...[
      '1e400',
      'NaN',
      '-1',
      '-1m',
      '1e9h',
      '99999999999999999999d',
      '2026-02-30T00:00:00Z',
      '* * * * * *',
      '*/0 * * * *',
    ],
    ...['x'.repeat(300), 'x'.repeat(70_000), '\u202e', '０', '🕰️', '"', '\\', "'; DROP TABLE jobs; --", '<script>'],
  ]);
}

/** One change somewhere in the bytes. */
export function mutateBytes(random: Random, bytes: Buffer): Buffer {
  const at = random.between(0, bytes.length);
  const end = Math.min(bytes.length, at + random.between(1, 16));
  const [before, piece, behind] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)];
  switch (random.weighted({ flip: 5, insert: 3, remove: 2, repeat: 2, cut: 1, text: 2 })) {
    case 'flip': {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[at % copy.length]! ^= 1 << random.between(0, 7);
      return copy;
    }
    case 'insert': {
      const noise = Buffer.from(Array.from({ length: random.between(1, 8) }, () => random.between(0, 255)));
      return Buffer.concat([before, noise, piece, behind]);
    }
    case 'remove':
      return Buffer.concat([before, behind]);
    case 'repeat':
      return Buffer.concat([before, ...Array.from({ length: random.between(2, 20) }, () => piece), behind]);
    case 'cut':
      return before;
    case 'text':
      return Buffer.concat([before, Buffer.from(odd(random)), piece, behind]);
  }
}

type Json = Record<string, unknown> | unknown[];

/** The value as JSON text, with one or more changes of its structure, some of which JSON does not allow. */
export function mutateJson(random: Random, value: unknown): string {
  const copy = structuredClone(value) as Json;
  do change(random, random.pick(containers(copy)));
  while (random.chance(0.3));
  const text = JSON.stringify(copy);
  switch (random.weighted({ none: 12, deep: 1, twice: 1, number: 1 })) {
    case 'none':
      return text;
    case 'deep':
      return text.replace(/"[a-z_]+":/, (name) => `${name}${'['.repeat(100)}${']'.repeat(100)},${name}`);
    case 'twice':
      return text.replace(/^\{/, `${text.slice(0, -1)},`);
    case 'number':
      return text.replace(/\d+/, random.pick(['1e400', '-0', '01', '1.', '0x1', '1e-400', '9'.repeat(400)]));
  }
}

function containers(value: unknown): Json[] {
  if (typeof value !== 'object' || value === null) return [];
  return [value as Json, ...Object.values(value).flatMap(containers)];
}

function change(random: Random, inside: Json): void {
  const isList = Array.isArray(inside);
  const keys = Object.keys(inside);
  const fresh = () => (isList ? String(inside.length) : odd(random));
  const key = keys.length > 0 && random.chance(0.8) ? random.pick(keys) : fresh();
  const value = (inside as Record<string, unknown>)[key];
  switch (random.weighted({ replace: 8, remove: 2, rename: 2, wrap: 1 })) {
    case 'replace':
      return put(inside, key, anyValue(random));
    case 'remove':
      if (isList) inside.splice(Number(key), 1);
      else delete inside[key];
      return;
    case 'rename':
      return put(inside, fresh(), value);
    case 'wrap':
      return put(inside, key, random.chance(0.5) ? [value] : { [key]: value });
  }
}

/** Also under names that would mean something else if they were assigned to, such as `__proto__`. */
function put(inside: Json, key: string, value: unknown): void {
  Object.defineProperty(inside, key, { value, enumerable: true, configurable: true, writable: true });
}

function anyValue(random: Random): unknown {
  const numbers = [0, -0, -1, 1.5, 101, 2 ** 31, 2 ** 53, 1e21, 1e308, -1e-9];
  return random.pick<() => unknown>([
    () => odd(random),
    () => random.pick(numbers),
    () => random.pick([null, true, false, [], {}]),
    () => `${random.pick(numbers)}${random.pick(['ms', 's', 'h', 'd', 'y', ''])}`,
    () => Array.from({ length: random.between(1, 40) }, () => odd(random)),
  ])();
}
