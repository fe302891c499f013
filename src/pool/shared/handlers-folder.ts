/** What can be learnt from the names of files in the handlers folder, without loading any. */
import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A module that Node can load; its first group is the job type. */
export const moduleFile = /^(.+)\.(?:js|mjs|cjs)$/;
/** TypeScript, which has to be compiled first; declarations too. */
export const sourceFile = /^(.+)\.[mc]?ts$/;

/** The job type whose handler a loaded module in the folder is; undefined for a module from elsewhere. */
export function typeOfModule(folder: string, url: string): string | undefined {
  const path = fileURLToPath(url);
  try {
    if (dirname(path) !== realpathSync(folder)) return undefined;
  } catch {
    // The folder is gone: it cannot be known any more.
    return undefined;
  }
  return moduleFile.exec(basename(path))?.[1];
}

/** TypeScript in the folder that its author may take for handlers: it is not loaded as it is. */
export async function uncompiled(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder).catch(() => []);
  const compiled = new Set(entries.map((file) => moduleFile.exec(file)?.[1]));
  return entries.filter((file) => {
    const name = sourceFile.exec(file)?.[1];
    return name !== undefined && !/^[_.]|\.(?:d|test)$/.test(name) && !compiled.has(name);
  });
}
