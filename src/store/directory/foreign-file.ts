/** Whether a folder may become a data directory: not one in which somebody keeps something else. */
import { readdirSync } from 'node:fs';

/**
 * Something in a folder that has nothing to do with a store, of which there is none in it yet. What a new ext4 volume has
 * (`lost+found`) does not count, nor what begins with a dot: `.gitkeep`, `.DS_Store`, the `.snapshot` of a file server.
 *
 * @param own names that are ours
 * @returns its name; undefined when the folder may be used
 * @throws the system's error when the folder cannot be read
 */
export function foreignFile(path: string, own: readonly string[]): string | undefined {
  return readdirSync(path)
    .sort()
    .find((name) => name !== 'lost+found' && !name.startsWith('.') && !own.includes(name));
}
