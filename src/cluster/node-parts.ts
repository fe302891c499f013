/** A node put together: its leases, the shards that it opens and drops, and the others that it asks. */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Job } from '../domain/job.js';
import type { Logger } from '../log.js';
import type { HandlerInfo } from '../pool/port.js';
import type { BeginDeadline } from '../pool/shared/deadline.js';
import { monotonicMs } from '../pool/shared/slots.js';
import { schemaVersion } from '../store/format/layout.js';
import type { NodeRow, RandomId, ShardRow } from '../store/postgres/database.js';
import type { OpenedDatabase } from '../store/postgres/pg/open.js';
import { newRandomId } from '../store/postgres/shard-log.js';
import { type ShardIndexes, shardFolder } from '../store/thread/shard-indexes.js';
import { ClusterCounts } from '../telemetry/cluster/cluster-counts.js';
import type { ClusterFigures } from '../telemetry/cluster/cluster-metrics.js';
import { DatabasePlaces } from './database-places.js';
import { FreedPlaces } from './freed-places.js';
import { HttpPeers } from './http-peers.js';
import { HeldNames } from './keys/held-names.js';
import { jobsOfKeys } from './keys/jobs-of-keys.js';
import type { ClusterNames } from './keys/names.js';
import { PeerNames } from './keys/peer-names.js';
import { readFacts } from './leases/facts.js';
import { ClusterNode } from './leases/node.js';
import { tickNode } from './leases/ticking.js';
import { NodeMoves } from './moves/moves.js';
import type { NodeState } from './moves/remote-attempts.js';
import type { SayingsMessage } from './moves/sayings.js';
import { OwnersTable } from './owners-table.js';
import { type CommonPorts, SeveralShards } from './process-shards.js';
import { SharedSettings } from './settings/shared-settings.js';
import { NodeShards } from './shard-host.js';
import { Shards } from './shards.js';
import { countedDatabase } from './standing/counted-database.js';
import { FormerSelf } from './standing/former-self.js';
import { type ClusterLook, figuresOf, type LookedAt, lookAt } from './standing/look.js';
import { OwnAddress } from './standing/own-address.js';
import { type Standing, standing } from './standing/standing.js';
import { timedHost } from './standing/timed-host.js';
import type { Schedulers } from './together.js';
import { ClusterTypes, type ClusterTypesPorts } from './types/cluster-types.js';

export interface NodePartsOptions<Type extends HandlerInfo> {
  /** Hears what attempts of this node's jobs say which run on other nodes. */
  readonly hear: (message: SayingsMessage) => void;
  readonly opened: OpenedDatabase;
  /** What the sessions of this process in the database are found by. */
  readonly sessions: RandomId;
  readonly indexes: ShardIndexes;
  /** Where the indexes are. */
  readonly directory: string;
  /** Where the other nodes reach this one: a URL. */
  readonly address: string;
  /** What the pool compares before an attempt begins. */
  readonly deadline: BeginDeadline;
  /** Attempts may begin again. */
  readonly resumed: () => void;
  readonly ports: CommonPorts;
  /** See `NodePorts`. */
  readonly settleMs?: number | undefined;
  /** Job types that there are handlers for here, and what becomes of those of all nodes. */
  readonly types: { readonly own: readonly Type[] } & Pick<ClusterTypesPorts<Type>, 'compile' | 'changed'>;
  /** As of `SeveralShards`. */
  readonly turn: (shard: number) => void;
  readonly log: Logger;
}

/** How long a node that ends waits for others to take what it has. */
const giveWithinMs = 8000;
const giveLookMs = 20;

/** See the head of this file. */
export class NodeParts<Type extends HandlerInfo = HandlerInfo> {
  readonly counts = new ClusterCounts();
  readonly several: SeveralShards;
  readonly peers: HttpPeers;
  /** What shards leave behind that have moved. */
  readonly moves: NodeMoves;
  /** Places of types with limits that are free for others. */
  readonly places: FreedPlaces;
  /** Keys over the cluster. */
  readonly names: ClusterNames;
  readonly settings: SharedSettings;
  readonly types: ClusterTypes<Type>;
  /** What the server shows of files. */
  readonly stores: {
    readonly all: readonly { readonly folder: string }[];
    space(): { readonly used: number; readonly free: number };
    size(): number;
  };
  readonly #options: NodePartsOptions<Type>;
  readonly #host: NodeShards;
  readonly #node: ClusterNode;
  readonly #table: OwnersTable;
  readonly #ownAddress: OwnAddress;
  #stopTicking: () => void = () => {};

  /** Nothing happens before `start`. */
  constructor(options: NodePartsOptions<Type>) {
    const { opened, sessions, indexes, directory, address, deadline, ports, turn, log, resumed, settleMs } = options;
    const { facts } = opened;
    const { counts } = this;
    const database = countedDatabase(opened.database, counts, monotonicMs);
    const shards = new Shards(facts.shards);
    this.#options = options;
    this.moves = new NodeMoves({
      ...{ shards, pause, pool: ports.pool, now: monotonicMs },
      holds: (shard) => this.several.holds(shard),
      peers: () => this.peers,
      self: () => this.#node.node,
      stateOf: (node) => stateOf(node, this.#node.view?.nodes ?? []),
      mayAct: (shard) => this.#node.rowOf(shard) !== undefined,
      hear: options.hear,
    });
    this.places = new FreedPlaces({ pause, peers: () => this.peers, freed: (types) => this.several.freed(types) });
    const keeper = new DatabasePlaces({
      ...{ database, self: () => this.#node.node },
      isFree: (node, type) => this.places.tell(node, type),
    });
    this.several = new SeveralShards(shards, ports, turn, { moves: this.moves, keeper });
    this.#host = new NodeShards({
      ...{ database, sessions, indexes, log, pause, clock: ports.clock, shards: this.several, moves: this.moves },
      settingsApplied: () => this.settings.renew(),
      lost: (shard, why, reason) => {
        if (why === 'index') this.#node.giveUp(shard, reason);
        else if (why === 'rewound') this.#node.rewound(shard);
        else this.#node.refused(shard);
      },
    });
    this.settings = new SharedSettings({
      ...{ database, pause, clock: { now: () => Date.now(), monotonic: monotonicMs }, randomId: newRandomId },
      changed: (settings) => this.several.apply(settings),
      tell: () => this.#node.tell(),
    });
    const { own, ...types } = options.types;
    this.types = new ClusterTypes(
      {
        ...{ database, log, ...types },
        view: () => this.#node.view,
        self: () => this.#node.node,
        tell: () => this.#node.tell(),
      },
      own,
    );
    const told = ({ shard, epoch }: ShardRow): object => ({ shard, epoch });
    const former = new FormerSelf(directory);
    this.#ownAddress = new OwnAddress({ address, log, isShared: () => this.#isAddressShared });
    this.#node = new ClusterNode({
      ...{ database, deadline, sessions, address, format: schemaVersion, formerSelf: former.node },
      host: timedHost(this.#host, counts, monotonicMs),
      randomId: () => {
        const id = newRandomId();
        const reason = former.note(id);
        if (reason !== undefined)
          log.warn(
            { reason },
            'the id of this node is not written down: a restart waits until the others give up on it',
          );
        return id;
      },
      clock: { now: () => Date.now(), monotonic: monotonicMs },
      due: () => this.#host.due,
      settleMs,
      looked: () => {
        this.moves.remote.seen();
        this.#host.giveUpStalled();
      },
      told: () => ({ settings: this.settings.applied, types: this.types.digest }),
      isReached: () => this.#ownAddress.isHeard,
      events: {
        resumed: () => {
          log.info({ node: this.#node.node }, 'this node has a lease: attempts may begin');
          resumed();
        },
        ended: () => {
          this.moves.outgoing.abandon();
          counts.declaredDead.self++;
          log.warn(
            'this node is dead for the others, or unknown to the database, and comes anew: what it owned is dropped',
          );
          this.several.begunAnew();
          this.types.begunAnew();
        },
        lost: (row) => {
          counts.shardsLost.fenced++;
          log.warn(told(row), 'a shard is dropped: it is not under the lease of this node any more');
        },
        rewound: (row) => {
          counts.shardsLost.rewound++;
          log.error(
            told(row),
            'rewound: the database has lost records of this shard that it had confirmed. It is loaded anew, as it is there now',
          );
        },
        left: (row, reason) => {
          counts.shardsLost.given_up++;
          log.error({ ...told(row), reason }, 'a shard cannot be run here, and is left to the other nodes for a while');
        },
        failed: (shard, err) => log.error({ shard, err }, 'a shard could not be loaded, and is tried again'),
        declared: ({ node, address }) => {
          counts.declaredDead.other++;
          if (node === former.node) log.info({ node }, 'this process was that node before: it takes what that had');
          else log.warn({ node, address }, 'another node does not beat any more: it is dead');
        },
      },
    });
    this.#table = new OwnersTable(this.#node, monotonicMs);
    const self = this.#node;
    const held = new HeldNames(database);
    this.peers = new HttpPeers({
      get node() {
        return self.node ?? '';
      },
      secret: facts.secret,
      shards: facts.shards,
      ownerOf: (shard) => this.#ownerOf(shard),
      leaseOf: (shard) => (shards.get(shard) && self.rowOf(shard))?.token,
      timelineOf: (shard) => self.rowOf(shard)?.timeline ?? 0,
      openedBehind: (shard) => shards.get(shard)?.openedBehind ?? 0,
      living: () => this.#table.living.filter((node) => node !== self.node),
      addressOf: (node) => this.#table.addressOf(node),
      isGone: (node) => this.#isGone(node),
      hear: (word) => this.#ownAddress.hear(word),
      ...{ counts, log },
      holders: (names) => held.holders(names),
      renew: async () => {
        try {
          const rows = await database.shards();
          this.#table.renew(rows, await database.nodes());
        } catch (err) {
          log.debug({ err }, 'who owns what could not be read: what was known stays');
        }
      },
    });
    this.names = new PeerNames({ held, peers: this.peers, now: monotonicMs, pause });
    this.stores = {
      get all() {
        return shards.all.map(({ numbers }) => ({ folder: join(directory, shardFolder(numbers.shard)) }));
      },
      space: () => ({ used: 0, free: 0 }),
      size: () => shards.all.reduce((sum, { state }) => sum + state.log.size(), 0),
    };
  }

  /** The jobs of keys of a shard; undefined: it is not here. */
  keyedJobs(shard: number, places: readonly string[]): readonly (Job | undefined)[] | undefined {
    const owner = this.several.shards.get(shard);
    if (owner === undefined || this.#node.rowOf(shard) === undefined) return undefined;
    return jobsOfKeys(owner, places);
  }

  get standing(): Standing {
    const { isLive: hasLease, certainOffset } = this.#node;
    const addressProblem = this.#ownAddress.problem;
    const { shards, nodes, node } = this.view;
    const givenUp = shards.flatMap(({ shard, givenUp: by }) => {
      const said = by.find((each) => each.node === node) ?? by[0];
      const { address = '' } = nodes.find((each) => each.node === said?.node) ?? {};
      return said ? [{ shard, isIdle: this.#isIdle(shard), isHere: said.node === node, address, ...said }] : [];
    });
    const { idleShards } = this;
    const parts = { hasLease, addressProblem, clockOffset: certainOffset, idleShards, givenUp };
    return { hasLease, problem: standing(parts) };
  }

  /** How many shards nobody runs just now, as far as is known here: without a live owner, or not open here yet. */
  get idleShards(): number {
    const { count } = this.several.shards;
    let idle = 0;
    for (let shard = 0; shard < count; shard++) if (this.#isIdle(shard)) idle++;
    return idle;
  }

  #isIdle(shard: number): boolean {
    const owner = this.#table.ownerOf(shard);
    return owner === undefined || (owner === this.#node.node && this.#node.rowOf(shard) === undefined);
  }

  /** For the metrics. */
  get figures(): ClusterFigures {
    return figuresOf(this.#looked, this.several.shards, () => this.idleShards, this.counts);
  }

  /** The cluster as this node sees it. */
  get view(): ClusterLook {
    return lookAt(this.#looked);
  }

  get #looked(): LookedAt {
    return { node: this.#node, host: this.#host, table: this.#table };
  }

  /** Reads what users have set, and which job types there are, so that the first requests find it. What fails is read later. */
  async prepare(): Promise<void> {
    const { database } = this.#options.opened;
    const types = database.nodes().then((nodes) => this.types.begin(nodes));
    await Promise.allSettled([this.settings.renew(), types]);
  }

  /** Joins the others, and takes what has no owner. */
  start(): void {
    this.#stopTicking = tickNode({ tick: () => this.#tick() });
    void this.#ownAddress.start();
  }

  /**
   * From now on it takes nothing, and gives all that it has to the others. Resolves when that is done, or cannot be done soon. Attempts that
   * run here go on.
   */
  async leave(): Promise<void> {
    this.#node.leave();
    const end = monotonicMs() + giveWithinMs;
    while (!this.#node.isEmpty && this.#hasTakers && monotonicMs() < end) await pause(giveLookMs);
    const { open } = this.#node;
    if (open.length > 0)
      this.#options.log[this.#hasTakers ? 'warn' : 'info']({ shards: open }, 'no other node has taken these shards');
  }

  get #hasTakers(): boolean {
    const { node: self, view } = this.#node;
    return (view?.nodes ?? []).some(
      ({ node, dead, leaving, facts }) =>
        node !== self && !dead && !leaving && readFacts(facts).takes && this.#table.living.includes(node),
    );
  }

  /** As its schedulers, with what runs here for others, and without what runs elsewhere for this one. */
  leaving(schedulers: Schedulers): Pick<Schedulers, 'drain' | 'runningAttempts' | 'settled' | 'recovered'> {
    const { outgoing, remote } = this.moves;
    return {
      drain: () => schedulers.drain(),
      get recovered() {
        return schedulers.recovered;
      },
      get runningAttempts() {
        return schedulers.runningAttempts - remote.size + outgoing.running;
      },
      get settled() {
        return schedulers.settled && outgoing.isEmpty;
      },
    };
  }

  /** Leaves what it still owns to others, and closes all. Nothing runs any more. */
  async end(): Promise<void> {
    const { indexes, opened, log } = this.#options;
    this.#stopTicking();
    this.#ownAddress.stop();
    await Promise.all([this.moves.end(), this.#host.linesMirrored()]);
    await this.#node
      .end()
      .catch((err: unknown) => log.warn({ err }, 'the others could not be told that this one ends'));
    await this.#host.close();
    this.peers.close();
    await indexes.close();
    await opened.close();
  }

  #tick(): void {
    this.settings.tick();
    this.types.tick();
    this.#node.tick();
  }

  get #isAddressShared(): boolean {
    const { node: self, view } = this.#node;
    const { address } = this.#options;
    return (view?.nodes ?? []).some(({ node, dead, ...each }) => node !== self && !dead && each.address === address);
  }

  /** Both must say so: each of them may be the older one. */
  #isGone(node: string): boolean {
    return this.#table.beatAgeOf(node) === undefined && stateOf(node, this.#node.view?.nodes ?? []) !== 'live';
  }

  #ownerOf(shard: number): string | undefined {
    if (this.#node.rowOf(shard) !== undefined) return 'here';
    const owner = this.#table.ownerOf(shard);
    return owner === this.#node.node ? undefined : owner;
  }
}

function stateOf(node: RandomId, nodes: readonly NodeRow[]): NodeState {
  const row = nodes.find((each) => each.node === node);
  if (row === undefined) return 'left';
  return row.dead ? 'dead' : 'live';
}
