/** Places of types with limits, as the database keeps them for all nodes. */
import type { PlaceAnswer, PlaceAsk, PlaceKeeper } from '../domain/control/limited-places.js';
import type { Database, RandomId } from '../store/postgres/database.js';

export interface DatabasePlacesPorts {
  readonly database: Pick<Database, 'askPlaces'>;
  /** What this node is to the others; undefined while it is nothing. */
  readonly self: () => RandomId | undefined;
  /** A place of a type is free for another node. */
  readonly isFree: (node: RandomId, type: string) => void;
}

/** See the head of this file. */
export class DatabasePlaces implements PlaceKeeper {
  readonly #ports: DatabasePlacesPorts;
  /** Over all ids of this process: what was sent under one is nothing to another. */
  #asked = 0;

  constructor(ports: DatabasePlacesPorts) {
    this.#ports = ports;
  }

  async ask(asks: readonly PlaceAsk[]): Promise<readonly PlaceAnswer[]> {
    const { database, self, isFree } = this.#ports;
    const node = self();
    if (node === undefined) throw new Error('this node has not joined the others');
    const answers = await database.askPlaces(node, ++this.#asked, asks);
    if (answers === undefined) throw new Error(`node ${node} is dead to the others`);
    for (const { type, next } of answers) for (const other of next) isFree(other, type);
    return answers;
  }
}
