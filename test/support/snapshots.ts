/**
 * Keeps snapshots in `.tap-snapshots/`, one file per test file, named after the sources. A test that calls
 * `t.matchSnapshot` imports this module for its effect; `npm test -- --snapshot` writes the files.
 *
 * tap has no option for the folder and derives both the file and the names in it from the script that runs, which is
 * compiled code in `dist/`. It reads them from `process.argv`, so this points there at the source instead.
 */
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const compiled = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
const root = resolve(compiled, '..');
const source = relative(compiled, process.argv[1] ?? '').replace(/\.js$/, '');

process.argv[1] = join(root, `${source}.ts`);
t.snapshotFile = join(root, '.tap-snapshots', `${source}.cjs`);
