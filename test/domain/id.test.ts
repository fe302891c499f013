import fc from 'fast-check';
import t from 'tap';
import { formatId, parseId } from '../../src/domain/id.js';

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
