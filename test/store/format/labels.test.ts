/** The label of a job is read as it was written, and never out of bytes that are not whole. */
import fc from 'fast-check';
import t from 'tap';
import { seal } from '../../../src/store/format/layout.js';
import { type JobLabel, labelKey, labelPut, readLabel } from '../../../src/store/format/trees/job-label.js';
import { DamagedRecord, NewerRecord } from '../../../src/store/port.js';

const seq = 4711;

const labels: fc.Arbitrary<JobLabel> = fc.record({
  words: fc.array(fc.string({ unit: 'binary-ascii', maxLength: 256, size: 'max' }), { maxLength: 40, size: 'max' }),
  repeats: fc.boolean(),
  paused: fc.boolean(),
  lastOutcome: fc.constantFrom(undefined, 'success', 'failed'),
  failure: fc.option(fc.record({ group: fc.nat(2 ** 31 - 1), at: fc.nat(2 ** 31 - 1) }), { nil: undefined }),
});

const written = (label: JobLabel): Buffer => Buffer.from(labelPut(seq, label).value as Uint8Array);

t.test('as it was written, one after the other', async (t) => {
  let longest = 0;
  fc.assert(
    fc.property(labels, labels, (one, other) => {
      const [a, b] = [written(one), written(other)];
      longest = Math.max(longest, a.length);
      const found = [readLabel(a, labelKey(seq)), readLabel(b, labelKey(seq)), readLabel(a, labelKey(seq))];
      return found.every((label, i) => JSON.stringify(label) === JSON.stringify(i === 1 ? other : one));
    }),
    { numRuns: 300 },
  );
  t.ok(longest > 4096, `the longest had ${longest} bytes`);
});

t.test('what is not whole is damage, and is named', async (t) => {
  const whole = written({
    words: ['torder-1', 'gtenant'],
    repeats: true,
    paused: false,
    lastOutcome: 'failed',
    failure: { group: 77, at: 99 },
  });
  for (let at = 0; at < whole.length; at++) {
    const changed = Buffer.from(whole);
    changed[at] = (changed[at] as number) ^ 0x10;
    t.throws(() => readLabel(changed, labelKey(seq)), DamagedRecord, `byte ${at}`);
    // What is shorter than it says, though its checksum is right.
    if (at > 4)
      t.throws(
        () => readLabel(seal(whole.subarray(4, at), labelKey(seq)), labelKey(seq)),
        DamagedRecord,
        `${at} bytes long`,
      );
  }
  t.throws(() => readLabel(whole, labelKey(seq + 1)), { message: /the label of job 4712/ }, 'of another job');
  t.throws(() => readLabel(Buffer.alloc(3), labelKey(seq)), DamagedRecord);
});

t.test('what a later version wrote is newer, and not damaged', async (t) => {
  t.throws(() => readLabel(seal(Buffer.from([2, 0, 0]), labelKey(seq)), labelKey(seq)), NewerRecord);
});
