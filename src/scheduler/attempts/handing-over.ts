/**
 * A shard that goes to another node, as its scheduler sees it; part of the scheduler.
 *
 *     stays ──begin──► stopping ──► writing ──written──► given       nothing is decided here any more
 *       ▲                 │            │
 *       └─────refused─────┴────────────┘
 *
 * - From `begin` on nothing starts and no request is taken. What has been asked for, and each start that had to be on record first, goes
 *   out with the commits before the last.
 * - The last record names the attempts that still run. Ends that are reported while it is written are for the new owner to decide, and so are
 *   those that were waiting for room in a batch.
 */
import type { Outcome } from '../../pool/port.js';
import type { Giving, RemoteAttempt } from '../../store/port.js';

/** Where attempts of jobs of this shard run, where that may be on other nodes. */
export interface Whereabouts {
  /** Of an attempt that has a place. */
  of(seq: number, fence: number): Pick<RemoteAttempt, 'node' | 'epoch'>;
  /**
   * Takes up an attempt that the owner before has named. From then on its end is reported as that of any other, once.
   *
   * @returns whether it runs; `left`: its node has ended in order since
   */
  resume(attempt: RemoteAttempt): 'runs' | 'left' | 'dead';
}

/** How it ended. `given`: with the ends of attempts that are for the new owner to decide. `kept`: all goes on as before. */
export type HandedOver = { readonly end: 'given'; readonly outcomes: readonly Outcome[] } | { readonly end: 'kept' };

type State = 'stays' | 'stopping' | 'writing' | 'given';

/** See the head of this file. */
export class HandingOver {
  #state: State = 'stays';
  #to = '';
  /** The commit behind which nothing more starts. */
  #behind = 0;
  #held: Outcome[] = [];
  #done: (how: HandedOver) => void = () => {};

  /** Nothing starts, and no request is taken. */
  get isOn(): boolean {
    return this.#state !== 'stays';
  }

  /** The last record is being written, or is: nothing is decided here. */
  get holds(): boolean {
    return this.#state === 'writing' || this.#state === 'given';
  }

  /** It is another node's. */
  get isGiven(): boolean {
    return this.#state === 'given';
  }

  /** @param behind the position of the last commit that may have starts which go out when it is written */
  begin(to: string, behind: number): Promise<HandedOver> {
    if (this.#state !== 'stays') return Promise.resolve({ end: 'kept' });
    this.#state = 'stopping';
    this.#to = to;
    this.#behind = behind;
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  /** @param position of the last commit that is on record; nothing is being written */
  isReadyAt(position: number): boolean {
    return this.#state === 'stopping' && position >= this.#behind;
  }

  /** The last record is about to be written. */
  giving(attempts: readonly RemoteAttempt[]): Giving {
    this.#state = 'writing';
    return { to: this.#to, attempts };
  }

  /** Keeps ends of attempts that are reported while it `holds`. */
  hold(outcomes: readonly Outcome[]): void {
    this.#held.push(...outcomes);
  }

  /** A commit is on record. Returns whether it was the last. @param undecided ends that were reported before */
  written(undecided: () => readonly Outcome[]): boolean {
    if (this.#state !== 'writing') return false;
    this.#state = 'given';
    this.#done({ end: 'given', outcomes: [...undecided(), ...this.#held.splice(0)] });
    return true;
  }

  /** Nothing of what was to be written is there: the shard stays. Returns the ends that are to be decided here after all. */
  refused(): readonly Outcome[] {
    if (this.#state !== 'writing' && this.#state !== 'stopping') return [];
    this.#state = 'stays';
    this.#done({ end: 'kept' });
    return this.#held.splice(0);
  }
}
