/** Rows of states: alone, in tables and in pages. */
import fc from 'fast-check';
import t from 'tap';
import { checkPage, emptyPage, pageRows, rowAt, sealPage } from '../../../src/store/format/layout.js';
import {
  readRow,
  rowBytes,
  rowDue,
  rowFinishedAt,
  rowHasDetail,
  rowStatus,
  rowType,
  writeNoRow,
  writeRow,
} from '../../../src/store/format/row.js';
import { RowTable } from '../../../src/store/format/row-table.js';
import { anyDamage, damage, refuses, same } from '../damaging.js';
import { anySeq, anyState, sampleState } from '../samples.js';

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
  // Few that come again, some far apart, and some of which the lower 32 bits are the same.
  const anyKey = fc.oneof(fc.integer({ min: 1, max: 40 }), anySeq, fc.constantFrom(41, 2 ** 32 + 41, 2 ** 33 + 41));
  const anyWrites = fc.array(fc.tuple(anyKey, fc.option(anyState, { nil: undefined })), { maxLength: 150 });
  fc.assert(
    fc.property(anyWrites, fc.constantFrom(0, 1, 16, 17, 1000), (writes, initial) => {
      const table = new RowTable(initial);
      const copied = new RowTable(initial);
      const model = new Map<number, unknown>();
      for (const [seq, state] of writes) {
        table.put(seq, state, seq % 65_536, false);
        copied.set(seq, table.slab, table.find(seq) as number);
        model.set(seq, state);
      }
      for (const of of [table, copied]) {
        if (of.size !== model.size || [...of.keys()].some((seq) => !model.has(seq) || !of.has(seq))) return false;
        for (const [seq, state] of model) {
          const at = of.find(seq) as number;
          if (!same(readRow(of.slab, at), state) || rowType(of.slab, at) !== seq % 65_536) return false;
        }
      }
      const unknown = [2 ** 34 + 41, 43].filter((seq) => !model.has(seq));
      return unknown.every((seq) => table.find(seq) === undefined && !table.has(seq));
    }),
    { numRuns: 200 },
  );
});

t.test('a table grows past what was expected, and finds each of many rows', async (t) => {
  const table = new RowTable(10);
  const [rows, step] = [30_000, 977];
  for (let i = 0; i < rows; i++) table.put(1 + i * step, sampleState({ due: i }), i % 7, false);
  t.equal(table.size, rows);
  t.same(
    [...table.keys()].filter((seq, i) => seq !== 1 + i * step),
    [],
  );
  const wrong = [...table.keys()].filter((seq, i) => rowDue(table.slab, table.find(seq) as number) !== i);
  t.same(wrong, []);
  t.equal(table.find(2), undefined);
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
        same(readRow(page, rowAt(seq)), state) &&
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
