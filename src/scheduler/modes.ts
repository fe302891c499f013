/**
 * What the scheduler does at present, as one named state, and what each state permits, as one table. Answers to requests and
 * health are read off it too, so that what is said and what is done cannot differ.
 *
 *   recovering ──► open ◄──► crowded        drain, from any of them ──► draining ◄──► draining_blocked
 *        └───────────┴──► blocked ◄── refused write, from any of them; a write that succeeds leads back
 *
 * Merging goes on in all of them. A shard that another node is given is `giving`, from `open` or `crowded` on, and then it is not here any
 * more, or it is open again.
 */
import { Refusal } from '../domain/errors.js';

/** What is answered to a request whose change could not be written. */
export const storageUnavailable = new Refusal(
  'storage_unavailable',
  'The change could not be stored and was not made. Try again later; GET /health says when storing works again.',
);

/** What is answered to a request of which nothing was written before its shard was dropped. */
export const movedAway = new Refusal(
  'storage_unavailable',
  'The job is with another server of the cluster by now. Try again in a moment.',
);

/** The same where it was being written. */
export const maybeMade = new Refusal(
  'timeout',
  'The job went to another server of the cluster while this was written. It may have been done: look before you send it again.',
);

/** What is answered while too much waits. */
export const overloaded = new Refusal('overloaded', 'More requests wait than the disk takes. Try again in a moment.');

/** Starts and ends of attempts that may wait for the disk; past it nothing more is started. */
export const maxFacts = 20_000;

/** The names of the states. */
export type ModeName =
  /** What the last process left running is being written as interrupted. */
  | 'recovering'
  | 'open'
  /** The disk is so far behind that jobs wait for it rather than run: what they do would only fill the memory. */
  | 'crowded'
  /** The disk refuses writes: it is full. */
  | 'blocked'
  /** The server stops: what runs goes on. */
  | 'draining'
  | 'draining_blocked'
  /** The shard is being given to another node: what runs goes on. */
  | 'giving'
  /** Of a node that owns no shard: there is nothing that could be in another state. */
  | 'without_shards';

/** A state and what it permits. */
export interface Mode {
  readonly name: ModeName;
  /** What requests are answered; undefined: they are taken. */
  readonly refusal: Refusal | undefined;
  /** Attempts start, and what leads to them is done: due times are taken up, jobs removed, a set-back clock is made good. */
  readonly starts: boolean;
  /** What has waited for longer than it may comes to its end. */
  readonly expires: boolean;
  /** The window of what is due next is filled up. */
  readonly refills: boolean;
  /** `at_once`: whenever the store is free; `now_and_then`: one try every `retryWriteMs`, also of nothing. */
  readonly writes: 'at_once' | 'now_and_then';
  /** What `/health` says of it, for users; undefined when all is well. */
  readonly health: { readonly status: 'degraded' | 'draining'; readonly reason: string } | undefined;
}

const shuttingDown = {
  refusal: new Refusal('draining', 'The server is shutting down. Send the request to its successor.'),
  starts: false,
  expires: false,
  refills: false,
  health: { status: 'draining', reason: 'the server is shutting down' },
} as const;
const working = { refusal: undefined, expires: true, refills: true, writes: 'at_once', health: undefined } as const;

/** What each state permits. */
export const modes: Readonly<Record<ModeName, Mode>> = {
  recovering: { ...working, name: 'recovering', starts: true },
  open: { ...working, name: 'open', starts: true },
  crowded: { ...working, name: 'crowded', starts: false },
  blocked: {
    name: 'blocked',
    refusal: new Refusal('storage_unavailable', 'The server cannot store changes at present. GET /health says why.'),
    starts: false,
    expires: false,
    refills: true,
    writes: 'now_and_then',
    health: {
      status: 'degraded',
      reason: 'the disk takes no writes: it is probably full. Nothing is accepted or started until it does',
    },
  },
  giving: { ...working, name: 'giving', refusal: movedAway, starts: false, expires: false, refills: false },
  draining: { ...shuttingDown, name: 'draining', writes: 'at_once' },
  draining_blocked: { ...shuttingDown, name: 'draining_blocked', writes: 'now_and_then' },
  without_shards: {
    ...working,
    name: 'without_shards',
    refusal: new Refusal(
      'storage_unavailable',
      'This server owns no part of the jobs at present. Try again in a moment.',
    ),
    // Where others have all shards, it serves as well as they do: other reasons are for `/health` of a node to say.
    starts: false,
  },
};

/** How long after a refused write the next is tried. */
const retryWriteMs = 250;

/** What of the state lies in other parts, as of each call. */
export interface Load {
  readonly isCrowded: () => boolean;
  readonly isRecovering: () => boolean;
  /** The shard is being given away; absent: it never is. */
  readonly isGiving?: () => boolean;
}

/** Keeps the state. Instants are monotonic milliseconds. */
export class Modes {
  readonly #load: Load;
  #isDraining = false;
  #isBlocked = false;
  #nextWriteAt = Number.NEGATIVE_INFINITY;

  constructor(load: Load) {
    this.#load = load;
  }

  /** The state as of now. */
  get current(): Mode {
    if (this.#isDraining) return this.#isBlocked ? modes.draining_blocked : modes.draining;
    if (this.#isBlocked) return modes.blocked;
    if (this.#load.isGiving?.()) return modes.giving;
    if (this.#load.isCrowded()) return modes.crowded;
    return this.#load.isRecovering() ? modes.recovering : modes.open;
  }

  /** While writes are tried now and then: when the next is. */
  get nextWriteAt(): number {
    return this.#nextWriteAt;
  }

  /** The server stops; there is no way back. */
  drain(): void {
    this.#isDraining = true;
  }

  /** The disk refused a write at `now`. Returns whether that is news. */
  writeRefused(now: number): boolean {
    const isNews = !this.#isBlocked;
    this.#isBlocked = true;
    this.#nextWriteAt = now + retryWriteMs;
    return isNews;
  }

  /** A write succeeded. Returns whether that is news. */
  written(): boolean {
    const isNews = this.#isBlocked;
    this.#isBlocked = false;
    return isNews;
  }
}
