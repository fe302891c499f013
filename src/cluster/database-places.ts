/** Places of types with limits, as the database keeps them for all nodes. */
import type { PlaceAnswer, PlaceAsk, PlaceKeeper } from '../domain/control/limited-places.js';
import type { Database, RandomId } from '../store/postgres/database.js';

/** See the head of this file. */
export class DatabasePlaces implements PlaceKeeper {
  readonly #database: Pick<Database, 'askPlaces'>;
  readonly #node: () => RandomId | undefined;
  /** Over all ids of this process: what was sent under one is nothing to another. */
  #asked = 0;

  /** @param node what this node is to the others; undefined while it is nothing */
  constructor(database: Pick<Database, 'askPlaces'>, node: () => RandomId | undefined) {
    this.#database = database;
    this.#node = node;
  }

  async ask(asks: readonly PlaceAsk[]): Promise<readonly PlaceAnswer[]> {
    const node = this.#node();
    if (node === undefined) throw new Error('this node has not joined the others');
    const answers = await this.#database.askPlaces(node, ++this.#asked, asks);
    if (answers === undefined) throw new Error(`node ${node} is dead to the others`);
    return answers;
  }
}
