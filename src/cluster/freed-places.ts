/**
 * Notifies another node that places of types with limits are free for it. Without that it would learn so when it next asks, some tenths of a
 * second later. One request names several types, and a node gets one request at a time. A request that does not arrive costs that delay only.
 */
import { type Peers, peerPaths } from './peers.js';

export interface FreedPlacesPorts {
  readonly peers: () => Pick<Peers, 'ask'>;
  /** Something is free here: what waits is to be asked for. */
  readonly freed: (types: readonly string[]) => void;
  readonly pause: (ms: number) => Promise<void>;
}

/** Between two requests to a node, in milliseconds. */
const restMs = 5;
const answerWithinMs = 1000;

interface Message {
  readonly types: readonly string[];
}

/** See the head of this file. */
export class FreedPlaces {
  readonly #ports: FreedPlacesPorts;
  /** By node: types that it is to be told of. There is an entry as long as it is being told. */
  readonly #untold = new Map<string, Set<string>>();

  constructor(ports: FreedPlacesPorts) {
    this.#ports = ports;
  }

  /** A place of this type is free for another node. */
  tell(node: string, type: string): void {
    const untold = this.#untold.get(node);
    if (untold !== undefined) return void untold.add(type);
    this.#untold.set(node, new Set([type]));
    void this.#tellAll(node);
  }

  /** Another node tells this one. */
  heard(message: string): void {
    const { types } = JSON.parse(message) as Message;
    this.#ports.freed(types);
  }

  async #tellAll(node: string): Promise<void> {
    const { peers, pause } = this.#ports;
    // What is found in the same turn goes together.
    await Promise.resolve();
    for (let untold = this.#untold.get(node); untold && untold.size > 0; untold = this.#untold.get(node)) {
      this.#untold.set(node, new Set());
      const message: Message = { types: [...untold] };
      const asked = peers().ask(
        { node },
        {
          method: 'POST',
          path: peerPaths.freed,
          headers: { 'content-type': 'application/json' },
          body: Buffer.from(JSON.stringify(message)),
          withinMs: answerWithinMs,
        },
      );
      // It asks by itself before long.
      await asked.catch(() => {});
      await pause(restMs);
    }
    this.#untold.delete(node);
  }
}
