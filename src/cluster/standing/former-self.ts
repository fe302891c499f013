/**
 * Which node a process was before it started anew: whoever holds the lock of a data directory, on the same boot of the same machine, knows that
 * the node which held it before is gone, and need not wait until others have found that out.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RandomId } from '../../store/postgres/database.js';

const file = 'node.json';

interface Noted {
  /** Of the machine: another one after each start of it. */
  readonly boot: string;
  readonly node: RandomId;
}

export class FormerSelf {
  /** The node that was noted last in this directory; undefined: none was, on this boot. */
  readonly node: RandomId | undefined;
  readonly #path: string;
  readonly #boot: string | undefined;

  /** @param directory whose lock this process has */
  constructor(directory: string, boot = bootId()) {
    this.#path = join(directory, file);
    this.#boot = boot;
    const noted = read(this.#path);
    this.node = noted !== undefined && noted.boot === boot ? noted.node : undefined;
  }

  /**
   * This process is about to join as this node.
   *
   * @returns why that could not be noted; undefined: it was, or the system tells no boots
   */
  note(node: RandomId): string | undefined {
    if (this.#boot === undefined) return undefined;
    try {
      writeFileSync(`${this.#path}.new`, JSON.stringify({ boot: this.#boot, node } satisfies Noted));
      renameSync(`${this.#path}.new`, this.#path);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }
}

/** Undefined where the system does not tell. */
function bootId(): string | undefined {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return undefined;
  }
}

function read(path: string): Noted | undefined {
  try {
    const { boot, node } = JSON.parse(readFileSync(path, 'utf8')) as Partial<Noted>;
    return typeof boot === 'string' && typeof node === 'string' ? { boot, node } : undefined;
  } catch {
    return undefined;
  }
}
