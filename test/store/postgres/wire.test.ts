/** Lists and rows in PostgreSQL's binary form. */
import fc from 'fast-check';
import t from 'tap';
import { CopyRows, encodeList } from '../../../src/store/postgres/pg/wire.js';

t.test('a list is what array_recv reads', async (t) => {
  const list = encodeList('bytea', [Buffer.from([1, 2]), null, Buffer.alloc(0)]);
  const expected = [
    '00000001',
    '00000001',
    '00000011',
    '00000003',
    '00000001',
    '00000002',
    '0102',
    'ffffffff',
    '00000000',
  ];
  t.equal(list.toString('hex'), expected.join(''));
  t.equal(encodeList('text', [Buffer.from('a')]).readInt32BE(4), 0, 'without nulls');
});

const end = Buffer.from([255, 255]);
const header = Buffer.concat([Buffer.from('PGCOPY\n\xff\r\n\0', 'latin1'), Buffer.alloc(8)]);

function encodeRow(row: readonly (Uint8Array | null)[]): Buffer {
  const columns = Buffer.alloc(2);
  columns.writeInt16BE(row.length);
  const values = row.map((value) => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(value?.length ?? -1);
    return Buffer.concat([length, value ?? Buffer.alloc(0)]);
  });
  return Buffer.concat([columns, ...values]);
}

t.test('rows are the same, in whatever pieces they come', async (t) => {
  const value = fc.option(fc.uint8Array({ maxLength: 40 }));
  const rows = fc.array(fc.array(value, { maxLength: 4 }), { maxLength: 8 });
  fc.assert(
    fc.property(rows, fc.array(fc.nat(60), { maxLength: 40 }), (rows, lengths) => {
      const bytes = Buffer.concat([header, ...rows.map(encodeRow), end]);
      const copy = new CopyRows();
      const found: string[] = [];
      let at = 0;
      for (const length of [...lengths, bytes.length]) {
        for (const row of copy.take(bytes.subarray(at, at + length))) found.push(textOf(row));
        at += length;
      }
      return found.join('\n') === rows.map(textOf).join('\n');
    }),
  );
  t.pass('all of them');
});

const textOf = (row: readonly (Uint8Array | null)[]): string =>
  row.map((value) => (value === null ? 'null' : Buffer.from(value).toString('hex'))).join();
