/**
 * A shard of another node that is loaded here and whose log is followed, so that little is left to be read when it is given to this one. Where
 * its owner has written pages since, it is loaded anew.
 */
import type { Database, ShardRow } from '../../store/postgres/database.js';
import { type LoadedIndex, NotOwned, Outdated, ShardLoading } from '../../store/postgres/load.js';
import type { LocalIndex } from '../../store/trees/local-index.js';

export interface FollowingPorts<Index> {
  readonly database: Pick<Database, 'load' | 'recordsAfter'>;
  /** A new index of the shard; one that was made before is closed. */
  readonly makeIndex: () => Index;
  readonly pause: (ms: number) => Promise<void>;
}

const everyMs = 100;
/** Looks at the log until it is looked whether pages were written. */
const looksPerCheck = 3;
/** A shard that is loaded anew so often is merged without a pause. */
const mostLoads = 5;

/** See the head of this file. */
export class Following<Index extends LocalIndex> {
  readonly #ports: FollowingPorts<Index>;
  readonly #shard: number;
  #index: Index | undefined;
  #loading: ShardLoading | undefined;
  #loads = 0;
  #isOver = false;
  /** Ends the pause between two looks. */
  #wake: () => void = () => {};
  /** Settled when nothing of it is under way. */
  #work: Promise<void> = Promise.resolve();

  private constructor(ports: FollowingPorts<Index>, shard: number) {
    this.#ports = ports;
    this.#shard = shard;
  }

  /** `ready` resolves when it is close behind, and rejects when it cannot be loaded. */
  static begin<Index extends LocalIndex>(
    ports: FollowingPorts<Index>,
    shard: number,
  ): { readonly following: Following<Index>; readonly ready: Promise<void> } {
    const following = new Following(ports, shard);
    const ready = following.#load();
    following.#work = ready.then(() => following.#follow()).catch(() => {});
    return { following, ready };
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
  async finish(row: ShardRow): Promise<{ readonly index: Index; readonly loaded: LoadedIndex }> {
    await this.#stop();
    if (this.#loading !== undefined && this.#index !== undefined) {
      try {
        return { index: this.#index, loaded: await this.#loading.finish(row) };
      } catch (error) {
        // The database may have forgotten a part of what is here.
        if (error instanceof NotOwned) throw error;
      }
    }
    await this.#load();
    return { index: this.#index as Index, loaded: await (this.#loading as unknown as ShardLoading).finish(row) };
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
    for (let looks = 1; !this.#isOver; looks++) {
      await this.#pause();
      if (this.#isOver) return;
      try {
        await this.#loading?.follow();
        if (looks % looksPerCheck === 0) await this.#loading?.checkPages();
      } catch (error) {
        if (!(error instanceof Outdated)) throw error;
        // The rest is for the moment when it is given.
        if (this.#loads >= mostLoads) return;
        await this.#load();
      }
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
