/**
 * A shard of another node that is loaded here and whose log is followed, so that little is left to be read when it is given to this one. Where
 * its owner has written pages since, it is loaded anew, as often as may be.
 */
import type { Database, ShardRow } from '../../store/postgres/database.js';
import { type LoadedIndex, NotOwned, ShardLoading } from '../../store/postgres/load.js';
import type { LocalIndex } from '../../store/trees/local-index.js';
import type { LoadedPages } from '../leases/host.js';

export interface FollowingPorts<Index> {
  readonly database: Pick<Database, 'load' | 'recordsAfter'>;
  /** A new index of the shard; one that was made before is closed. */
  readonly makeIndex: () => Index;
  readonly pause: (ms: number) => Promise<void>;
}

/** A shard that is this node's now. */
export interface Finished<Index> {
  readonly index: Index;
  readonly loaded: LoadedIndex;
  /** Why all of it was loaded only now; undefined: it was loaded before. */
  readonly anewFor: string | undefined;
}

const everyMs = 100;
/** Looks at the log until it is looked whether pages were written. */
const looksPerCheck = 3;
/** A shard that is loaded anew so often has pages that change faster than they are loaded. */
const mostLoads = 3;

/** See the head of this file. */
export class Following<Index extends LocalIndex> {
  readonly #ports: FollowingPorts<Index>;
  readonly #shard: number;
  #index: Index | undefined;
  /** Undefined while the shard is loaded. */
  #loading: ShardLoading | undefined;
  #loads = 0;
  /** It was loaded in vain too often: the rest is for the moment when it is given. */
  #isTooSlow = false;
  #isOver = false;
  /** Ends the pause between two looks. */
  #wake: () => void = () => {};
  /** Settled when nothing of it is under way. */
  #work: Promise<void> = Promise.resolve();

  private constructor(ports: FollowingPorts<Index>, shard: number) {
    this.#ports = ports;
    this.#shard = shard;
  }

  /** `ready` resolves when it was loaded once, and rejects when it cannot be. */
  static begin<Index extends LocalIndex>(
    ports: FollowingPorts<Index>,
    shard: number,
  ): { readonly following: Following<Index>; readonly ready: Promise<void> } {
    const following = new Following(ports, shard);
    const ready = following.#load();
    following.#work = ready.then(() => following.#follow()).catch(() => {});
    return { following, ready };
  }

  /** As of `ShardHost`. */
  get loaded(): LoadedPages | undefined {
    if (this.#isTooSlow) return {};
    return this.#loading && { slice: this.#loading.lastSlice };
  }

  /** Gives up what was loaded. */
  async end(): Promise<void> {
    await this.#stop();
    await this.#discard();
  }

  /**
   * The shard is this node's: reads the rest and opens the index. It is loaded anew where that is of no use.
   *
   * @throws NotOwned; DamagedRecord; what the database says
   */
  async finish(row: ShardRow): Promise<Finished<Index>> {
    await this.#stop();
    let reason = 'it was loaded just then';
    if (this.#loading !== undefined && this.#index !== undefined) {
      try {
        return { index: this.#index, loaded: await this.#loading.finish(row), anewFor: undefined };
      } catch (error) {
        // The database may have forgotten a part of what is here.
        if (error instanceof NotOwned) throw error;
        reason = (error as Error).message;
      }
    }
    await this.#load();
    const loaded = await (this.#loading as unknown as ShardLoading).finish(row);
    return { index: this.#index as Index, loaded, anewFor: reason };
  }

  /** What waits for the shard waits for this: no pause is sat out. */
  async #stop(): Promise<void> {
    this.#isOver = true;
    this.#wake();
    await this.#work;
  }

  async #load(): Promise<void> {
    await this.#discard();
    this.#loads++;
    this.#index = this.#ports.makeIndex();
    this.#loading = await ShardLoading.begin(this.#ports.database, this.#shard, this.#index);
  }

  async #follow(): Promise<void> {
    // Pages that were written while it was loaded are noticed at once.
    for (let looks = 0; !this.#isOver; looks++) {
      try {
        if (this.#loading === undefined) {
          await this.#load();
          looks = 0;
        }
        await this.#loading?.follow();
        if (looks % looksPerCheck === 0) await this.#loading?.checkPages();
      } catch {
        // Pages were written, or it cannot be read just now.
        this.#isTooSlow = this.#loads >= mostLoads;
        if (this.#isTooSlow) return;
        this.#loading = undefined;
      }
      if (!this.#isOver) await this.#pause();
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      void this.#ports.pause(everyMs).then(resolve);
    });
  }

  async #discard(): Promise<void> {
    const index = this.#index;
    this.#index = undefined;
    this.#loading = undefined;
    await index?.close();
  }
}
