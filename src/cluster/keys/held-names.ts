/** Asks the database who holds names: what is asked for while it answers goes into one statement after that. */
import { Refusal } from '../../domain/errors.js';
import type { HeldName } from '../../store/port.js';
import type { Database } from '../../store/postgres/database.js';
import type { Name } from './names.js';

interface Asked {
  readonly names: readonly Name[];
  readonly answer: (held: readonly HeldName[] | Refusal) => void;
}

/** Names of one statement, unless one request has more. */
const mostNames = 10_000;
const textOf = ({ kind, name }: Name): string => `${kind} ${name}`;
const unknown = new Refusal(
  'storage_unavailable',
  'The database does not say who has the key of the request. Try again in a moment.',
);

/** See the head of this file. */
export class HeldNames {
  readonly #database: Pick<Database, 'holders'>;
  #waiting: Asked[] = [];
  #isAsking = false;

  constructor(database: Pick<Database, 'holders'>) {
    this.#database = database;
  }

  /** Those of the names that somebody holds, at some instant after this call. Never rejects. */
  holders(names: readonly Name[]): Promise<readonly HeldName[] | Refusal> {
    return new Promise((answer) => {
      this.#waiting.push({ names, answer });
      // All of one turn go together.
      if (!this.#isAsking) {
        this.#isAsking = true;
        queueMicrotask(() => void this.#askAll());
      }
    });
  }

  async #askAll(): Promise<void> {
    while (this.#waiting.length > 0) await this.#ask(this.#take());
    this.#isAsking = false;
  }

  #take(): Asked[] {
    let names = 0;
    let count = 0;
    for (const asked of this.#waiting) {
      if (count > 0 && names + asked.names.length > mostNames) break;
      names += asked.names.length;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  async #ask(together: readonly Asked[]): Promise<void> {
    const names = new Map(together.flatMap((asked) => asked.names.map((name) => [textOf(name), name] as const)));
    try {
      const held = new Map(
        (await this.#database.holders([...names.values()])).map((each) => [textOf(each), each] as const),
      );
      for (const asked of together)
        asked.answer(asked.names.map((name) => held.get(textOf(name))).filter((each) => each !== undefined));
    } catch {
      for (const { answer } of together) answer(unknown);
    }
  }
}
