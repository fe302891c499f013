/**
 * Removes from dist what the compiler made of sources that are gone: it leaves them there, and a handler among them would
 * still be loaded. The first step of `npm run build`.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** Every file below a folder, as paths from the root with forward slashes. */
export function filesBelow(folder) {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(ROOT, join(entry.parentPath ?? entry.path, entry.name))
        .split(sep)
        .join('/'),
    )
    .sort();
}

function removeStale() {
  const sources = new Set(['src', 'workers', 'test', 'bench'].flatMap(filesBelow));
  for (const file of filesBelow('dist')) {
    const source = file.replace(/^dist\//, '').replace(/\.(js|js\.map|d\.ts)$/, '.ts');
    if (source.endsWith('.ts') && !sources.has(source)) rmSync(join(ROOT, file), { force: true });
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) removeStale();
