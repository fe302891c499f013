/** The list of deliberate faults that `npm run mutate` puts in keeps up with the code. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';

interface Change {
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const { mutations, mutate } = (await import(pathToFileURL(join(root, 'scripts/mutations.mjs')).href)) as {
  mutations: readonly { readonly name: string; readonly changes: readonly Change[]; readonly test?: string }[];
  mutate(source: string, change: Change): string;
};

t.test('every fault can be put into the code as it is', async (t) => {
  t.ok(mutations.length >= 10);
  t.equal(new Set(mutations.map(({ name }) => name)).size, mutations.length, 'each has a name of its own');
  for (const { name, changes } of mutations) {
    const sources = new Map<string, string>();
    for (const change of changes) {
      const before = sources.get(change.file) ?? readFileSync(join(root, change.file), 'utf8');
      const after = mutate(before, change);
      t.not(after, before, name);
      sources.set(change.file, after);
    }
  }
});

t.test('the table of the page about tests has each of them, in their order', async (t) => {
  const page = readFileSync(join(root, 'docs/testing.md'), 'utf8');
  const [, table = ''] = /^\| fault \| found at seed .*\n.*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  const rows = table
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()));
  t.same(
    rows.map(([, name]) => name),
    mutations.map(({ name }) => name),
  );
  for (const [index, { name, test }] of mutations.entries()) {
    t.match(rows[index]?.[2], test === undefined ? /^\d+$/ : new RegExp(`^\`${test}\`$`), name);
    if (test !== undefined) t.ok(existsSync(join(root, 'test', `${test}.test.ts`)), test);
  }
});

t.test('a fault whose place is not found exactly once is told of', async (t) => {
  const change = { file: 'a.ts', find: 'one', replace: 'two $&' };
  t.equal(mutate('one', change), 'two $&');
  t.throws(() => mutate('none of it', { ...change, find: 'ones' }), /a\.ts has 0 times, and not once: ones/);
  t.throws(() => mutate('one and one', change), /a\.ts has 2 times/);
});
