/**
 * Requests for one job with a key that a shard of another node has: they are passed on to that node, which decides as a single node
 * would. While nobody owns that shard, or the key moves, they wait for two seconds.
 */
import type { Answer } from '../../scheduler/messages.js';
import { HeldElsewhere } from '../../scheduler/requests/other-shards.js';
import type { Exchange } from '../http/exchange.js';
import { ask, type Forwarding, keep, notOwned, passBack, patienceMs, pauseMs, requestOf } from './forwarded-route.js';

/** What is asked for, as it is decided here. */
export interface KeyedCreation {
  readonly exchange: Exchange;
  readonly body: Buffer;
  /** Has it decided here. */
  readonly decide: (answered: (answer: Answer) => void) => void;
  /** Answers with what was decided here. */
  readonly reply: (answer: Answer) => void;
}

/** Decides a request here, or passes it on. */
export type KeyedCreations = (creation: KeyedCreation) => void;

/** @param path of the request, the same for all */
export function keyedCreations(forwarding: Forwarding, path: string): KeyedCreations {
  return ({ exchange, body, decide, reply }) => {
    const kept = keep(exchange, body);
    const passed = new Passed(exchange, kept, path, forwarding);
    const settle = async (): Promise<void> => {
      while (!exchange.over) {
        const answer = await new Promise<Answer>(decide);
        if (answer.ok || !(answer.refusal instanceof HeldElsewhere)) return reply(answer);
        if (exchange.fromPeer) throw notOwned();
        if (await passed.to(answer.refusal.shard)) return;
        if (!passed.isPatient) return exchange.refuse(answer.refusal);
        await passed.wait();
      }
    };
    void settle().catch((error) => exchange.fail(error));
  };
}

class Passed {
  readonly #exchange: Exchange;
  readonly #body: Buffer;
  readonly #path: string;
  readonly #forwarding: Forwarding;
  readonly #end: number;
  readonly #gone = new AbortController();

  constructor(exchange: Exchange, body: Buffer, path: string, forwarding: Forwarding) {
    this.#exchange = exchange;
    this.#body = body;
    this.#path = path;
    this.#forwarding = forwarding;
    this.#end = forwarding.now() + patienceMs;
  }

  get isPatient(): boolean {
    return this.#forwarding.now() < this.#end;
  }

  /** Returns whether the owner of the shard has answered. @throws Refusal where it may have done it, and did not say */
  async to(shard: number): Promise<boolean> {
    const { peers } = this.#forwarding;
    const owner = peers.ownerOfShard(shard);
    if (typeof owner !== 'object') return false;
    const exchange = this.#exchange;
    // The owner sees to how long it waits.
    if (exchange.prefer !== undefined) exchange.rest(() => this.#gone.abort());
    const request = requestOf(exchange, this.#body, this.#gone.signal, this.#path);
    const answer = await ask(peers, owner, request);
    if (answer === undefined) {
      if (exchange.prefer !== undefined && !exchange.over) exchange.renew();
      return false;
    }
    if (!exchange.over) passBack(exchange, answer);
    return true;
  }

  async wait(): Promise<void> {
    const { peers, sleep } = this.#forwarding;
    await sleep(pauseMs);
    // Without the database it stays what was known.
    await peers.renew().catch(() => {});
  }
}
