/** What shards that move between nodes leave behind: attempts of theirs that end here, and attempts of this node's jobs that end elsewhere. */
import { shardOf } from '../../domain/ids/job-numbers.js';
import type { HandlerLine, Pool } from '../../pool/port.js';
import type { RandomId } from '../../store/postgres/database.js';
import { within } from '../../within.js';
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
  /** Hears what attempts of this node's jobs say which run elsewhere, and what the owner before had of their lines. */
  readonly hear?: (message: SayingsMessage) => void;
}

const sayAfterMs = 100;
const answerWithinMs = 5000;
/** At the end of the node. */
const lastWordsMs = 1000;
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
      pause: () => pause(sayAfterMs),
      deliver: async (message) => {
        const owner = ports.peers().ownerOfShard(message.shard);
        if (owner === undefined) return false;
        if (owner === 'here') return this.#hear(message);
        await this.#tell(owner, peerPaths.say, message);
        return true;
      },
    });
    this.remote = new RemoteAttempts({
      ...{ shards, self, stateOf, pause, mayAct, now, outgoing: this.outgoing },
      tell: async (node, message) => void (await this.#tell({ node }, peerPaths.abort, message)),
      ask: (node, attempts) => this.#ask(node, attempts),
    });
  }

  /** Takes lines of attempts whose shards have moved. Returns the others. @param at Unix milliseconds */
  lines(lines: readonly HandlerLine[], at: number): readonly HandlerLine[] {
    if (this.outgoing.running === 0) return lines;
    return lines.filter((line) => {
      const n = this.outgoing.countLines(line, 'dropped' in line ? line.dropped : 1);
      if (n !== undefined) this.sayings.lines([{ ...line, at, n }]);
      return n === undefined;
    });
  }

  say(message: string): boolean {
    return this.#hear(JSON.parse(message) as SayingsMessage);
  }

  #hear(said: SayingsMessage): boolean {
    const { shards, mayAct, hear } = this.#ports;
    if (shards.get(said.shard) === undefined || !mayAct(said.shard)) return false;
    hear?.(said);
    return true;
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

  /** Ends all reports to other nodes. First it sends what attempts said last, and waits a moment until the owner takes it. */
  async end(): Promise<void> {
    this.outgoing.close();
    await within(lastWordsMs, this.sayings.told());
    this.sayings.close();
  }

  async #deliver(shard: number, ends: readonly OutgoingEnd[]): Promise<boolean> {
    const { self, peers } = this.#ports;
    const from = self();
    const owner = peers().ownerOfShard(shard);
    if (from === undefined || owner === undefined) return false;
    const message: EndsMessage = { shard, from, ends };
    // Who sees that a job has ended finds its lines.
    await this.sayings.tell(shard);
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
      withinMs: answerWithinMs,
    });
    if (answer.status !== ok) throw new Error(`node ${peer.node} answers ${answer.status}`);
    return answer;
  }
}
