/** Rows of runs as bytes: what was written is read, in this version and in those to come; what is damaged or newer is said to be. */
import t from 'tap';
import { attemptOutcomes, behind, type NumberedRun, passOutcomes } from '../../../src/domain/runs/run.js';
import { seal } from '../../../src/store/format/layout.js';
import { readRun, runKey, runPuts } from '../../../src/store/format/trees/run-row.js';
import { DamagedRecord, NewerRecord } from '../../../src/store/port.js';

const written = (row: NumberedRun, seq = 7): Buffer => Buffer.from(runPuts(seq, row, 100)[0]?.value as Uint8Array);

const attempt = {
  outcome: 'retried',
  run: 3,
  scheduledFor: 1_767_225_600_000,
  attempt: 2,
  manual: true,
  startedAt: 1_767_225_600_001,
  finishedAt: 1_767_225_600_043,
  latenessMs: 1,
  error: { name: 'Error', message: 'ü', code: 'worker_lost' },
} as const;
const passed = { outcome: 'missed', scheduledFor: -5, lastScheduledFor: 60_000, count: 2, manual: false } as const;

t.test('every outcome comes back as it was', async (t) => {
  const { error, ...whole } = attempt;
  for (const outcome of attemptOutcomes) {
    const row = { number: 1, run: { ...whole, outcome } };
    t.same(readRun(written(row), runKey(7, 1)), row);
  }
  for (const outcome of passOutcomes) {
    const row = { number: 2, run: { ...passed, outcome } };
    t.same(readRun(written(row), runKey(7, 2)), row);
  }
  for (const code of ['handler_error', 'timeout', 'worker_lost', 'expired', 'cancelled'] as const) {
    const row = { number: 3, run: { ...attempt, error: { ...error, code } } };
    t.same(readRun(written(row), runKey(7, 3)), row);
  }
});

t.test('the bytes are fixed', async (t) => {
  const hexOf = (row: NumberedRun): string => written(row).toString('hex');
  t.equal(
    hexOf({ number: 1, run: attempt }),
    '309d052a010403000080aa6db7794203000000020001a8da769b012ba8da769b01000000000000f03f03050000004572726f7202000000c3bc',
  );
  t.equal(hexOf({ number: 2, run: passed }), 'c3d05d2601820000000000000014c000000000004ced4002000000');
});

t.test('a row in another place, damaged or newer is not read', async (t) => {
  const sealed = written({ number: 1, run: passed });
  t.throws(() => readRun(sealed, runKey(7, 2)), DamagedRecord);
  t.throws(() => readRun(sealed, runKey(8, 1)), DamagedRecord);
  const under = runKey(7, 1);
  const altered = (at: number, to: number): Buffer => {
    const bytes = Buffer.from(sealed.subarray(4));
    bytes[at] = to;
    return seal(bytes, under);
  };
  t.throws(() => readRun(altered(0, 2), under), NewerRecord);
  t.throws(() => readRun(altered(1, 99), under), DamagedRecord);
});

t.test('a row pushes out the one that is too many', async (t) => {
  t.equal(runPuts(7, { number: 100, run: passed }, 100).length, 1);
  t.same(runPuts(7, { number: 101, run: passed }, 100)[1], { tree: 'runs', key: runKey(7, 1), value: null });
});

t.test('neighbours passed over for one reason are one row', async (t) => {
  const last = { number: 4, run: passed };
  t.same(behind(undefined, passed), { number: 1, run: passed });
  t.same(behind(last, { ...passed, scheduledFor: 120_000, lastScheduledFor: 180_000 }), {
    number: 4,
    run: { ...passed, lastScheduledFor: 180_000, count: 4 },
  });
  t.match(behind(last, { ...passed, outcome: 'expired' }), { number: 5 });
  t.match(behind(last, { ...passed, manual: true }), { number: 5 }, 'one that was asked for stands alone');
  t.match(behind(last, attempt), { number: 5 });
});
