/** What shards that move between nodes leave behind: attempts of theirs that end here, and attempts of this node's jobs that end elsewhere. */
import { shardOf } from '../../domain/ids/job-numbers.js';
import type { Pool } from '../../pool/port.js';
import type { RandomId } from '../../store/postgres/database.js';
import { type Peer, type PeerAnswer, type PeerAttempts, type Peers, peerPaths } from '../peers.js';
import type { Shards } from '../shards.js';
import {
  type AbortsMessage,
  type EndsMessage,
  type NamedAttempt,
  Outgoing,
  type OutgoingEnd,
  type RollAnswer,
  type RollMessage,
} from './outgoing.js';
import { type NodeState, RemoteAttempts } from './remote-attempts.js';
import { Sayings, type SayingsMessage } from './sayings.js';

export interface NodeMovesPorts {
  readonly shards: Shards;
  readonly pool: Pick<Pool, 'abort'>;
  readonly peers: () => Pick<Peers, 'ownerOfShard' | 'ask'>;
  /** This node's id. */
  readonly self: () => RandomId | undefined;
  readonly stateOf: (node: RandomId) => NodeState;
  readonly mayAct: (shard: number) => boolean;
  /** Whether a shard has attempts here that are not `outgoing`: it is open, or they come to their ends. */
  readonly holds: (shard: number) => boolean;
  readonly pause: (ms: number) => Promise<void>;
  /** Monotonic milliseconds. */
  readonly now: () => number;
  /** Hears what attempts of this node's jobs say which run elsewhere. */
  readonly hear?: (message: SayingsMessage) => void;
}

const sayAfterMs = 100;
const answerWithinMs = 5000;
const ok = 200;

/** See the head of this file. */
export class NodeMoves implements PeerAttempts {
  readonly outgoing: Outgoing;
  readonly remote: RemoteAttempts;
  readonly sayings: Sayings;
  readonly #ports: NodeMovesPorts;

  constructor(ports: NodeMovesPorts) {
    this.#ports = ports;
    const { pool, pause, shards, self, stateOf, mayAct, now } = ports;
    this.outgoing = new Outgoing({ pool, pause, deliver: (shard, ends) => this.#deliver(shard, ends) });
    this.sayings = new Sayings({
      shardOf: (jobSeq) => shardOf(jobSeq, shards.count),
      later: (step) => void setTimeout(step, sayAfterMs).unref(),
      deliver: async (message) => {
        const owner = ports.peers().ownerOfShard(message.shard);
        if (owner === 'here') ports.hear?.(message);
        else if (owner !== undefined) await this.#tell(owner, peerPaths.say, message);
      },
    });
    this.remote = new RemoteAttempts({
      ...{ shards, self, stateOf, pause, mayAct, now, outgoing: this.outgoing },
      tell: async (node, message) => void (await this.#tell({ node }, peerPaths.abort, message)),
      ask: (node, attempts) => this.#ask(node, attempts),
    });
  }

  say(message: string): void {
    const said = JSON.parse(message) as SayingsMessage;
    if (this.#ports.peers().ownerOfShard(said.shard) === 'here') this.#ports.hear?.(said);
  }

  get self(): () => RandomId | undefined {
    return this.#ports.self;
  }

  ended(message: string): Promise<boolean> {
    return this.remote.ended(JSON.parse(message) as EndsMessage);
  }

  abort(message: string): void {
    const { attempts, reason } = JSON.parse(message) as AbortsMessage;
    for (const attempt of attempts) this.outgoing.abort(attempt, reason);
  }

  has(message: string): string {
    const { attempts } = JSON.parse(message) as RollMessage;
    const { shards, holds } = this.#ports;
    // Before its last record is confirmed here, the shard may be another's already, whose attempts these are.
    const has = attempts.map((each) => this.outgoing.has(each) || holds(shardOf(each.jobSeq, shards.count)));
    return JSON.stringify({ has } satisfies RollAnswer);
  }

  async #deliver(shard: number, ends: readonly OutgoingEnd[]): Promise<boolean> {
    const { self, peers } = this.#ports;
    const from = self();
    const owner = peers().ownerOfShard(shard);
    if (from === undefined || owner === undefined) return false;
    const message: EndsMessage = { shard, from, ends };
    if (owner === 'here') return await this.remote.ended(message);
    await this.#tell(owner, peerPaths.ended, message);
    return true;
  }

  async #ask(node: RandomId, attempts: readonly NamedAttempt[]): Promise<readonly boolean[]> {
    const { body } = await this.#tell({ node }, peerPaths.has, { attempts });
    return (JSON.parse(body.toString()) as RollAnswer).has;
  }

  /** @throws PeerGone; Error when the other node has not taken it */
  async #tell(
    peer: Peer,
    path: string,
    message: AbortsMessage | EndsMessage | SayingsMessage | RollMessage,
  ): Promise<PeerAnswer> {
    const answer = await this.#ports.peers().ask(peer, {
      method: 'POST',
      path,
      headers: { 'content-type': 'application/json' },
      body: Buffer.from(JSON.stringify(message)),
      signal: AbortSignal.timeout(answerWithinMs),
    });
    if (answer.status !== ok) throw new Error(`node ${peer.node} answers ${answer.status}`);
    return answer;
  }
}
