/** Nodes over one database, with all that is real but leases, threads and sockets. */
import type { Test } from 'tap';
import { systemClock } from '../../../src/clock.js';
import { NodeMoves } from '../../../src/cluster/moves/moves.js';
import type { NodeState } from '../../../src/cluster/moves/remote-attempts.js';
import { PeerGone, peerPaths } from '../../../src/cluster/peers.js';
import { type CommonPorts, SeveralShards } from '../../../src/cluster/process-shards.js';
import { NodeShards } from '../../../src/cluster/shard-host.js';
import { Shards } from '../../../src/cluster/shards.js';
import { togetherOf } from '../../../src/cluster/together.js';
import type { JobEvent } from '../../../src/domain/events.js';
import type { Answer, JobDraft, Request } from '../../../src/scheduler/messages.js';
import { DamageLog } from '../../../src/store/damage-log.js';
import type { ShardRow } from '../../../src/store/postgres/database.js';
import { noTelemetry } from '../../../src/telemetry/port.js';
import { FakeDatabase } from '../../simulation/cluster/fake-database.js';
import { Random } from '../../simulation/random.js';
import { InlineIndex } from '../../support/inline-index.js';
import { anyHandler, FakePool } from '../../support/world.js';

export const shardCount = 2;
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

class Index extends InlineIndex {
  isOpen = false;
  override async open(merged: number): Promise<void> {
    await super.open(merged);
    this.isOpen = true;
  }
  override step(): boolean {
    return this.isOpen && super.step();
  }
}

export class Host {
  readonly pool = new FakePool();
  readonly shards = new Shards(shardCount);
  readonly events: JobEvent[] = [];
  readonly indexes: Index[] = [];
  readonly lost: number[] = [];
  readonly several: SeveralShards;
  readonly moves: NodeMoves;
  /** This node goes by what users have set. */
  settled: Promise<void> = Promise.resolve();
  /** The others do not reach it, nor it them. */
  isCutOff = false;
  readonly host: NodeShards;
  readonly together = togetherOf(this.shards);

  constructor(
    readonly name: string,
    readonly fake: FakeDatabase,
    hosts: Map<string, Host>,
    states: ReadonlyMap<string, NodeState>,
  ) {
    hosts.set(name, this);
    const ports: CommonPorts = {
      ...{ clock: systemClock, pool: this.pool, handlers: [anyHandler('noop')], timezone: 'UTC', log: quiet },
      readEnqueued: (text) => JSON.parse(text) as JobDraft,
      retention: { retentionMs: 1e9, retainJobs: 1000, failedRetentionMs: 1e9, retainFailed: 1000 },
      telemetry: noTelemetry,
      damage: new DamageLog(quiet),
      publish: (events) => this.events.push(...events),
      publishTransient: () => {},
      fatal: (reason) => {
        throw new Error(reason);
      },
    };
    this.moves = new NodeMoves({
      ...{ shards: this.shards, pool: this.pool, pause: turn, self: () => name, mayAct: () => true },
      stateOf: (node) => states.get(node) ?? 'live',
      peers: () => ({
        ownerOfShard: (shard) => {
          const { owner } = fake.tables.shards()[shard] as ShardRow;
          return owner === name ? 'here' : { node: owner as string };
        },
        ask: async ({ node }, { path, body }) => {
          const { moves, isCutOff } = hosts.get(node) as Host;
          if (isCutOff || this.isCutOff) throw new PeerGone(true, 'cut off');
          const message = String(body);
          const isTaken = path === peerPaths.ended ? await moves.ended(message) : moves.abort(message) === undefined;
          return { status: isTaken ? 200 : 421, reason: '', headers: {}, body: Buffer.alloc(0) };
        },
      }),
    });
    this.several = new SeveralShards(this.shards, ports, (shard) => this.several.owner.turn(shard), this.moves);
    this.host = new NodeShards({
      ...{ database: fake.of(name), sessions: name, shards: this.several, clock: systemClock, pause: turn, log: quiet },
      moves: this.moves,
      indexes: {
        add: (_, logShare) => {
          const index = new Index(logShare);
          this.indexes.push(index);
          return index;
        },
      },
      lost: (shard) => this.lost.push(shard),
      settled: () => this.settled,
    });
  }

  /** Takes a shard, whoever has it. */
  take(shard: number): ShardRow {
    const { token } = this.fake.tables.shards()[shard] as ShardRow;
    return this.fake.tables.take(shard, token, this.name) as ShardRow;
  }

  create(more: Partial<JobDraft> = {}): { answer?: Answer } {
    const asked: { answer?: Answer } = {};
    const trigger = { kind: 'delay', delayMs: 0 } as const;
    const draft: JobDraft = { name: 'noop', trigger, isRepeat: false, payload: '{}', ...more };
    this.together.requests.request({ kind: 'create', draft }, 100, (answer) => {
      asked.answer = answer;
    });
    return asked;
  }

  /** Ends the attempt of a job. */
  end(number: number, more: { readonly enqueued?: readonly string[] } = {}): void {
    const { fence } = this.pool.attempts.get(number)!;
    this.pool.attempts.delete(number);
    this.several.owner.outcomes([{ kind: 'succeeded', jobSeq: number, fence, durationMs: 1, ...more }]);
  }

  ask(request: Request): { answer?: Answer } {
    const asked: { answer?: Answer } = {};
    this.together.requests.request(request, 100, (answer) => {
      asked.answer = answer;
    });
    return asked;
  }

  row(shard: number): ShardRow {
    return this.fake.tables.shards()[shard] as ShardRow;
  }
}

export function world(t: Test) {
  const fake = new FakeDatabase({ random: new Random(1), shards: shardCount });
  const hosts = new Map<string, Host>();
  /** What nodes know of each other. */
  const states = new Map<string, NodeState>();
  const [first, second, third] = ['first', 'second', 'third'].map((name) => new Host(name, fake, hosts, states)) as [
    Host,
    Host,
    Host,
  ];
  t.teardown(() => {
    for (const { several, moves } of hosts.values()) {
      several.waker.stop();
      moves.outgoing.close();
    }
  });
  /** Lets all of them work until it is so. */
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (let step = 0; !isSo(); step++) {
      if (step > 100_000) throw new Error(`it never is so: ${what}`);
      fake.step();
      for (const { indexes } of hosts.values()) for (const index of indexes) index.step();
      await turn();
    }
  };
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const over = (): void => {
      isOver = true;
    };
    promise.then(over, over);
    await until('a promise is settled', () => isOver);
    return await promise;
  };
  return { fake, first, second, third, states, until, settled };
}

export function numberOf(asked: { answer?: Answer }): number {
  const { answer } = asked;
  if (!answer?.ok || 'bulk' in answer) throw new Error(`not made: ${JSON.stringify(answer)}`);
  return answer.jobs[0]!.spec.seq;
}

export const bodies = (host: Host, number: number) =>
  host.events.filter(({ jobSeq }) => jobSeq === number).map(({ body }) => body.type);
