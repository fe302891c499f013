/** How far a subscriber has heard, of one shard or of several: what it resumes with. */
import type { Message } from './lines.js';

interface Part {
  readonly epoch: number;
  readonly seq: number;
}

export class Place {
  /** By shard; absent for a server of one, which counts with a plain number. */
  readonly #parts: Part[] | undefined;
  #seq: number;

  /** @param subscribed the answer to a subscription */
  constructor({ seq = 0, cursor }: Message) {
    this.#seq = seq;
    this.#parts = cursor?.split('.').map((part) => {
      const [epoch, number] = part.split('-').map(Number);
      return { epoch: epoch as number, seq: number as number };
    });
  }

  /** An event was heard. */
  take({ shard = 0, seq = 0, epoch }: Message): void {
    if (this.#parts === undefined) this.#seq = seq;
    else this.#parts[shard] = { epoch: epoch ?? this.#parts[shard]?.epoch ?? 0, seq };
  }

  /** For `since`. */
  get since(): number | string {
    return this.#parts?.map(({ epoch, seq }) => `${epoch}-${seq}`).join('.') ?? this.#seq;
  }

  /** It has heard of all that the other has. */
  hasReached(other: Place): boolean {
    if (other.#parts === undefined || this.#parts === undefined) return this.#seq >= other.#seq;
    return other.#parts.every(({ seq }, shard) => (this.#parts?.[shard]?.seq ?? -1) >= seq);
  }
}
