/** Rows of states: alone, in tables and in pages. */
import fc from 'fast-check';
import t from 'tap';
import { checkPage, emptyPage, pageRows, rowAt, sealPage, stateIn } from '../../src/store/layout.js';
import {
  RowTable,
  readRow,
  rowBytes,
  rowDue,
  rowFinishedAt,
  rowHasDetail,
  rowStatus,
  rowType,
  writeNoRow,
  writeRow,
} from '../../src/store/row.js';
import { anyDamage, damage, refuses, same } from './damaging.js';
import { anySeq, anyState, sampleState } from './samples.js';

t.test('any state survives as a row, beside other rows', async () => {
  fc.assert(
    fc.property(anyState, fc.integer({ min: 0, max: 65_535 }), fc.integer({ min: 0, max: 10 }), (state, type, at) => {
      const buffer = Buffer.alloc(rowBytes + 20, 0xaa);
      writeRow(buffer, at, state, type, at % 2 === 1);
      return (
        same(readRow(buffer, at), state) &&
        rowHasDetail(buffer, at) === (at % 2 === 1) &&
        rowType(buffer, at) === type &&
        rowStatus(buffer, at) === state.status &&
        rowDue(buffer, at) === state.due &&
        rowFinishedAt(buffer, at) === state.finishedAt &&
        buffer.subarray(0, at).every((byte) => byte === 0xaa) &&
        buffer.subarray(at + rowBytes).every((byte) => byte === 0xaa)
      );
    }),
    { numRuns: 500 },
  );
});

t.test('a job that is no more has a row without a state that keeps its type', async (t) => {
  const buffer = Buffer.alloc(rowBytes, 0xff);
  writeNoRow(buffer, 0, 515);
  t.equal(readRow(buffer, 0), undefined);
  t.equal(rowStatus(buffer, 0), undefined);
  t.equal(rowType(buffer, 0), 515);
});

t.test('counts that outgrow their place stay at its end', async (t) => {
  const buffer = Buffer.alloc(rowBytes);
  writeRow(buffer, 0, sampleState({ attempt: 70_000, skipped: 2 ** 33, missed: 2 ** 40 }), 0, false);
  t.match(readRow(buffer, 0), { attempt: 65_535, skipped: 2 ** 32 - 1, missed: 2 ** 32 - 1 });
});

t.test('a table of rows holds the latest row of every job', async () => {
  const anyWrites = fc.array(fc.tuple(fc.integer({ min: 1, max: 40 }), fc.option(anyState, { nil: undefined })), {
    maxLength: 60,
  });
  fc.assert(
    fc.property(anyWrites, fc.integer({ min: 1, max: 4 }), (writes, initial) => {
      const table = new RowTable(initial);
      const copied = new RowTable(initial);
      const model = new Map<number, unknown>();
      for (const [seq, state] of writes) {
        table.put(seq, state, seq, false);
        copied.set(seq, table.slab, table.find(seq) as number);
        model.set(seq, state);
      }
      for (const of of [table, copied]) {
        if (of.size !== model.size || [...of.keys()].some((seq) => !model.has(seq) || !of.has(seq))) return false;
        for (const [seq, state] of model) {
          const at = of.find(seq) as number;
          if (!same(readRow(of.slab, at), state) || rowType(of.slab, at) !== seq) return false;
        }
      }
      return table.find(41) === undefined && !table.has(41);
    }),
    { numRuns: 200 },
  );
});

t.test('a page holds the rows of its jobs, and any damage to it is refused', async () => {
  fc.assert(
    fc.property(anySeq, anyState, anyDamage, (seq, state, how) => {
      const number = Math.floor(seq / pageRows);
      const page = emptyPage();
      writeRow(page, rowAt(seq), state, 1, false);
      sealPage(page, number);
      checkPage(page, number);
      return (
        same(stateIn(page, seq), state) &&
        refuses(() => checkPage(damage(page, how), number)) &&
        refuses(() => checkPage(page, number + 1))
      );
    }),
    { numRuns: 300 },
  );
});

t.test('zeros are not a page', async (t) => {
  t.ok(refuses(() => checkPage(emptyPage(), 0)));
});
