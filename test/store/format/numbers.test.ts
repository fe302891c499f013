/** Numbers as bytes: as `Buffer` itself would write and read them, and nothing that does not fit. */
import fc from 'fast-check';
import t from 'tap';
import * as numbers from '../../../src/store/format/numbers.js';

const length = 16;
const places = (width: number) => fc.integer({ min: 0, max: length - width });
const whole = (bits: number) =>
  fc.oneof(
    fc.constantFrom(0, 2 ** bits - 1),
    fc.maxSafeNat().map((n) => n % 2 ** bits),
  );

const forms = [
  {
    name: 'u16',
    width: 2,
    values: whole(16),
    put: numbers.putU16,
    get: numbers.getU16,
    write: (to: Buffer, at: number, value: number) => to.writeUInt16LE(value, at),
  },
  {
    name: 'u32',
    width: 4,
    values: whole(32),
    put: numbers.putU32,
    get: numbers.getU32,
    write: (to: Buffer, at: number, value: number) => to.writeUInt32LE(value, at),
  },
  {
    name: 'u48',
    width: 6,
    values: whole(48),
    put: numbers.putU48,
    get: numbers.getU48,
    write: (to: Buffer, at: number, value: number) => to.writeUIntLE(value, at, 6),
  },
  {
    name: 'f64',
    width: 8,
    values: fc.double(),
    put: numbers.putF64,
    get: numbers.getF64,
    write: (to: Buffer, at: number, value: number) => to.writeDoubleLE(value, at),
  },
];

for (const { name, width, values, put, get, write } of forms) {
  t.test(`${name}: the same bytes as Buffer's, nothing beside them, and read back`, async () => {
    fc.assert(
      fc.property(places(width), values, (at, value) => {
        const ours = Buffer.alloc(length, 0xa5);
        const theirs = Buffer.alloc(length, 0xa5);
        put(ours, at, value);
        write(theirs, at, value);
        return ours.equals(theirs) && Object.is(get(ours, at), value);
      }),
    );
  });

  t.test(`${name}: no place for it`, async (t) => {
    const buffer = Buffer.alloc(length);
    for (const at of [length - width + 1, length, length + 100]) {
      t.throws(() => put(buffer, at, 1), RangeError);
      t.throws(() => get(buffer, at), RangeError);
    }
    t.same(buffer, Buffer.alloc(length), 'and nothing is written');
  });

  if (name === 'f64') continue;
  t.test(`${name}: a number that does not fit is refused, not cut off`, async (t) => {
    const buffer = Buffer.alloc(length);
    for (const value of [-1, 2 ** (8 * width), Number.NaN, Number.POSITIVE_INFINITY])
      t.throws(() => put(buffer, 0, value), RangeError);
    t.same(buffer, Buffer.alloc(length));
  });
}

t.test('keys order as their numbers do, and give them back', async (t) => {
  fc.assert(
    fc.property(
      fc.array(whole(48), { minLength: 2, maxLength: 2 }),
      fc.array(whole(48), { minLength: 2, maxLength: 2 }),
      (a, b) => {
        const byNumbers = Math.sign((a[0] as number) - (b[0] as number) || (a[1] as number) - (b[1] as number));
        const key = numbers.key(...a);
        return (
          key.compare(numbers.key(...b)) === byNumbers &&
          numbers.keyPart(key, 0) === a[0] &&
          numbers.keyPart(key, 1) === a[1]
        );
      },
    ),
  );
  t.throws(() => numbers.key(-1), RangeError);
  t.throws(() => numbers.key(2 ** 48), RangeError);
  t.throws(() => numbers.keyPart(numbers.key(1), 1), RangeError);
});
