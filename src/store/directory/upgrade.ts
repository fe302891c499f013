/**
 * Bringing a directory that an older version wrote up to date, in place, before its store is opened. The marker comes last: as long as it
 * has the old number, the older version may use the directory as before, and the steps are done again.
 */
import { type DirectoryFacts, schemaVersion } from '../format/layout.js';
import { makeJournal } from '../log/journal-file.js';

/**
 * What leads to each version. A step may have been done before, in part or as a whole, and what it adds must mean nothing to the version
 * before it.
 */
const steps: readonly { readonly to: number; readonly run: (path: string) => void }[] = [{ to: 3, run: makeJournal }];

/** True when the directory is not up to date. */
export const isOutdated = ({ schema }: DirectoryFacts): boolean => schema < schemaVersion;

/** Does what is missing, and returns what the marker is to say then. @throws the system's error */
export function upgrade(path: string, facts: DirectoryFacts): DirectoryFacts {
  for (const { to, run } of steps) if (facts.schema < to) run(path);
  return { ...facts, schema: schemaVersion };
}
