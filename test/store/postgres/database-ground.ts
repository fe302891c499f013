/** What the suite of `Database` stands on: appends and slices of a shard, one behind the other, and what a load finds. */
import type { Test } from 'tap';
import type {
  Append,
  Claim,
  Database,
  LogRow,
  PageChange,
  PageSlice,
  RandomId,
  ShardRow,
} from '../../../src/store/postgres/database.js';

export interface DatabaseUnderTest {
  /** What a node asks through; at least 4 shards, none of them owned, none with records. */
  of(node: RandomId): Promise<Database>;
  /** The suite asks for each of its answers through this. */
  run<T>(promise: Promise<T>): Promise<T>;
}

export const nodeA = 'a'.repeat(32);
export const nodeB = 'b'.repeat(32);
export const idOf = (number: number): RandomId => number.toString(16).padStart(32, '0');
export const bytesOf = (text: string): Buffer => Buffer.from(text);
export const textOf = (bytes: Uint8Array | null): string | null =>
  bytes === null ? null : Buffer.from(bytes).toString();
export const key = (name: string, shard: number, slot: number): Claim => ({
  kind: 'key',
  name,
  shard,
  slot,
  digest: '',
});

/** Appends of one shard, each behind the last. */
export class Writer {
  position = 0;
  previous: RandomId | null = null;
  slices = 0;

  constructor(readonly row: ShardRow) {}

  next(more: Partial<Append> = {}): Append {
    const position = this.position + 1;
    const id = idOf(this.row.shard * 1000 + position);
    const { shard, token } = this.row;
    return {
      lease: { shard, token },
      row: { position, id, previous: this.previous, bytes: bytesOf(`record ${position}`) },
      claims: [],
      released: [],
      ...more,
    };
  }

  /** The next slice of a merge. */
  slice(changes: readonly PageChange[], merged?: number): PageSlice {
    const { shard, token } = this.row;
    const previous = this.slices === 0 ? null : idOf(900_000 + this.slices);
    const id = idOf(900_000 + ++this.slices);
    const last = this.previous === null ? null : { position: this.position, id: this.previous };
    return { lease: { shard, token }, id, previous, last, changes, ...(merged !== undefined && { merged }) };
  }

  moveOn(): void {
    const { position, id } = this.next().row;
    this.position = position;
    this.previous = id;
  }
}

/** A database of the adapter, and what most tests ask of it. */
export async function begin(t: Test, make: (t: Test) => Promise<DatabaseUnderTest>) {
  const under = await make(t);
  const database = await under.of(nodeA);
  const run = <T>(promise: Promise<T>): Promise<T> => under.run(promise);
  const take = async (shard: number, owner = nodeA): Promise<ShardRow> => {
    const row = (await run(database.shards()))[shard]!;
    return (await run(database.take(shard, row.token, owner)))!;
  };
  const writer = async (shard: number): Promise<Writer> => new Writer(await take(shard));
  const appended = async (of: Writer, more: Partial<Append> = {}) => {
    const result = await run(database.append(of.next(more)));
    if (result.end === 'done') of.moveOn();
    return result;
  };
  const log = async (shard: number) => (await run(database.recordsAfter(shard, 0, 1_000))).map((row) => row.position);
  return { under, database, run, take, writer, appended, log };
}

export const lastOf = (of: Writer): LogRow => ({
  position: of.position,
  id: of.previous!,
  previous: null,
  bytes: bytesOf('again'),
});

export async function loadAll(database: Database, run: DatabaseUnderTest['run'], shard: number) {
  return await run(
    database.load(shard, async ({ row, lastSlice, pages, log }) => {
      const found = { row, lastSlice, pages: [] as unknown[], log: [] as number[] };
      for await (const part of pages)
        for (const { tree, key, value } of part) found.pages.push([tree, [...key], textOf(value)]);
      for await (const part of log) found.log.push(...part.map(({ position }) => position));
      return found;
    }),
  );
}
