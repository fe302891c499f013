/**
 * Connections to origins, kept open for a while. What may be connected to is decided when a socket looks its name up
 * (`lookup.ts`), so a connection that is kept has been looked at. Proxies that the environment names are not used: these agents
 * know of none.
 */
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { Lookups } from './lookup.js';

/** A connection that nothing uses is closed after this: before most servers do that. */
const idleMs = 4000;
/** Such connections to one origin. */
const idlePerOrigin = 64;

export class Connections {
  readonly #lookups: Lookups;
  readonly #agents = new Map<string, HttpAgent>();

  constructor(lookups = new Lookups()) {
    this.#lookups = lookups;
  }

  /**
   * @param open any address will do, since the origin was named
   * @param kept a connection that is there may be used
   */
  agent(protocol: string, open: boolean, kept: boolean): HttpAgent {
    const key = `${protocol} ${open} ${kept}`;
    let agent = this.#agents.get(key);
    if (agent === undefined) {
      const Agent = protocol === 'https:' ? HttpsAgent : HttpAgent;
      agent = new Agent({
        lookup: open ? this.#lookups.open : this.#lookups.guarded,
        keepAlive: kept,
        maxFreeSockets: idlePerOrigin,
        // Of one in use it tells the request, which takes no notice.
        timeout: idleMs,
      });
      this.#agents.set(key, agent);
    }
    return agent;
  }

  /** Closes those that nothing uses. */
  close(): void {
    for (const agent of this.#agents.values()) agent.destroy();
  }
}
