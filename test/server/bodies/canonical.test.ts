/** The text that digests of requests are made of. Digests lie on disk, so it is held to a plain definition and to fixed ones. */
import fc from 'fast-check';
import t from 'tap';
import { canonicalJson, digestOf } from '../../../src/server/bodies/canonical.js';

/** The definition: as JSON.stringify, with the keys of objects sorted. */
function plainly(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(plainly).join(',')}]`;
  const object = value as Record<string, unknown>;
  const fields = Object.keys(object)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${plainly(object[key])}`);
  return `{${fields.join(',')}}`;
}

t.test('any JSON value has the text of the definition', (t) => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6, noUnicodeString: false }), (value) => {
      t.equal(canonicalJson(value), plainly(value));
    }),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('odd numbers, texts and keys', (t) => {
  for (const text of [
    '{"b":1,"a":{"10":1,"9":2,"a\\u0000b":-0}}',
    '["\\ud800","\\u2028","\\u007f","ä","\\ud83d\\ude00",1e21,1e-7,0.1,-1.5e300]',
    '{"":{"":[]},"__proto__x":{}}',
  ]) {
    const value: unknown = JSON.parse(text);
    t.equal(canonicalJson(value), plainly(value));
  }
  let deep: unknown = 1;
  for (let level = 0; level < 64; level++) deep = level % 2 ? [deep] : { z: deep, a: level };
  t.equal(canonicalJson(deep), plainly(deep));
  const wide = Object.fromEntries(Array.from({ length: 3000 }, (_, index) => [`k${(index * 7919) % 3000}`, index]));
  t.equal(canonicalJson(wide), plainly(wide));
  t.end();
});

t.test('the order of keys does not count', (t) => {
  t.equal(
    digestOf({ name: 'noop', delay: '1h', payload: { a: 1, b: [2] } }),
    digestOf({ payload: { b: [2], a: 1 }, delay: '1h', name: 'noop' }),
  );
  t.equal(digestOf({ name: 'noop', delay: '1h' }), 'K5GzbGjXz8L-yjMCfVCNr3J91Vy7R2AknehDRH6xdlw');
  t.end();
});
