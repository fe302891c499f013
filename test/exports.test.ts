/**
 * No dead exports, and nothing in src/ that only tests use: each value that a file of src/ exports is imported by another file, and the
 * program itself uses it, there or in its own file. Reads the text of the files.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const root = resolve(fileURLToPath(import.meta.url), '../../..');
/** What is built and shipped; the others use it. */
const PRODUCT = ['src', 'dashboard/src', 'workers'];
const OTHERS = ['test', 'bench'];
/** What programs of users import, and what is run. */
const ENTRIES = /^src\/(?:client\/|pool\/worker\/handler\.ts|cli\.ts)/;

type Sources = ReadonlyMap<string, string>;

function readAll(folders: readonly string[]): Sources {
  const files = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => /\.tsx?$/.test(file))
      .map((file) => posix.join(folder, file.split(sep).join('/'))),
  );
  return new Map(files.map((file) => [file, readFileSync(join(root, file), 'utf8')]));
}

/** The names that each file imports from others, as `file name`; a whole file (`import * as`, `import()`, by its URL) as `file *`. */
function importsOf(sources: Sources): Set<string> {
  const found = new Set<string>();
  const pattern =
    /\b(?:import|export)\s+(?:type\s+)?([^'"`;]*?)\bfrom\s*['"](\.[^'"]+)['"]|\b(?:import|new URL)\(\s*['"](\.[^'"]+)['"]/g;
  for (const [file, text] of sources)
    for (const [, clause = '*', path = '', loaded = ''] of text.matchAll(pattern)) {
      const target = posix.join(posix.dirname(file), path || loaded).replace(/\.js$/, '.ts');
      const names = /\{([^}]*)\}/.exec(clause)?.[1]?.split(',') ?? ['*'];
      for (const name of names)
        found.add(
          `${target} ${
            name
              .trim()
              .replace(/^type\s+/, '')
              .split(/\s+as\s+/)[0]
          }`,
        );
    }
  return found;
}

const exported = /^export (?:const|let|class|(?:async )?function\*?) (\w+)/gm;

/** Everything that is exported for nobody, or for tests only, one sentence each. */
function findUnused(product: Sources, others: Sources): string[] {
  const [byProduct, byOthers] = [importsOf(product), importsOf(others)];
  const isIn = (found: Set<string>, file: string, name: string): boolean =>
    found.has(`${file} ${name}`) || found.has(`${file} *`);
  return [...product].flatMap(([file, text]) => {
    if (!file.startsWith('src/') || ENTRIES.test(file)) return [];
    return [...text.matchAll(exported)].flatMap(([, name = '']) => {
      if (isIn(byProduct, file, name)) return [];
      if (!isIn(byOthers, file, name)) return [`${file} exports ${name}, and no other file imports it`];
      const code = text.replace(/^\s*(?:\/\*\*|\*|\/\/).*$/gm, '');
      const uses = code.match(new RegExp(`(?<![.\\w])${name}\\b`, 'g'))?.length ?? 0;
      return uses > 1 ? [] : [`${file} has ${name} for tests only`];
    });
  });
}

t.test('whatever is exported is used, and not by tests alone', async (t) => {
  const product = readAll(PRODUCT);
  t.ok(product.size > 100);
  t.same(findUnused(product, readAll(OTHERS)), []);
});

t.test('the check sees what it is for', async (t) => {
  const of = (product: Record<string, string>, others: Record<string, string> = {}): string[] =>
    findUnused(new Map(Object.entries(product)), new Map(Object.entries(others)));
  const one = { 'src/a/b.ts': 'export const c = 1;' };
  t.match(of(one), [/no other file imports it/]);
  t.match(of(one, { 'test/a.ts': "import { c } from '../src/a/b.js';" }), [/for tests only/]);
  t.match(
    of({ 'src/a/b.ts': '/** c */\nexport function c() {}' }, { 'test/a.ts': "import { c } from '../src/a/b.js';" }),
    [/for tests only/],
  );
  t.same(of({ 'src/a/b.ts': 'export const c = 1;\nf(c);' }, { 'test/a.ts': "import { c } from '../src/a/b.js';" }), []);
  t.same(of({ ...one, 'src/a/d.ts': "import {\n  type X,\n  c as e,\n} from './b.js';\ne();" }), []);
  t.same(of({ ...one, 'src/d.ts': "new Worker(new URL('./a/b.js', import.meta.url))" }), []);
  t.same(of({ ...one, 'src/d.ts': "const { c } = await import('./a/b.js');" }), []);
});
