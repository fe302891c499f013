/** Files that the documents show: a fenced block whose first line has the file's name behind the language. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { without } from './faults.js';

// Where Debian has the programs of a machine's administrator, which users' paths lack.
process.env.PATH += ':/usr/sbin:/sbin';

/** The repository. */
export const root = fileURLToPath(new URL('../../../', import.meta.url));

/** A document of `docs/`. */
export function document(name: string): string {
  return readFileSync(join(root, 'docs', name), 'utf8');
}

/** The file of this name in a document. @throws Error when it is not there, or there twice */
export function fileIn(name: string, file: string): string {
  const blocks = document(name)
    .split(/^```/m)
    .filter((_, index) => index % 2 === 1);
  const found = blocks.filter((block) => block.slice(0, block.indexOf('\n')).split(' ')[1] === file);
  if (found.length !== 1) throw new Error(`docs/${name} has ${file} ${found.length} times`);
  const [block = ''] = found;
  return block.slice(block.indexOf('\n') + 1);
}

/** A text with some of it replaced, each of which must be there. */
export function replaced(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((changed, [from, to]) => {
    if (!changed.includes(from)) throw new Error(`there is no ${from} to be replaced`);
    return changed.replaceAll(from, to);
  }, text);
}

/** Options of a test that needs a program: it is skipped with the reason where that is not installed, but not in CI. */
export function programs(needed: Readonly<Record<string, string>>): { skip?: string } {
  for (const [program, debianPackage] of Object.entries(needed)) {
    if (spawnSync('which', [program]).status !== 0)
      return without(`${program} is not installed (Debian: ${debianPackage})`);
  }
  return {};
}
