/** LMDB on a data file with a damaged page: that is an error for who reads there, and for nobody else. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { dataFile, LmdbKv } from '../../../src/store/kv/kv-lmdb.js';
import { isDamage } from '../../../src/store/kv/lmdb-damage.js';

const pageBytes = 4096;
/** Of a page that leads to others. */
const branch = 1;
const flagsAt = 18;

const keyOf = (n: number): Buffer => Buffer.from(`branch-${String(n).padStart(6, '0')}`);

/** Lets the branches of the one tree that has some lead to pages that there are not; all but the first. */
function misdirect(file: string): number {
  const bytes = readFileSync(file);
  let count = 0;
  for (let page = 2 * pageBytes; page < bytes.length; page += pageBytes) {
    if ((bytes.readUInt16LE(page + flagsAt) & branch) === 0) continue;
    const end = page + pageBytes;
    for (let at = bytes.indexOf('branch-', page); at >= 0 && at < end; at = bytes.indexOf('branch-', at + 1), count++) {
      // The number of a page, 48 bits, stands before the length of the key.
      bytes.writeUInt16LE(0x7fff, at - 6);
    }
  }
  writeFileSync(file, bytes);
  return count;
}

t.test('a page that is not found is damage of its tree, and the others are read on', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'escapement-kv-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const whole = new LmdbKv(directory);
  whole.transact((tx) => {
    for (let n = 0; n < 500; n++) tx.put('finished', keyOf(n), Buffer.alloc(50, n));
    tx.put('meta', Buffer.from('mark'), Buffer.from('it'));
  });
  await whole.close();
  t.ok(misdirect(join(directory, dataFile)) > 3);

  const kv = new LmdbKv(directory);
  const lost = {
    name: 'DamagedRecord',
    message: /^the tree finished cannot be read \(MDB_\w+: .*the data directory is damaged$/,
  };
  const others = (): void => void t.equal(kv.get('meta', Buffer.from('mark'))?.toString(), 'it');
  t.ok(kv.get('finished', keyOf(0)), 'what lies elsewhere is there');
  for (const round of [1, 2]) {
    t.throws(() => [...kv.entries('finished', {})], lost, `read through, round ${round}`);
    others();
    t.throws(() => [...kv.keys('finished', { reverse: true })], lost);
    others();
    t.throws(() => kv.get('finished', keyOf(499)), lost);
    others();
  }
  t.throws(() => kv.transact((tx) => tx.put('finished', keyOf(499), Buffer.alloc(1))), /MDB_/);
  kv.transact((tx) => tx.put('meta', Buffer.from('mark'), Buffer.from('it')));
  kv.refresh();
  others();
  await kv.close();
});

t.test('an entry with other flags is damage of its tree', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'escapement-kv-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const whole = new LmdbKv(directory);
  whole.transact((tx) => {
    for (let n = 0; n < 20; n++) tx.put('finished', keyOf(n), Buffer.alloc(50, n));
    tx.put('meta', Buffer.from('mark'), Buffer.from('it'));
  });
  await whole.close();
  const file = join(directory, dataFile);
  const bytes = readFileSync(file);
  // They stand before the length of the key. This one says that a key has several values.
  for (let at = bytes.indexOf(keyOf(3)); at >= 0; at = bytes.indexOf(keyOf(3), at + 1)) bytes.writeUInt16LE(4, at - 4);
  writeFileSync(file, bytes);

  const kv = new LmdbKv(directory, { readOnly: true });
  const lost = { name: 'DamagedRecord', message: /^the tree finished cannot be read \(/ };
  t.throws(() => [...kv.entries('finished', {})], lost);
  t.throws(() => [...kv.keys('finished', {})], lost);
  t.equal(kv.get('meta', Buffer.from('mark'))?.toString(), 'it');
  await kv.close();
});

t.test('a key that is longer than any is damage; a transaction that is over need not be', async (t) => {
  // As lmdb-js says it. To read such a key may overwrite memory, so there is none here.
  t.ok(isDamage(new Error('Invalid key size 6e22')));
  t.notOk(isDamage(new Error('MDB_BAD_TXN: Transaction must abort, has a child, or is invalid')));
  t.notOk(isDamage(new Error('MDB_MAP_FULL: Environment mapsize limit reached')));
});
