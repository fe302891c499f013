/**
 * Lists and totals that are asked of any node, page by page, while shards move and nodes die. What nodes ask each other and put together is
 * real; only HTTP is not there. Whatever happens between two pages, each job that had been acknowledged before the first is on one of them,
 * once and in its place; a page may be refused while a shard has no owner.
 */
import { GatheredQueries } from '../../../src/cluster/gathering/gathered-queries.js';
import { mergedTotals } from '../../../src/cluster/gathering/sums.js';
import { PeerGone, type Peers, peerHeaders } from '../../../src/cluster/peers.js';
import { Refusal } from '../../../src/domain/errors.js';
import { Turns } from '../../../src/server/bodies/turns.js';
import type { Exchange } from '../../../src/server/http/exchange.js';
import { gatherList } from '../../../src/server/peers/gathered-lists.js';
import { atOnce, Gathering } from '../../../src/server/peers/gathering.js';
import type { ListPlace, ListQuery, Totals } from '../../../src/store/queries-port.js';
import { type Host, shardCount, turn } from '../../cluster/support/host.js';
import type { Random } from '../random.js';

/** A fault that must be found. */
export type PlantedListing = 'lapsed_lease';

export interface ListingPorts {
  readonly random: Random;
  readonly live: () => readonly Host[];
  readonly ownerOf: (shard: number) => Host | undefined;
  /** Numbers of jobs that were acknowledged. */
  readonly acknowledged: ReadonlySet<number>;
  readonly planted?: PlantedListing | undefined;
}

interface Page {
  readonly items: readonly string[];
  readonly total: number;
  readonly next?: ListPlace | undefined;
}

/** Between two looks at who has what. */
const turnsOfSleep = 10;
/** Nobody asks for a page more often: nobody is to come who has its jobs. */
const mostRefusals = 1000;

export class Listing {
  readonly faults: string[] = [];
  readonly counts = { lists: 0, pages: 0, refused: 0 };
  readonly #ports: ListingPorts;
  readonly #nodes = new Map<Host, ListingNode>();
  #underWay = 0;

  constructor(ports: ListingPorts) {
    this.#ports = ports;
  }

  /** No list is being read. */
  get isIdle(): boolean {
    return this.#underWay === 0;
  }

  /** A client reads a list to its end, beside all else. */
  start(): void {
    this.#underWay++;
    this.#read().then(
      () => this.#underWay--,
      (error: Error) => {
        this.#underWay--;
        this.faults.push(String(error.stack));
      },
    );
  }

  async #read(): Promise<void> {
    const { random, acknowledged } = this.#ports;
    const [limit, descending] = [random.between(1, 6), random.chance(0.5)];
    const first = random.chance(0.2) ? random.between(1, 5) : 0;
    const wanted = new Set(acknowledged);
    const found: number[] = [];
    let behind: ListPlace | undefined;
    do {
      const known = acknowledged.size;
      const page = await this.#page({ limit, descending, offset: first, ...(behind && { behind }) });
      if (page.total < known) this.faults.push(`a list has ${page.total} jobs, and ${known} were acknowledged before`);
      found.push(...page.items.map(Number));
      behind = page.next;
    } while (behind !== undefined);
    this.counts.lists++;
    this.#check(found, { wanted, first, descending });
  }

  /** Of any node, and of another where that refuses. */
  async #page(query: ListQuery): Promise<Page> {
    for (let refused = 0; refused < mostRefusals; refused++) {
      const page = await this.#nodeOf(this.#ports.random.pick(this.#ports.live())).page(query);
      if (page !== undefined) {
        this.counts.pages++;
        return page;
      }
      this.counts.refused++;
    }
    throw new Error('a page is refused for ever');
  }

  #check(
    found: readonly number[],
    { wanted, first, descending }: { wanted: ReadonlySet<number>; first: number; descending: boolean },
  ): void {
    const once = new Set(found);
    if (once.size < found.length) this.faults.push(`a list has a job twice: ${found.join()}`);
    const missing = [...wanted].filter((number) => !once.has(number));
    if (missing.length > first)
      this.faults.push(
        `a list of ${found.length} jobs behind ${first} lacks ${missing.join()}, which were acknowledged`,
      );
    const slots = new Map<number, number>();
    for (const number of found) {
      const [shard, slot] = [number % shardCount, Math.floor(number / shardCount)];
      const before = slots.get(shard);
      if (before !== undefined && before < slot === descending)
        this.faults.push(`a list has job ${number} in the wrong place: ${found.join()}`);
      slots.set(shard, slot);
    }
  }

  /** Nothing moves any more: what any node says is what the owners have. */
  async last(): Promise<void> {
    const { live, ownerOf } = this.#ports;
    const owned = Array.from({ length: shardCount }, (_, shard) => {
      return new GatheredQueries((ownerOf(shard) as Host).shards.only([shard])).totals();
    });
    const there = JSON.stringify(mergedTotals(owned));
    for (const host of live()) {
      const said = JSON.stringify(await this.#nodeOf(host).totals());
      if (said !== there) this.faults.push(`${host.name} counts ${said}, and there are ${there}`);
    }
    await this.#read();
  }

  #nodeOf(host: Host): ListingNode {
    const node = this.#nodes.get(host) ?? new ListingNode(host, this.#ports, (other) => this.#nodeOf(other));
    this.#nodes.set(host, node);
    return node;
  }
}

/** What an exchange comes to. */
type Said = { readonly status: number; readonly body: string };

/** A node as it is asked for lists and totals. */
class ListingNode {
  readonly #host: Host;
  readonly #ports: ListingPorts;
  readonly #gathering: Gathering;
  /** Who had which shard when it looked last. */
  #view: (Host | undefined)[] = [];
  #leases = new WeakMap<object, string>();
  #now = 0;
  #lastLease = 0;

  constructor(host: Host, ports: ListingPorts, nodeOf: (host: Host) => ListingNode) {
    this.#host = host;
    this.#ports = ports;
    const now = (): number => this.#now;
    const sleep = async (ms: number): Promise<void> => {
      this.#now += ms;
      for (let i = 0; i < turnsOfSleep; i++) await turn();
    };
    this.#gathering = new Gathering({
      peers: this.#peers(nodeOf),
      turns: new Turns({ now, soon: setImmediate }),
      now,
      sleep,
    });
  }

  /** Undefined: it is refused. */
  async page(query: ListQuery): Promise<Page | undefined> {
    const { status, body } = await this.list(`q=${encodeURIComponent(JSON.stringify(query))}`, undefined);
    return status === 200 ? (JSON.parse(body) as Page) : undefined;
  }

  list(query: string, peerShards: string | undefined): Promise<Said> {
    const said = new URLSearchParams(query);
    const asked = JSON.parse(said.get('q') as string) as ListQuery;
    const cursor = said.get('cursor');
    const behind = cursor === null ? undefined : (JSON.parse(cursor) as ListPlace);
    const own = (shards: readonly number[]): GatheredQueries => new GatheredQueries(this.#host.shards.only(shards));
    return this.#exchange(query, peerShards, (exchange, answer) =>
      gatherList(
        { gathering: this.#gathering, own, shards: shardCount, path: '/jobs', render: ({ spec }) => String(spec.seq) },
        exchange,
        { ...asked, ...(behind && { behind }) },
        (place) => encodeURIComponent(JSON.stringify(place)),
        answer,
      ),
    );
  }

  async totals(): Promise<Totals> {
    const { body } = await this.sums(undefined);
    return JSON.parse(body) as Totals;
  }

  sums(peerShards: string | undefined): Promise<Said> {
    const part = (shards: readonly number[]) =>
      atOnce(() => new GatheredQueries(this.#host.shards.only(shards)).totals());
    return this.#exchange('', peerShards, (exchange, answer) =>
      this.#gathering.run(exchange, { path: '/stats?', part }, (parts) => {
        answer(mergedTotals(parts.map((each) => each.part)));
      }),
    );
  }

  #exchange(
    query: string,
    peerShards: string | undefined,
    run: (exchange: Exchange, answer: (body: object) => void) => void,
  ): Promise<Said> {
    return new Promise((resolve, reject) => {
      const exchange = {
        ...{ query, peerShards, over: false },
        answer: (_: string, body: string) => resolve({ status: 200, body }),
        fail: (error: unknown) => (error instanceof Refusal ? resolve({ status: 503, body: '' }) : reject(error)),
      };
      run(exchange as unknown as Exchange, (body) => resolve({ status: 200, body: JSON.stringify(body) }));
    });
  }

  /** What the shard is open under, another for each opening. */
  #leaseOf(shard: number): string | undefined {
    const { planted, ownerOf } = this.#ports;
    const owned = this.#host.shards.get(shard);
    if (planted === 'lapsed_lease' && this.#view[shard] === this.#host) return 'any';
    if (owned?.scheduler.recovered !== true || owned.scheduler.mode.name === 'giving') return undefined;
    if (ownerOf(shard) !== this.#host) return undefined;
    const lease = this.#leases.get(owned) ?? `lease ${++this.#lastLease}`;
    this.#leases.set(owned, lease);
    return lease;
  }

  #look(): void {
    this.#view = Array.from({ length: shardCount }, (_, shard) => this.#ports.ownerOf(shard));
  }

  #peers(nodeOf: (host: Host) => ListingNode): Peers {
    const isThere = (host: Host | undefined): host is Host =>
      host !== undefined && this.#ports.live().includes(host) && !host.isCutOff && !this.#host.isCutOff;
    return {
      shards: shardCount,
      living: [],
      leaseOf: (shard) => this.#leaseOf(shard),
      timelineOf: () => 0,
      openedBehind: () => 0,
      ownerOfShard: (shard) => {
        if (this.#leaseOf(shard) !== undefined) return 'here';
        const owner = this.#view[shard];
        return owner === undefined || owner === this.#host ? undefined : { node: owner.name };
      },
      reach: () => ({ url: '', headers: {} }),
      ownerOf: () => undefined,
      holderOf: async () => undefined,
      senderOf: () => 'client',
      renew: async () => {
        await turn();
        this.#look();
      },
      ask: async ({ node }, { path, headers }) => {
        await turn();
        const other = this.#ports.live().find(({ name }) => name === node);
        if (!isThere(other)) throw new PeerGone(true, 'no answer');
        const [resource, query = ''] = path.split('?') as [string, string?];
        const shards = headers[peerHeaders.shards];
        const asked = nodeOf(other);
        const { status, body } = await (resource === '/jobs' ? asked.list(query, shards) : asked.sums(shards));
        await turn();
        if (!isThere(other)) throw new PeerGone(true, 'no answer');
        return { status, reason: '', headers: {}, body: Buffer.from(body) };
      },
    };
  }
}
