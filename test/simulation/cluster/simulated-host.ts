/**
 * The shards of a simulated process: a small stand-in for scheduler, pool and log, which does what those do as far as leases matter. Jobs
 * are numbers. An attempt is dispatched, begins after the deadline was compared once more, and its success is a record in the log.
 */
import type { Given, LoadedPages, ShardHost } from '../../../src/cluster/leases/host.js';
import { DamagedRecord } from '../../../src/store/port.js';
import {
  type Append,
  type Database,
  type LogEnd,
  type LogRow,
  type RandomId,
  type ShardRow,
  UnknownEnd,
} from '../../../src/store/postgres/database.js';
import type { Random } from '../random.js';

/** What a record says. */
export interface Content {
  readonly epoch: number;
  /** The job that succeeded. */
  readonly succeeded?: number;
  /** In the last record of a lease: attempts that still run, and where. */
  readonly running?: readonly number[];
  readonly node?: RandomId;
}

export const contentOf = (row: LogRow): Content => JSON.parse(Buffer.from(row.bytes).toString()) as Content;

export const jobsPerShard = 300;

export interface HostPorts {
  readonly database: Database;
  readonly random: Random;
  readonly randomId: () => RandomId;
  /** What begins, for the invariants. */
  readonly begins: (shard: number, job: number, row: ShardRow) => void;
  /** What was loaded, for the invariants. */
  readonly opened: (row: ShardRow, log: readonly LogRow[], begunAt: number) => void;
  /** This record was written, and clients may be told of it; as those that were loaded. */
  readonly told: (row: ShardRow, record: LogRow) => void;
  /** True time. */
  readonly now: () => number;
  /** The worker's look at the deadline. */
  readonly mayBegin: () => boolean;
  readonly rowOf: (shard: number) => ShardRow | undefined;
  readonly refused: (shard: number, isRewound: boolean) => void;
  readonly self: () => RandomId | undefined;
  /** Nodes that live, as far as this one has seen. */
  readonly living: () => ReadonlySet<RandomId>;
  /** Planted: what cannot be loaded is tried again and again. */
  readonly neverSaysSo?: boolean;
  /** Planted: what a load sees is what was there when the taking was sent. */
  readonly early?: ((shard: number) => readonly LogRow[] | undefined) | undefined;
}

interface OpenShard {
  readonly row: ShardRow;
  log: LogRow[];
  readonly done: Set<number>;
  readonly queued: Set<number>;
  readonly running: Set<number>;
  /** Named by the last record of the lease before: they run on another node, as long as that lives. */
  readonly elsewhere: Map<number, RandomId>;
  /** Successes that are to be written. */
  readonly successes: number[];
  isOpen: boolean;
  isDropped: boolean;
  starts: boolean;
  writing: Promise<void> | undefined;
}

export class SimulatedHost implements ShardHost {
  readonly #ports: HostPorts;
  readonly #shards = new Map<number, OpenShard>();
  readonly #followed = new Map<number, LogRow[]>();
  /** Attempts of shards that were given away: they end here. */
  readonly given = new Map<number, Set<number>>();
  /** Shards that cannot be loaded here, whatever the database says. */
  readonly broken = new Set<number>();

  constructor(ports: HostPorts) {
    this.#ports = ports;
  }

  async open(row: ShardRow): Promise<void> {
    const { database, early, now } = this.#ports;
    const begunAt = now();
    const followed = this.#followed.get(row.shard);
    this.#followed.delete(row.shard);
    const shard: OpenShard = {
      ...{ row, log: [], done: new Set(), queued: new Set(), running: new Set(), elsewhere: new Map() },
      ...{ successes: [], isOpen: false, isDropped: false, starts: true, writing: undefined },
    };
    this.#shards.set(row.shard, shard);
    const planted = early?.(row.shard);
    if (planted) shard.log = [...planted];
    else shard.log = (followed && (await this.#goneOn(row.shard, followed))) ?? (await this.#all(database, row.shard));
    if (this.broken.has(row.shard)) {
      this.#shards.delete(row.shard);
      throw this.#ports.neverSaysSo ? new UnknownEnd('again') : new DamagedRecord('log record 1');
    }
    for (const record of shard.log) this.#apply(shard, contentOf(record));
    shard.isOpen = true;
    this.#ports.opened(row, shard.log, begunAt);
  }

  get ends(): readonly LogEnd[] {
    return [...this.#shards.values()].flatMap(({ row: { shard }, log, isOpen, isDropped }) => {
      const last = log.at(-1);
      return last && isOpen && !isDropped ? [{ shard, position: last.position, id: last.id }] : [];
    });
  }

  async #all(database: Database, shard: number): Promise<LogRow[]> {
    return await database.load(shard, async ({ log }) => {
      const all: LogRow[] = [];
      for await (const rows of log) all.push(...rows);
      return all;
    });
  }

  /** What was followed, with what came since; undefined where the database has lost the end of it, as `ShardLoading` finds as well. */
  async #goneOn(shard: number, followed: readonly LogRow[]): Promise<LogRow[] | undefined> {
    const last = followed.at(-1);
    if (last === undefined) return undefined;
    const [end, ...rest] = await this.#ports.database.recordsAfter(shard, last.position - 1, 1_000_000);
    return end?.id === last.id ? [...followed, ...rest] : undefined;
  }

  #apply(shard: OpenShard, { succeeded, running = [], node }: Content): void {
    if (succeeded !== undefined) {
      shard.done.add(succeeded);
      shard.elsewhere.delete(succeeded);
    }
    // An attempt that ran when it moved, and moves again, ends where it runs.
    for (const job of running) shard.elsewhere.set(job, node as RandomId);
  }

  async drop(of: number): Promise<void> {
    const shard = this.#shards.get(of);
    if (!shard) return;
    shard.isDropped = true;
    shard.queued.clear();
    await shard.writing?.catch(() => {});
    if (this.#shards.get(of) === shard) this.#shards.delete(of);
  }

  async follow(shard: number): Promise<void> {
    this.#followed.set(shard, await this.#all(this.#ports.database, shard));
  }

  unfollow(shard: number): void {
    this.#followed.delete(shard);
  }

  /** Nobody writes pages here. */
  loaded(shard: number): LoadedPages | undefined {
    return this.#followed.has(shard) ? { slice: null } : undefined;
  }

  followed(): void {}

  lastSlice(): null {
    return null;
  }

  async give(row: ShardRow, to: RandomId): Promise<Given> {
    const shard = this.#shards.get(row.shard);
    if (!shard) return 'lost';
    shard.starts = false;
    shard.queued.clear();
    await shard.writing;
    const running = [...shard.running];
    const { epoch } = row;
    const end = await this.#append(shard, { epoch, running, node: this.#ports.self() as RandomId }, to).catch(
      () => 'kept' as const,
    );
    if (end === 'kept') shard.starts = true;
    if (end === 'rewound') this.#ports.refused(row.shard, true);
    if (end !== 'done') return end === 'kept' ? 'kept' : 'lost';
    this.#shards.delete(row.shard);
    const given = this.given.get(row.shard) ?? new Set();
    for (const job of running) given.add(job);
    this.given.set(row.shard, given);
    return 'given';
  }

  /** The node learns of an attempt that ended elsewhere; false when it cannot take that now. */
  endedElsewhere(of: number, job: number, on: RandomId): boolean {
    const shard = this.#shards.get(of);
    if (!shard || !this.#ports.rowOf(of)) return false;
    if (shard.elsewhere.get(job) === on) shard.successes.push(job);
    return true;
  }

  /** The main thread does one thing. */
  work(): void {
    const { random, rowOf, living } = this.#ports;
    const shards = [...this.#shards.values()].filter(({ isDropped }) => !isDropped);
    if (shards.length === 0) return;
    const shard = random.pick(shards);
    if (!rowOf(shard.row.shard)) return;
    for (const [job, node] of shard.elsewhere) if (!living().has(node)) shard.elsewhere.delete(job);
    if (random.chance(0.5)) this.#dispatch(shard, random.between(0, jobsPerShard - 1));
    else if (!shard.writing) this.#write(shard);
  }

  #dispatch(shard: OpenShard, job: number): void {
    const { done, running, queued, elsewhere, starts, successes } = shard;
    const isThere =
      done.has(job) || running.has(job) || queued.has(job) || elsewhere.has(job) || successes.includes(job);
    if (starts && !isThere) queued.add(job);
  }

  #write(shard: OpenShard): void {
    const [job] = shard.successes;
    if (job === undefined || !shard.starts) return;
    const write = async (): Promise<void> => {
      const end = await this.#append(shard, { epoch: shard.row.epoch, succeeded: job }).catch(() => 'kept' as const);
      if (end !== 'kept') shard.successes.shift();
      if (end === 'done') this.#apply(shard, { epoch: shard.row.epoch, succeeded: job });
      else if (end !== 'kept' && !shard.isDropped) this.#ports.refused(shard.row.shard, end === 'rewound');
      if (end === 'done') shard.running.delete(job);
      shard.writing = undefined;
    };
    shard.writing = write();
  }

  /** As `ShardLog`: the same bytes again until it is known what became of them. */
  async #append(
    shard: OpenShard,
    content: Content,
    giveTo?: RandomId,
  ): Promise<'done' | 'fenced' | 'rewound' | 'claimed'> {
    const { database, randomId } = this.#ports;
    const last = shard.log.at(-1);
    const row: LogRow = {
      position: (last?.position ?? 0) + 1,
      id: randomId(),
      previous: last?.id ?? null,
      bytes: Buffer.from(JSON.stringify(content)),
    };
    const append: Append = { lease: shard.row, row, claims: [], released: [], giveTo };
    let isUnknown = false;
    for (;;) {
      try {
        const { end } = await database.append(append);
        if (end === 'done') {
          shard.log.push(row);
          if (!shard.isDropped) this.#ports.told(shard.row, row);
        }
        return end;
      } catch (error) {
        isUnknown ||= error instanceof UnknownEnd;
        // Only what certainly was not sent before may be left.
        if (!isUnknown || shard.isDropped) throw error;
      }
    }
  }

  /** The worker's thread begins what is queued, whatever the main thread does. */
  begin(): void {
    const { mayBegin, begins } = this.#ports;
    for (const shard of this.#shards.values()) {
      for (const job of shard.queued) {
        shard.queued.delete(job);
        if (!mayBegin()) continue;
        shard.running.add(job);
        begins(shard.row.shard, job, shard.row);
      }
    }
  }

  /** An attempt ends well. */
  end(): void {
    const { random } = this.#ports;
    const shards = [...this.#shards.values()].filter(({ running, isDropped }) => running.size > 0 && !isDropped);
    if (shards.length === 0) return;
    const shard = random.pick(shards);
    const ended = [...shard.running].filter((job) => !shard.successes.includes(job));
    if (ended.length > 0 && shard.starts) shard.successes.push(random.pick(ended));
  }
}
