/**
 * Deliberate faults of the server, which the simulation must find. Each changes a few words of a source file; the words to
 * replace must be there exactly once (test/scripts/mutations.test.ts), so that the list keeps up with the code.
 *
 * A fault: `name`, as the table in docs/testing.md has it, `changes`, each `{ file, find, replace }`, and perhaps the `test` that finds it.
 */

import { control } from './mutations/control.mjs';
import { jobs } from './mutations/jobs.mjs';
import { storage } from './mutations/storage.mjs';

export const mutations = [...jobs, ...storage, ...control];

/**
 * The source with one change made.
 *
 * @throws when the words to replace are not there exactly once
 */
export function mutate(source, { file, find, replace }) {
  const times = source.split(find).length - 1;
  if (times !== 1) throw new Error(`${file} has ${times} times, and not once: ${find}`);
  return source.replace(find, () => replace);
}
