/** What must hold in each life of a cluster, whatever happens to machines and database. */
import type { Clock } from '../../../src/clock.js';
import type { LogRow, ShardRow } from '../../../src/store/postgres/database.js';
import type { FakeDatabase } from './fake-database.js';
import { contentOf } from './simulated-host.js';
import type { Time } from './surroundings.js';
import { Told } from './told.js';

/** A lease, by the slowest clock. */
const noticedWithin = 3000 / 0.9 + 1;

/** On what an attempt begins. */
interface Beginner {
  readonly clock: Clock;
  readonly deadline: { hasPassed(monotonicNow: number, wallNow: number): boolean };
  readonly process: { readonly isGone: boolean };
}

export interface LifeChecksPorts {
  readonly fake: FakeDatabase;
  readonly time: Time;
  readonly shards: number;
  /** Who has a shard under this lease, runs, and is to notice what becomes of it. */
  readonly having: (row: ShardRow) => object | undefined;
}

/** See the head of this file. */
export class LifeChecks {
  /** What did not hold, a sentence each. */
  readonly faults: string[] = [];
  readonly #ports: LifeChecksPorts;
  readonly #told = new Told();
  /** Up to which position the records of each shard were looked at. */
  readonly #checked: number[];
  /** When each shard was given a new token and kept its owner, by true time: another node has noticed what was lost before that had it. */
  readonly #renewedAt = new Map<number, number>();
  /** When the database last lost what it had confirmed, by true time. */
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(ports: LifeChecksPorts) {
    this.#ports = ports;
    this.#checked = new Array(ports.shards).fill(0) as number[];
  }

  /** An attempt begins. */
  begins({ clock, deadline, process }: Beginner, shard: number, job: number, row: ShardRow): void {
    const { fake, time } = this.#ports;
    const what = `job ${job} of shard ${shard} began at ${time.now}`;
    if (process.isGone) this.faults.push(`${what} in a process that is gone`);
    if (deadline.hasPassed(clock.monotonic(), clock.now())) this.faults.push(`${what}, after the deadline`);
    // What was lost is noticed by the next beat, without which there is no lease.
    if (time.now - this.#forgotAt < noticedWithin) return;
    const now = fake.tables.shards()[shard];
    // Its owner hears of a new token by its next beat, as of a loss. Nobody else runs anything of the shard meanwhile.
    const renewedAt = this.#renewedAt.get(shard) ?? Number.NEGATIVE_INFINITY;
    const isRenewed = now?.owner === row.owner && time.now - renewedAt < noticedWithin;
    if (now?.token !== row.token && !isRenewed)
      this.faults.push(`${what} under epoch ${row.epoch}, and ${now?.epoch} had the shard`);
    const succeeded = this.#logOf(shard).find((record) => contentOf(record).succeeded === job);
    if (succeeded) this.faults.push(`${what}, which had succeeded at position ${succeeded.position}`);
  }

  /** A node has this record under this lease: clients may hear of it. */
  tell(row: ShardRow, record: LogRow): void {
    const fault = this.#told.tell(row, record);
    if (fault !== undefined) this.faults.push(`${fault}, at ${this.#ports.time.now}`);
    // It was written, and was lost before this node heard that it was.
    const isThere = this.#logOf(row.shard).some(({ id }) => id === record.id);
    if (!isThere) this.#told.lost(row.shard, [record], this.#ports.having(row));
  }

  /** Nobody else can have written since it was taken: what was loaded is all there is. */
  opened(row: ShardRow, log: readonly LogRow[], begunAt: number): void {
    const { shard, token, epoch } = row;
    for (const record of log) this.tell(row, record);
    if (begunAt <= this.#forgotAt) return;
    if (this.#ports.fake.tables.shards()[shard]?.token !== token) return;
    const there = this.#logOf(shard);
    if (there.length === log.length && there.at(-1)?.id === log.at(-1)?.id) return;
    this.faults.push(
      `shard ${shard} was opened under epoch ${epoch} with ${log.length} records, and there were ${there.length}`,
    );
  }

  /**
   * The database has carried out a statement.
   *
   * @param before the shards as they were before it
   * @returns how many shards have another owner or lease by it, and how many were given away
   */
  look(before: readonly ShardRow[]): { readonly taken: number; readonly given: number } {
    const { fake, time } = this.#ports;
    let [taken, given] = [0, 0];
    for (const row of fake.tables.shards()) {
      const { epoch = 0, owner, timeline } = before[row.shard] ?? {};
      if (row.timeline !== timeline) this.#told.renewed(row.shard);
      if (row.epoch !== epoch) taken++;
      if (row.epoch !== epoch && row.owner === owner) this.#renewedAt.set(row.shard, time.now);
      const from = this.#checked[row.shard] as number;
      for (const record of fake.tables.recordsAfter(row.shard, from, Number.POSITIVE_INFINITY)) {
        const content = contentOf(record);
        if (content.epoch !== epoch)
          this.faults.push(`a record of epoch ${content.epoch} in shard ${row.shard}, which epoch ${epoch} had`);
        if (content.node !== undefined) given++;
        this.#checked[row.shard] = record.position;
      }
    }
    return { taken, given };
  }

  /** A failover to a standby that lags by so many writes. */
  forget(writes: number): void {
    const { fake, time, having } = this.#ports;
    const { tables } = fake;
    const before = tables.shards().map((row) => ({ row, log: this.#logOf(row.shard) }));
    tables.forget(Math.min(tables.writes, writes));
    this.#forgotAt = time.now;
    for (const { row, log } of before) {
      const { shard } = row;
      const there = this.#logOf(shard);
      this.#checked[shard] = Math.min(this.#checked[shard] as number, there.at(-1)?.position ?? 0);
      // With the new timeline, what it was given for is as if it had not been noticed. Who had noticed it does not look twice.
      if (tables.shards()[shard]?.timeline !== row.timeline) this.#told.excuse(shard);
      const lost = log.slice(there.length);
      if (lost.length === 0) continue;
      // Where its taking is lost as well, another may take it before its owner has noticed.
      const isHis = tables.shards()[shard]?.token === row.token;
      this.#told.lost(shard, lost, isHis ? having(row) : undefined);
    }
  }

  /** A machine is gone, or stands still. @param shard it goes on, and has given this one up */
  gone(machine: object, shard?: number): void {
    this.#told.gone(machine, shard);
  }

  #logOf(shard: number): readonly LogRow[] {
    return this.#ports.fake.tables.recordsAfter(shard, 0, Number.POSITIVE_INFINITY);
  }
}
