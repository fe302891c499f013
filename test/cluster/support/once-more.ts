/** Clients that ask nodes in turn for all kinds of things, and for what fails once more, of the next node. What fails then, too, is noted. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Client } from '../../support/client.js';
import type { Recorder } from '../checker/recorder.js';
import type { ClusterNode } from './nodes.js';

const kinds = ['soon', 'changed', 'batch', 'keyed', 'waited for', 'looks'] as const;

const pauseMs = 20;
/** Jobs come due at all moments of a move. */
const mostDelayMs = 1500;

/** An answer of which only this matters; undefined: the connection broke. */
type Said = Pick<Answer<unknown>, 'status' | 'text'> | undefined;

export class OnceMore {
  /** What failed twice, a sentence each. */
  readonly failed: string[] = [];
  /** Requests that were answered the first time, and those that were sent again. */
  readonly counts = { first: 0, again: 0 };
  readonly #nodes: readonly ClusterNode[];
  readonly #recorder: Recorder;
  readonly #all: Promise<unknown>;
  #isOver = false;

  /** They begin at once. */
  constructor(nodes: readonly ClusterNode[], recorder: Recorder) {
    this.#nodes = nodes;
    this.#recorder = recorder;
    this.#all = Promise.all(kinds.map((kind, at) => this.#ask(kind, at)));
    // `end` awaits it; until then its failure must not end the process.
    this.#all.catch(() => {});
  }

  /** Resolves when all that they have made for soon is due, too. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#all;
    await sleep(mostDelayMs);
  }

  async #ask(kind: (typeof kinds)[number], at: number): Promise<void> {
    for (let next = at; !this.#isOver; next++) {
      await this.#one(kind, next);
      await sleep(pauseMs);
    }
  }

  async #one(kind: (typeof kinds)[number], next: number): Promise<void> {
    const recorder = this.#recorder;
    const soon = recorder.job({}, { delay: `${(next * 37) % mostDelayMs}ms` });
    const later = recorder.job({}, { delay: '1h' });
    switch (kind) {
      case 'soon':
        await this.#twice(next, 'POST /jobs', 201, (api) => recorder.create(api, soon, `soon-${next}`));
        return;
      case 'changed': {
        const made = await this.#twice(next, 'POST /jobs', 201, (api) => recorder.create(api, later, `far-${next}`));
        const id = made?.body.id;
        if (id === undefined) return;
        const retries = { max_retries: 7 };
        await this.#twice(next + 1, 'PUT /jobs/:id', 200, (api) => recorder.change(api, id, retries));
        await this.#twice(next + 2, 'GET /jobs/:id', 200, (api) => read(api, `/jobs/${id}`));
        await this.#twice(next, 'DELETE /jobs/:id', 200, (api) => recorder.cancel(api, id));
        return;
      }
      case 'batch':
        // Without a key what was asked for twice may be there twice, which is no fault.
        await this.#twice(next, 'POST /jobs/batch', 201, (api) => recorder.batch(api, [soon, later]));
        return;
      case 'keyed': {
        const keyed = { ...soon, key: `key-${next % 7}`, if_exists: 'return' };
        await this.#twice(next, 'POST /jobs with a key', [200, 201], (api) => recorder.create(api, keyed, `k-${next}`));
        return;
      }
      case 'waited for': {
        const made = await this.#twice(next, 'POST /jobs', 201, (api) => recorder.create(api, soon, `wait-${next}`));
        const path = `/jobs/${made?.body.id}`;
        if (made) await this.#twice(next, `GET ${path} with wait`, 200, (api) => read(api, path, { Prefer: 'wait=2' }));
        return;
      }
      case 'looks':
        for (const path of ['/jobs?limit=20', '/stats', '/job-types', '/cluster'])
          await this.#twice(next, `GET ${path}`, 200, (api) => read(api, path));
        return;
      default:
        return kind satisfies never;
    }
  }

  async #twice<Of extends Said>(
    at: number,
    what: string,
    wanted: number | readonly number[],
    ask: (api: Client) => Promise<Of>,
  ): Promise<Of | undefined> {
    const isWanted = (said: Said): boolean => said !== undefined && [wanted].flat().includes(said.status);
    const askOf = (at: number): Promise<Of> => ask(this.#nodes[at % this.#nodes.length]!.api);
    const first = await askOf(at);
    if (isWanted(first)) {
      this.counts.first++;
      return first;
    }
    this.counts.again++;
    const second = await askOf(at + 1);
    if (isWanted(second)) return second;
    this.failed.push(`${what}: ${told(first)}, and then ${told(second)}`);
    return undefined;
  }
}

function told(said: Said): string {
  return said === undefined ? 'no answer' : `${said.status} ${said.text}`;
}

/** @returns undefined where the connection broke before the answer */
async function read(api: Client, path: string, headers: Record<string, string> = {}): Promise<Said> {
  return api.get(path, headers).catch((error: NodeJS.ErrnoException) => {
    if (error.code === undefined) throw error;
    return undefined;
  });
}
