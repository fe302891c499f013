/** Everything that is written can be read back, and nothing that was damaged is read at all. */
import fc from 'fast-check';
import t from 'tap';
import type { Job } from '../../../src/domain/job.js';
import { ByteReader, ByteWriter, crc32 } from '../../../src/store/format/bytes.js';
import { decodeMeta, encodeMeta, seal, unseal } from '../../../src/store/format/layout.js';
import { key, keyPart } from '../../../src/store/format/numbers.js';
import { readSpec, writeSpec } from '../../../src/store/format/spec-codec.js';
import { keyOfPlace } from '../../../src/store/format/trees/finished-list.js';
import { keyUsePuts } from '../../../src/store/format/trees/key-use.js';
import { sealSet, setKey } from '../../../src/store/format/trees/set-block.js';
import { TypeDictionary } from '../../../src/store/format/type-dictionary.js';
import { DueCursor, dueChunks } from '../../../src/store/trees/due-index.js';
import { findKey } from '../../../src/store/trees/idempotency.js';
import { JobSets } from '../../../src/store/trees/job-sets.js';
import { StoreReader } from '../../../src/store/trees/reader.js';
import { MemoryKv } from '../../support/kv-memory.js';
import { anyDamage, damage, refuses, same } from '../damaging.js';
import { anySeq, anySpec, noon, sampleSpec } from '../samples.js';

const bytesOf = (spec: Job['spec'], types: TypeDictionary): Buffer => {
  const out = new ByteWriter(16);
  // A spec stands behind others in its buffer.
  out.text('something before');
  const from = out.length;
  writeSpec(out, spec, types.idOf(spec.name));
  return Buffer.from(out.since(from));
};

t.test('any spec survives the round trip', async () => {
  fc.assert(
    fc.property(anySpec, (spec) => {
      const types = new TypeDictionary();
      types.idOf('another');
      return same(readSpec(spec.seq, bytesOf(spec, types), types), spec);
    }),
    { numRuns: 500 },
  );
});

t.test('any damaged spec is refused', async () => {
  fc.assert(
    fc.property(anySpec, anyDamage, (spec, how) => {
      const types = new TypeDictionary();
      const bytes = bytesOf(spec, types);
      return (
        refuses(() => readSpec(spec.seq, damage(bytes, how), types)) &&
        refuses(() => readSpec(spec.seq + 1, bytes, types))
      );
    }),
    { numRuns: 500 },
  );
});

t.test('a spec is refused at whatever byte it ends', async (t) => {
  const types = new TypeDictionary();
  const whole = bytesOf(
    sampleSpec({ idempotencyKey: 'k', trigger: { kind: 'cron', expression: '@daily', timezone: 'UTC', repeat: true } }),
    types,
  );
  for (let length = 0; length < whole.length; length++)
    t.ok(refuses(() => readSpec(1, whole.subarray(0, length), types)));
});

t.test('a spec of a newer version is refused as that, not as damaged', async (t) => {
  const types = new TypeDictionary();
  const body = bytesOf(sampleSpec(), types).subarray(4);
  body[0] = 99;
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(crc32(body, 7));
  t.throws(() => readSpec(7, Buffer.concat([checksum, body]), types), {
    name: 'NewerRecord',
    message:
      'the spec of job 7 was written by a newer escapement (its format is 99, this one knows up to 4): use that version',
  });
});

// --- The rest of what has a checksum ---

t.test('a sealed value is whole or refused', async () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 100 }), anyDamage, (value, how) => {
      const [mine, other] = [Buffer.from('mine'), Buffer.from('other')];
      const sealed = seal(value, mine);
      return (
        unseal(sealed, mine, 'it').equals(Buffer.from(value)) &&
        refuses(() => unseal(damage(sealed, how), mine, 'it')) &&
        refuses(() => unseal(sealed, other, 'it'))
      );
    }),
    { numRuns: 500 },
  );
});

t.test('facts about the whole are whole or refused', async (t) => {
  const facts = { position: 7, watermark: noon, names: ['a', 'b'] };
  const sealed = encodeMeta(facts, 'mark');
  t.same(decodeMeta(sealed, 'mark'), facts);
  for (let at = 0; at < sealed.length; at++)
    t.ok(refuses(() => decodeMeta(damage(sealed, { cut: false, place: at / sealed.length, bit: 0 }), 'mark')));
});

t.test('an idempotency key is whole or refused', async () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[!-~]{1,255}$/), anySeq, fc.string(), anyDamage, (name, seq, digest, how) => {
      const kv = new MemoryKv();
      const use = { seq, digest, at: noon };
      const store = (change: (value: Buffer) => Buffer): void =>
        kv.transact((tx) => {
          for (const { tree, key: at, value } of keyUsePuts(name, use))
            tx.put(tree, at, tree === 'keys' ? change(Buffer.from(value as Uint8Array)) : (value as Uint8Array));
        });
      store((value) => value);
      if (!same(findKey(kv, name, noon), use)) return false;
      store((value) => damage(value, how));
      return refuses(() => findKey(kv, name, noon));
    }),
    { numRuns: 200 },
  );
});

t.test('damage to the due index, the finished list and the sets is refused when they are read', async (t) => {
  const sets = new JobSets();
  for (let seq = 1; seq < 100; seq++) sets.set(seq, 'pending', 0);
  const [saved] = sets.takeChanged();
  const finished = Buffer.alloc(36, 7);
  for (const how of [
    { cut: true, place: 0.5, bit: 0 },
    { cut: true, place: 0, bit: 0 },
    { cut: false, place: 0.1, bit: 3 },
    { cut: false, place: 0.9, bit: 3 },
  ]) {
    const kv = new MemoryKv();
    kv.transact((tx) => {
      for (const chunk of dueChunks([{ due: noon, seq: 1 }], 1)) tx.put('due', chunk.key, damage(chunk.value, how));
      tx.put(
        'finished',
        keyOfPlace({ merge: 1, from: 0 }),
        damage(seal(finished, keyOfPlace({ merge: 1, from: 0 })), how),
      );
      const set = setKey(saved?.set as number, 0);
      tx.put('bitmaps', set, damage(sealSet(saved?.bytes as Uint8Array, set), how));
    });
    const reader = new StoreReader(kv, new TypeDictionary());
    t.ok(refuses(() => new DueCursor(kv).take(1)));
    t.ok(refuses(() => reader.finished({ merge: 1, from: 0 })));
    t.ok(refuses(() => reader.loadSets(new JobSets())));
  }
  sets.dispose();
});

// --- Bytes ---

t.test('keys order as their numbers do and give them back', async () => {
  const part = fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 0, max: 2 ** 48 - 1 }));
  fc.assert(
    fc.property(part, part, part, part, (a, b, c, d) => {
      const [left, right] = [key(a, b), key(c, d)];
      const order = Math.sign(a - c || b - d);
      return Buffer.compare(left, right) === order && keyPart(left, 0) === a && keyPart(right, 1) === d;
    }),
    { numRuns: 1000 },
  );
});

t.test('reading past the end is an error, never rubbish', async (t) => {
  const out = new ByteWriter(4);
  out.text('häßlich 😀');
  out.word('word');
  const whole = Buffer.from(out.since(0));
  const read = (bytes: Buffer): string[] => {
    const input = new ByteReader(bytes);
    return [input.text(), input.word()];
  };
  t.same(read(whole), ['häßlich 😀', 'word']);
  for (let length = 0; length < whole.length; length++)
    t.throws(() => read(whole.subarray(0, length)), { name: 'RangeError' });
});

t.test('job types keep their numbers, and a list with a hole is refused', async (t) => {
  const types = new TypeDictionary();
  t.equal(types.idOf('a'), 0);
  t.equal(types.idOf('b'), 1);
  t.equal(types.idOf('a'), 0);
  t.same(types.fresh(), [
    { id: 0, name: 'a' },
    { id: 1, name: 'b' },
  ]);
  types.written(2);
  t.same(types.fresh(), []);
  t.equal(types.idOf('c'), 2);
  t.same(types.fresh(), [{ id: 2, name: 'c' }]);
  t.equal(types.find('d'), undefined);
  const restored = new TypeDictionary();
  restored.restore(0, 'a');
  restored.restore(0, 'a');
  restored.restore(1, 'b');
  t.same(restored.all(), ['a', 'b']);
  t.same(restored.fresh(), []);
  t.throws(() => restored.restore(3, 'x'), /hole/);
  t.throws(() => restored.nameOf(9), /not in the list/);
});
