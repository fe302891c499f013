/** What can be learnt from the names of files in the handlers folder, without loading any. */
import { realpathSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A module that any Node can load; its first group is the job type. */
const compiledFile = /^(.+)\.(?:js|mjs|cjs)$/;
const sourceFile = /^(.+)\.[mc]?ts$/;
/** Modules that handlers share, what is hidden, declarations of types, and tests. */
const noHandler = /^[_.]|\.d\.[mc]?ts$|\.test\.(?:[mc]?js|[mc]?ts)$/;

/** Whether this Node runs TypeScript, by leaving out its types: from 22.18 and 24 on, unless it was told not to. */
export const stripsTypes = Boolean((process.features as { readonly typescript?: unknown }).typescript);

/**
 * The job type whose handler a file of the folder is by its name; undefined for a file that is none.
 *
 * @param runsTypeScript whether TypeScript counts
 */
export function jobTypeOf(file: string, runsTypeScript = stripsTypes): string | undefined {
  if (noHandler.test(file)) return undefined;
  return compiledFile.exec(file)?.[1] ?? (runsTypeScript ? sourceFile.exec(file)?.[1] : undefined);
}

/** TypeScript among these files that its author may take for handlers, beside which no compiled module stands. */
export function sourcesAmong(files: readonly string[]): readonly string[] {
  const compiled = new Set(files.map((file) => jobTypeOf(file, false)));
  return files.filter((file) => {
    const name = noHandler.test(file) ? undefined : sourceFile.exec(file)?.[1];
    return name !== undefined && !compiled.has(name);
  });
}

/** The job type whose handler a loaded module in the folder is; undefined for a module from elsewhere. */
export function typeOfModule(folder: string, url: string): string | undefined {
  const path = fileURLToPath(url);
  try {
    if (dirname(path) !== realpathSync(folder)) return undefined;
  } catch {
    // The folder is gone: it cannot be known any more.
    return undefined;
  }
  return jobTypeOf(basename(path));
}

/** TypeScript in the folder that this Node cannot run; none where it can. */
export async function uncompiled(folder: string): Promise<readonly string[]> {
  return stripsTypes ? [] : sourcesAmong(await readdir(folder).catch(() => []));
}

/** What to do about TypeScript where Node does not run it, as the end of a sentence. */
export const runTypeScript = `this Node (${process.version}) does not run TypeScript: start the server with Node 22.18 or later, or compile it and name the folder with the .js files`;
