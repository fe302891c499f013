/** Names that are in use in a shard, as another one, or whoever divides requests, asks for them. Written or not: as they were decided. */
import type { Job } from '../../domain/job.js';
import type { RequestContext } from './context.js';
import { ownerOf } from './keyed.js';

/** See the head of this file. As of one instant. */
export class KeysInUse {
  readonly #context: RequestContext;

  constructor(context: RequestContext) {
    this.#context = context;
  }

  /** The job that has a key now, by its `placeOfJobKey`. */
  ownerOf(place: string): Job | undefined {
    return ownerOf(place, this.#context);
  }

  /** Whether a job here has a key, or had it last. */
  knows(place: string): boolean {
    return this.#context.ledger.keyHolder(place) !== undefined;
  }

  /** Whether a job that is still there was made by a request with this idempotency key. */
  hasRequest(idempotencyKey: string): boolean {
    const { ledger, now } = this.#context;
    const used = ledger.keyUse(idempotencyKey, now);
    return used !== undefined && ledger.lookup(used.seq) !== undefined;
  }
}
