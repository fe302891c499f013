/**
 * Answers that are put together of all shards, in a cluster: each owner is asked for those of its own that it is thought to have, by the
 * path and query of the client with a header that names them, and answers with a part in place of the whole. A node that has not all
 * of them refuses (421), and whoever owns them is looked up anew. While a shard has no owner, or that does not answer, the request
 * waits for two seconds.
 *
 * Own shards are read only under their leases: a part of a shard that was lost on the way counts for nothing.
 */

import type { ShardPage } from '../../cluster/gathering/merged-list.js';
import type { SearchPart } from '../../cluster/gathering/merged-search.js';
import { type Peer, type PeerAnswer, PeerGone, type Peers, peerHeaders } from '../../cluster/peers.js';
import { Refusal } from '../../domain/errors.js';
import type { Job } from '../../domain/job.js';
import type { Requests } from '../../scheduler/messages.js';
import type { ListQuery, Queries, SearchQuery, Steps } from '../../store/queries-port.js';
import type { Turns } from '../bodies/turns.js';
import type { Exchange } from '../http/exchange.js';
import { jsonOk } from '../http/response-head.js';
import type { JobsOfTypes } from '../ports.js';
import type { KeyedCreations } from './keyed-creation.js';

/** Some of the shards of this node. */
export interface OwnShards extends Queries {
  pages(query: ListQuery, count: number): Steps<ShardPage<Job>[]>;
  searchPart(query: SearchQuery): Steps<SearchPart<Job>>;
}

/** Bulk actions in a cluster. */
export interface ClusterBulks {
  /** Those of some of the shards of this node. */
  of(shards: readonly number[]): Pick<Requests, 'request' | 'bulks'>;
  /** A number that no other has, and that is greater than those before. */
  next(): Promise<number>;
}

/** What is put together of all nodes of a cluster. */
export interface ClusterContext {
  readonly gathering: Gathering;
  readonly own: (shards: readonly number[]) => OwnShards;
  /** The jobs of some of the shards of this node. */
  readonly jobsOfTypes: (shards: readonly number[]) => JobsOfTypes;
  readonly bulks: ClusterBulks;
  /** Has a request decided whose key may be another node's. */
  readonly keyed: KeyedCreations;
}

export interface GatheringPorts {
  readonly peers: Peers;
  readonly turns: Turns;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What is asked of each owner. Its answer is `Part`, as JSON can hold it. */
export interface Question<Part> {
  /** Of the public API, with the query. */
  readonly path: string;
  /** Where it is no GET: asked twice of a shard it must do no more than once. */
  readonly sent?: { readonly method: 'POST' | 'DELETE'; readonly body?: Buffer } | undefined;
  /**
   * The part of own shards; of none where the node is asked for what it knows of itself. It may come later: undefined is none, and the
   * shards are asked for again.
   */
  readonly part: (shards: readonly number[]) => Steps<Part | Promise<Part | undefined>>;
  /**
   * Who is asked: all shards (by default), all shards and the nodes that have none, or nodes as such, whatever shards they have. Nodes
   * without shards are passed over if they do not answer.
   */
  readonly of?: 'shards' | 'shards and nodes' | 'nodes';
}

/** A part, and what it is of. */
export interface Gathered<Part> {
  /** Asked twice, a node has two parts. */
  readonly node: string;
  readonly shards: readonly number[];
  readonly part: Part;
}

const patienceMs = 2000;
const pauseMs = 50;
/** A node whose beat moves and that takes longer than this is cut off from here. */
const answerMs = 5000;
const lookMs = 250;

/** See the head of this file. */
export class Gathering {
  readonly #ports: GatheringPorts;

  constructor(ports: GatheringPorts) {
    this.#ports = ports;
  }

  /** Answers another node with the part that it asks for, and a client with what `answer` makes of all parts. */
  run<Part>(exchange: Exchange, question: Question<Part>, answer: (parts: readonly Gathered<Part>[]) => void): void {
    const { peerShards } = exchange;
    const done = peerShards === undefined ? this.#gather(exchange, question, answer) : this.#answer(exchange, question);
    void done.catch((error) => exchange.fail(error));
  }

  /**
   * The parts of all shards.
   *
   * @param isOver nobody waits for them any more
   * @throws Refusal `storage_unavailable` where one cannot be had
   */
  async all<Part>(question: Question<Part>, isOver: () => boolean = () => false): Promise<readonly Gathered<Part>[]> {
    const { peers, now, sleep } = this.#ports;
    const { of = 'shards' } = question;
    const missing = new Set(Array.from({ length: of === 'nodes' ? 0 : peers.shards }, (_, shard) => shard));
    const parts: Gathered<Part>[] = [];
    // A node that has no shards, or none any more, is asked in the first round only.
    for (const end = now() + patienceMs; ; ) {
      const asked = this.#byOwner(missing);
      if (of !== 'shards' && parts.length === 0) asked.push(...this.#others(asked));
      const had = await Promise.all(asked.map((one) => this.#partOf(one, question)));
      for (const each of had) {
        if (each === undefined) continue;
        parts.push(each);
        for (const shard of each.shards) missing.delete(shard);
      }
      if (missing.size === 0) return parts;
      const left = end - now();
      if (left <= 0 || isOver()) break;
      // What it finds is there in one of the next rounds, however slow the database is.
      peers.renew().catch(() => {});
      await sleep(Math.min(pauseMs, left));
    }
    const shards = missing.size === 1 ? 'One shard has' : `${missing.size} shards have`;
    throw new Refusal('storage_unavailable', `${shards} no owner that answers just now. Try again in a moment.`);
  }

  async #gather<Part>(
    exchange: Exchange,
    question: Question<Part>,
    answer: (parts: readonly Gathered<Part>[]) => void,
  ): Promise<void> {
    const parts = await this.all(question, () => exchange.over);
    if (!exchange.over) answer(parts);
  }

  async #answer<Part>(exchange: Exchange, { part }: Question<Part>): Promise<void> {
    const shards = readShards(exchange.peerShards ?? '');
    const own = await this.#own(shards, part);
    if (own === undefined) throw new Refusal('misdirected_host', 'This node does not own all of these shards.');
    exchange.answer(jsonOk, JSON.stringify(own));
  }

  #byOwner(shards: Iterable<number>): Asked[] {
    const { peers } = this.#ports;
    const asked = new Map<string, Asked & { readonly shards: number[] }>();
    for (const shard of shards) {
      const owner = peers.ownerOfShard(shard);
      if (owner === undefined) continue;
      const node = nameOf(owner);
      const one = asked.get(node) ?? { owner, shards: [] };
      one.shards.push(shard);
      asked.set(node, one);
    }
    return [...asked.values()];
  }

  /** The nodes that are not asked for shards. */
  #others(asked: readonly Asked[]): Asked[] {
    const names = new Set(asked.map(({ owner }) => nameOf(owner)));
    const all: readonly ('here' | Peer)[] = ['here', ...this.#ports.peers.living];
    return all.filter((owner) => !names.has(nameOf(owner))).map((owner) => ({ owner, shards: [] }));
  }

  async #partOf<Part>({ owner, shards }: Asked, question: Question<Part>): Promise<Gathered<Part> | undefined> {
    const node = nameOf(owner);
    if (owner === 'here') {
      const own = await this.#own(shards, question.part);
      return own === undefined ? undefined : { node, shards, part: own };
    }
    const answer = await this.#ask(owner, question, shards);
    if (answer?.status === 200) return { node, shards, part: JSON.parse(answer.body.toString()) as Part };
    // Of what else it says, nothing is about the question: that was read here before.
    return undefined;
  }

  /** Undefined: it has not answered. */
  async #ask(
    peer: Peer,
    { path, sent }: Pick<Question<unknown>, 'path' | 'sent'>,
    shards: readonly number[],
  ): Promise<PeerAnswer | undefined> {
    const { peers, now } = this.#ports;
    const cut = new AbortController();
    const end = now() + answerMs;
    const look = setInterval(() => {
      if (now() >= end || peers.reach(peer) === undefined) cut.abort();
    }, lookMs);
    try {
      const { method = 'GET', body } = sent ?? {};
      const headers = {
        [peerHeaders.shards]: shards.length === 0 ? none : shards.join(),
        ...(body !== undefined && { 'content-type': 'application/json' }),
      };
      return await peers.ask(peer, { method, path, headers, body, withinMs: answerMs, signal: cut.signal });
    } catch (error) {
      if (error instanceof PeerGone) return undefined;
      throw error;
    } finally {
      clearInterval(look);
    }
  }

  /** Undefined: they are not all under a lease of this node, or have not been all the time. */
  #own<Part>(shards: readonly number[], part: Question<Part>['part']): Promise<Part | undefined> {
    const { peers, turns } = this.#ports;
    const leases = shards.map((shard) => peers.leaseOf(shard));
    const areHeld = (): boolean =>
      shards.every((shard, at) => leases[at] !== undefined && peers.leaseOf(shard) === leases[at]);
    return new Promise((resolve, reject) => {
      let steps: Steps<Part | Promise<Part | undefined>> | undefined;
      const step = (): void => {
        try {
          // What is read behind this, in the same turn, is as true as the lease.
          if (!areHeld()) {
            steps?.return?.();
            return resolve(undefined);
          }
          steps ??= part(shards);
          const { done, value } = steps.next();
          if (done) resolve(value);
          else turns.add(step);
        } catch (error) {
          reject(error);
        }
      };
      turns.add(step);
    });
  }
}

/** A part that takes no time. */
export function atOnce<Part>(part: () => Part): Steps<Part> {
  return { next: () => ({ done: true, value: part() }) };
}

interface Asked {
  readonly owner: 'here' | Peer;
  readonly shards: readonly number[];
}

const nameOf = (owner: 'here' | Peer): string => (owner === 'here' ? owner : owner.node);

/** In the header. */
const none = 'none';

/** @throws Refusal `validation_failed` */
function readShards(text: string): number[] {
  if (text === none) return [];
  if (!/^\d{1,2}(,\d{1,2})*$/.test(text))
    throw new Refusal('validation_failed', `The header ${peerHeaders.shards} is not a list of shards.`);
  return text.split(',').map(Number);
}
