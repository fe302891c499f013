import fc from 'fast-check';
import t from 'tap';
import { formatId, isIdKey, parseId, useIdKey } from '../../src/domain/id.js';

const two32 = 2 ** 32;
const seqs = fc.oneof(
  fc.integer({ min: 1, max: 100_000 }),
  fc.integer({ min: two32 - 1000, max: two32 + 1000 }),
  fc.integer({ min: 1, max: 2 ** 48 - 1 }),
);
const seconds = fc.integer({ min: 0, max: 253_402_300_799 });

t.test('an id names its second and the low 32 bits of its key', async () => {
  fc.assert(
    fc.property(seqs, seconds, (seq, idSeconds) => {
      const parsed = parseId(formatId(seq, idSeconds));
      return parsed?.low === seq % two32 && parsed.idSeconds === idSeconds;
    }),
    { numRuns: 2000 },
  );
});

t.test('every hex is the id of some job: parsing and formatting undo each other', async () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: two32 - 1 }), seconds, (hex, idSeconds) => {
      const id = `job_${idSeconds}_${hex.toString(16).padStart(8, '0')}`;
      const parsed = parseId(id);
      return parsed !== undefined && formatId(parsed.low, parsed.idSeconds) === id;
    }),
    { numRuns: 2000 },
  );
});

t.test('no two of 200,000 neighbours share an id, nor do keys around 2^32', async (t) => {
  for (const from of [1, two32 - 100_000]) {
    const ids = new Set<string>();
    for (let seq = from; seq < from + 200_000; seq++) ids.add(formatId(seq, 1));
    t.equal(ids.size, 200_000);
  }
});

t.test('ids of neighbours do not look alike', async (t) => {
  let differing = 0;
  for (let seq = 1; seq <= 1000; seq++) {
    const [a, b] = [formatId(seq, 1), formatId(seq + 1, 1)].map((id) => Number.parseInt(id.slice(-8), 16)) as [
      number,
      number,
    ];
    for (let bits = (a ^ b) >>> 0; bits > 0; bits >>>= 1) differing += bits & 1;
  }
  t.ok(Math.abs(differing / 1000 - 16) < 1, `${differing / 1000} of 32 bits differ on average`);
});

t.test('an id has the documented form', async (t) => {
  t.equal(formatId(1, 1704096600), 'job_1704096600_688990c0');
  for (let seq = 1; seq < 5000; seq++) {
    const id = formatId(seq, 1704096600);
    if (!/^job_1704096600_[0-9a-f]{8}$/.test(id)) t.fail(id);
  }
});

t.test('what is no id is refused', async (t) => {
  const wrong = [
    '',
    'job_',
    'job_1',
    'job__00000000',
    'job_1_0000000',
    'job_1_000000000',
    'job_1_0000000G',
    'job_1_ABCDEF01',
    'job_01_00000000',
    'job_-1_00000000',
    'job_1.5_00000000',
    'job_1e3_00000000',
    'job_1234567890123_00000000',
    'job_1_00000000\n',
    '\njob_1_00000000',
    ' job_1_00000000',
    'job_1_00000000 ',
    'Job_1_00000000',
    'job-1-00000000',
    '__proto__',
    'constructor',
  ];
  for (const id of wrong) t.equal(parseId(id), undefined, JSON.stringify(id));
  t.ok(parseId('job_0_00000000'));
});

t.test('any text can be asked about', async () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((tail) => `job_${tail}`),
      ),
      (text) => {
        const parsed = parseId(text);
        return parsed === undefined || formatId(parsed.low, parsed.idSeconds) === text;
      },
    ),
    { numRuns: 1000 },
  );
});

const keys = fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: 24, maxLength: 24 });
const suffixes = (key: string | undefined, count: number): string[] => {
  useIdKey(key);
  const found = Array.from({ length: count }, (_, i) => formatId(i + 1, 1).slice(-8));
  useIdKey(undefined);
  return found;
};

t.test('under every key an id names its job, and every hex is the id of one', async () => {
  t.teardown(() => useIdKey(undefined));
  fc.assert(
    fc.property(keys, seqs, fc.integer({ min: 0, max: two32 - 1 }), (key, seq, hex) => {
      useIdKey(key);
      const id = `job_7_${hex.toString(16).padStart(8, '0')}`;
      const there = parseId(id);
      return parseId(formatId(seq, 1))?.low === seq % two32 && there !== undefined && formatId(there.low, 7) === id;
    }),
    { numRuns: 2000 },
  );
});

t.test('no two of 200,000 neighbours share an id under a key', async (t) => {
  t.equal(new Set(suffixes('00ff00ff123456789abcdef0', 200_000)).size, 200_000);
});

t.test('two keys give out different ids, and what one gives out tells nothing of the other', async (t) => {
  // One bit of the key in each of its words.
  const base = '0123456789abcdef01234567';
  for (const other of ['1123456789abcdef01234567', '0123456799abcdef01234567', '0123456789abcdef01234566']) {
    const [ours, theirs] = [suffixes(base, 2000), suffixes(other, 2000)];
    t.ok(ours.every((suffix, at) => suffix !== theirs[at]));
  }
  const [ours, theirs] = [suffixes(base, 20_000), suffixes('fedcba9876543210fedcba98', 20_000)];
  const both = new Set(ours);
  const shared = theirs.filter((suffix) => both.has(suffix)).length;
  t.ok(shared < 10, `${shared} of 20,000 suffixes are given out by both`);
  let differing = 0;
  for (let at = 0; at < 1000; at++) {
    let bits = (Number.parseInt(ours[at] as string, 16) ^ Number.parseInt(ours[at + 1] as string, 16)) >>> 0;
    for (; bits > 0; bits >>>= 1) differing += bits & 1;
  }
  t.ok(Math.abs(differing / 1000 - 16) < 1, `${differing / 1000} of 32 bits differ between neighbours`);
});

t.test('without a key ids are those of directories that never had one', async (t) => {
  t.same(suffixes(undefined, 2), ['688990c0', 'd1132181']);
});

t.test('what is no key is refused', async (t) => {
  for (const text of [
    '',
    '0',
    '0123456789abcdef0123456',
    '0123456789ABCDEF01234567',
    '0123456789abcdef012345678',
    7,
    null,
  ]) {
    t.notOk(isIdKey(text), String(text));
  }
  t.throws(() => useIdKey('short'), RangeError);
});
