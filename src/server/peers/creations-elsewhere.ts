/**
 * Requests for new jobs that other nodes are to decide. One with a key that a shard of another node has is passed on to that node, which
 * decides as a single node would; what comes to a node that has no shard just now goes to any that has some. While nobody owns the
 * shard, the key moves, or no node takes it, it waits for two seconds.
 */
import type { Peer } from '../../cluster/peers.js';
import type { Refusal } from '../../domain/errors.js';
import type { Answer } from '../../scheduler/messages.js';
import { HeldElsewhere, NoShardHere } from '../../scheduler/requests/other-shards.js';
import type { Exchange } from '../http/exchange.js';
import { ask, type Forwarding, keep, notOwned, passBack, patienceMs, pauseMs, requestOf } from './forwarded-route.js';

/** A request for one job, as it is decided here. */
export interface Creation {
  readonly exchange: Exchange;
  readonly body: Buffer;
  /** Has it decided here. */
  readonly decide: (answered: (answer: Answer) => void) => void;
  /** Answers with what was decided here. */
  readonly reply: (answer: Answer) => void;
}

/** See the head of this file. */
export interface CreationsElsewhere {
  /** Decides a request for one job here, or passes it on. */
  readonly create: (creation: Creation) => void;
  /** Passes a batch on to a node that has a shard: here is none. */
  readonly createBatch: (exchange: Exchange, body: Buffer) => void;
}

/** @param base path of the API */
export function creationsElsewhere(forwarding: Forwarding, base: string): CreationsElsewhere {
  return {
    create({ exchange, body, decide, reply }) {
      const passed = new Passed(exchange, keep(exchange, body), `${base}/jobs`, forwarding);
      const settle = async (): Promise<void> => {
        while (!exchange.over) {
          const answer = await new Promise<Answer>(decide);
          if (answer.ok || !isElsewhere(answer.refusal)) return reply(answer);
          if (exchange.fromPeer) throw notOwned();
          const { refusal } = answer;
          if (await (refusal instanceof HeldElsewhere ? passed.to(refusal.shard) : passed.toAny())) return;
          if (!passed.isPatient) return exchange.refuse(refusal);
          await passed.wait();
        }
      };
      void settle().catch((error) => exchange.fail(error));
    },
    createBatch(exchange, body) {
      if (exchange.fromPeer) throw notOwned();
      const passed = new Passed(exchange, keep(exchange, body), `${base}/jobs/batch`, forwarding);
      const pass = async (): Promise<void> => {
        while (!exchange.over && !(await passed.toAny())) {
          if (!passed.isPatient) return exchange.refuse(new NoShardHere());
          await passed.wait();
        }
      };
      void pass().catch((error) => exchange.fail(error));
    },
  };
}

const isElsewhere = (refusal: Refusal): refusal is HeldElsewhere | NoShardHere =>
  refusal instanceof HeldElsewhere || refusal instanceof NoShardHere;

class Passed {
  readonly #exchange: Exchange;
  readonly #body: Buffer;
  readonly #path: string;
  readonly #forwarding: Forwarding;
  readonly #end: number;
  readonly #gone = new AbortController();
  #hasRested = false;

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
    const owner = this.#forwarding.peers.ownerOfShard(shard);
    return typeof owner === 'object' && (await this.#pass(owner));
  }

  /** Returns whether a node that has a shard has answered; who has more is asked more often. @throws Refusal as `to` */
  async toAny(): Promise<boolean> {
    const { peers } = this.#forwarding;
    const first = Math.floor(Math.random() * peers.shards);
    const owners = new Map<string, Peer>();
    for (let i = 0; i < peers.shards; i++) {
      const owner = peers.ownerOfShard((first + i) % peers.shards);
      if (typeof owner === 'object') owners.set(owner.node, owner);
    }
    for (const owner of owners.values()) if (await this.#pass(owner)) return true;
    return false;
  }

  async #pass(owner: Peer): Promise<boolean> {
    const exchange = this.#exchange;
    // The owner sees to how long it waits.
    if (exchange.prefer !== undefined && !this.#hasRested) {
      this.#hasRested = true;
      exchange.rest(() => this.#gone.abort());
    }
    const request = requestOf(exchange, this.#body, this.#gone.signal, this.#path);
    const answer = await ask(this.#forwarding.peers, owner, request);
    if (answer === undefined) return false;
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
