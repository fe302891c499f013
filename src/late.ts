/**
 * A part that others call and that is made after them. A call before it is there is a fault of the wiring and throws; calls after
 * `drop` are ignored, since the process ends then.
 */
export class Late<Part> {
  readonly #name: string;
  #part: Part | undefined;
  #dropped = false;

  /** @param name of the part, for the error */
  constructor(name: string) {
    this.#name = name;
  }

  set(part: Part): void {
    this.#part = part;
  }

  drop(): void {
    this.#dropped = true;
  }

  /** The part itself, for what needs an answer. Throws when it is not there, or was dropped. */
  get(): Part {
    if (this.#part === undefined || this.#dropped) throw new Error(`the ${this.#name} is not there`);
    return this.#part;
  }

  call(use: (part: Part) => void): void {
    if (this.#dropped) return;
    if (this.#part === undefined) throw new Error(`the ${this.#name} was called before it was made`);
    use(this.#part);
  }
}
