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
import type { Clock } from '../../clock.js';
import type { Outcome } from '../../pool/port.js';
import type { Commits, RemoteAttempt } from '../../store/port.js';
import type { Ledger } from '../ledger.js';
import type { Attempts } from './attempts.js';

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

interface HandingOverPorts {
  readonly clock: Clock;
  readonly store: Pick<Commits, 'position'>;
  readonly whereabouts?: Whereabouts | undefined;
}

interface HandingOverParts {
  readonly ledger: Ledger;
  readonly attempts: Pick<Attempts, 'settled' | 'takeUndecided'>;
}

/** See the head of this file. */
export class HandingOver {
  readonly #ports: HandingOverPorts;
  readonly #parts: HandingOverParts;
  readonly #turn: () => void;
  #state: State = 'stays';
  #to = '';
  /** The commit behind which nothing more starts. */
  #behind = 0;
  #held: Outcome[] = [];
  #done: (how: HandedOver) => void = () => {};

  constructor(ports: HandingOverPorts, parts: HandingOverParts, turn: () => void) {
    this.#ports = ports;
    this.#parts = parts;
    this.#turn = turn;
  }

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

  /**
   * Gives the shard to another node. Once it is `given`, the scheduler is to be abandoned.
   *
   * @param to the id of that node
   */
  begin(to: string): Promise<HandedOver> {
    const { store } = this.#ports;
    const { ledger } = this.#parts;
    if (this.#state !== 'stays') return Promise.resolve({ end: 'kept' });
    this.#state = 'stopping';
    this.#to = to;
    this.#behind = store.position + (ledger.writing ? 1 : 0) + (ledger.filling.isEmpty ? 0 : 1);
    const handedOver = new Promise<HandedOver>((resolve) => {
      this.#done = resolve;
    });
    this.#turn();
    return handedOver;
  }

  /**
   * Writes the last record of this owner, if it is time for it. From then on there is no other. Returns whether that is so.
   *
   * @param isAllDecided no request waits
   */
  commitLast(isAllDecided: boolean): boolean {
    if (this.holds) return true;
    const { ledger } = this.#parts;
    const { store, clock, whereabouts } = this.#ports;
    if (!isAllDecided || ledger.writing || store.position < this.#behind) return false;
    const attempts = [...ledger.active.values()].map(({ spec: { seq }, state: { fence } }) => {
      const { node = '', epoch = 0 } = whereabouts?.of(seq, fence) ?? {};
      return { seq, fence, node, epoch };
    });
    this.#state = 'writing';
    ledger.commit(clock.now(), true, { to: this.#to, attempts });
    return true;
  }

  /** Calls back once all that has been decided is on disk; with false where ends of attempts wait to be decided. */
  whenWritten(done: (isWritten: boolean) => void): void {
    const { ledger, attempts } = this.#parts;
    if (!attempts.settled) return done(false);
    ledger.answerAfterAll((answer) => done(answer.ok), { ok: true, jobs: [], replayed: false });
  }

  /** Keeps ends of attempts that are reported while it `holds`. */
  hold(outcomes: readonly Outcome[]): void {
    this.#held.push(...outcomes);
  }

  /** A commit is on record. Returns whether it was the last. */
  written(): boolean {
    if (this.#state !== 'writing') return false;
    this.#state = 'given';
    this.#done({ end: 'given', outcomes: [...this.#parts.attempts.takeUndecided(), ...this.#held.splice(0)] });
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
