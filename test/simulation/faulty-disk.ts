/** The disk below the simulated server: it fills, refuses single writes, and the process ends between any two of them. */
import { DiskFull, type World } from '../support/world.js';
import { Crash } from './attendant.js';

/** See the head of this file. */
export class FaultyDisk {
  #full = false;
  /** The next write finds no room, and those after it do: a commit may need more of it than the slices of a merge. */
  #refusesOne = false;
  /** Writes until the process ends; Infinity: it does not. */
  #writesLeft = Number.POSITIVE_INFINITY;

  /** All that a world writes comes here first. */
  attend({ kv }: World): void {
    kv.beforeWrite = () => {
      if (this.#full || this.#refusesOne) {
        this.#refusesOne = false;
        throw new DiskFull();
      }
      if (--this.#writesLeft < 0) throw new Crash('crashed in a write');
    };
  }

  /** Faults end; that of a world, which is to be left, too. */
  mend({ kv, store }: World): void {
    this.#writesLeft = Number.POSITIVE_INFINITY;
    this.#full = false;
    this.#refusesOne = false;
    kv.beforeWrite = () => {};
    store.afterCommit = () => {};
  }

  fill(): void {
    this.#full = true;
  }

  empty(): void {
    this.#full = false;
  }

  refuseOne(): void {
    this.#refusesOne = true;
  }

  /** The process ends in a write, after so many others. */
  crashAfter(writes: number): void {
    this.#writesLeft = writes;
  }

  /** The process ends when the next commit is on disk and nobody has heard of it. */
  crashAfterCommit({ store }: World): void {
    store.afterCommit = () => {
      throw new Crash('crashed after a commit');
    };
  }
}
