/** The port `Database` over PostgreSQL. What each statement does stands in `schema.ts`; what becomes of it, in `connections.ts`. */
import { randomBytes } from 'node:crypto';
import type { PlaceAnswer, PlaceAsk } from '../../../domain/control/limited-places.js';
import type {
  Append,
  Appended,
  Beaten,
  Claim,
  Database,
  DeclaredTypes,
  LoadedShard,
  LogRow,
  NodeRow,
  PageSlice,
  RandomId,
  SettingsStep,
  ShardLease,
  ShardRow,
  StoredSettings,
} from '../database.js';
import type { Connections, Use } from './connections.js';
import { copyLog, copyPages } from './copying.js';
import { codeOf, isCollision } from './errors.js';
import { encodeList } from './wire.js';

/** How long a load may be without a sign of life, in milliseconds: PostgreSQL may have to sort the pages first. */
const loadAnswerMs = 60_000;
/** How often an append that collided with another is tried again before its caller hears of it. */
const mostCollisions = 5;

const parameters = (length: number): string => Array.from({ length }, (_, index) => `$${index + 1}`).join(', ');
const appendParameters = parameters(10);
const pagesParameters = parameters(10);

export class PgDatabase implements Database {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  async append({ lease, row, claims, released, giveTo }: Append): Promise<Appended> {
    const hasNames = claims.length > 0 || released.length > 0;
    const values = [
      lease.shard,
      lease.token,
      row.position,
      row.id,
      row.previous,
      asBuffer(row.bytes),
      hasNames ? JSON.stringify(claims) : null,
      hasNames ? JSON.stringify(released) : null,
      giveTo ?? null,
      giveTo === undefined ? null : randomId(),
    ];
    for (let tries = 1; ; tries++) {
      try {
        return appended(await this.#one<string>('appends', 'append', `append(${appendParameters})`, values));
      } catch (error) {
        if (tries === mostCollisions || !isCollision(codeOf(error))) throw error;
      }
    }
  }

  async writePages({ lease, id, previous, last, changes, merged }: PageSlice): Promise<'done' | 'fenced' | 'rewound'> {
    return await this.#one('pages', 'write_pages', `write_pages(${pagesParameters})`, [
      lease.shard,
      lease.token,
      id,
      previous,
      last?.position ?? null,
      last?.id ?? null,
      encodeList(
        'text',
        changes.map(({ tree }) => Buffer.from(tree)),
      ),
      encodeList(
        'bytea',
        changes.map(({ key }) => key),
      ),
      encodeList(
        'bytea',
        changes.map(({ value }) => value),
      ),
      merged ?? null,
    ]);
  }

  async trim({ shard, token }: ShardLease, before: number, limit: number): Promise<number | 'fenced'> {
    const count = await this.#one<number>('pages', 'trim_log', 'trim_log($1, $2, $3, $4)', [
      shard,
      token,
      before,
      limit,
    ]);
    return count < 0 ? 'fenced' : count;
  }

  async holders(names: readonly Pick<Claim, 'kind' | 'name'>[]): Promise<readonly Claim[]> {
    return (
      JSON.parse(
        await this.#one<string>('appends', 'holders', 'holders($1)', [JSON.stringify(names)]),
      ) as NullableClaim[]
    ).map(claimOf);
  }

  async recordsAfter(shard: number, position: number, limit: number): Promise<readonly LogRow[]> {
    return await this.#connections.run('pages', async (client, alive) => {
      const rows: LogRow[] = [];
      for await (const part of copyLog(client, { shard, after: position, limit }, alive)) rows.push(...part);
      return rows;
    });
  }

  async load<T>(shard: number, read: (loaded: LoadedShard) => Promise<T>): Promise<T> {
    let own: { readonly error: unknown } | undefined;
    const loading = this.#connections.run(
      'pages',
      async (client, alive) => {
        await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        const { rows } = await client.query('SELECT shard_rows() AS rows');
        const row = shardRows(rows[0].rows).find((found) => found.shard === shard);
        if (!row) throw new RangeError(`there is no shard ${shard}`);
        const merged = await client.query('SELECT slice FROM merged WHERE shard = $1', [shard]);
        const slice = merged.rows[0].slice as string | null;
        const loaded = {
          row,
          lastSlice: slice === null ? null : plainId(slice),
          pages: copyPages(client, shard, alive),
          log: copyLog(client, { shard, after: 0 }, alive),
        };
        const result = await read(loaded).catch((error: unknown) => {
          own = { error };
          throw error;
        });
        await client.query('COMMIT');
        return result;
      },
      loadAnswerMs,
    );
    // What the reader threw says more than that a session ended in the middle.
    return await loading.catch((error: unknown) => {
      throw own ? own.error : error;
    });
  }

  async join(node: Omit<NodeRow, 'dead' | 'beat'>): Promise<void> {
    await this.#connections.run('control', async (client) => {
      await client.query({
        text: `WITH old AS (DELETE FROM node WHERE dead AND dead_since < now() - interval '1 day')
          INSERT INTO node (node, address, format, leaving, facts) VALUES ($1, $2, $3, $4, $5)`,
        values: [node.node, node.address, node.format, node.leaving, node.facts],
      });
    });
  }

  async beat(
    node: RandomId,
    seen: number,
    changed: Partial<Pick<NodeRow, 'leaving' | 'facts'>>,
    leaves?: () => void,
  ): Promise<Beaten> {
    const beaten = await this.#one<Beaten>(
      'beats',
      'beat',
      'beat($1, $2, $3, $4)',
      [node, seen, changed.leaving ?? null, changed.facts ?? null],
      leaves,
    );
    return {
      ...beaten,
      ends: beaten.ends.map((end) => ({ ...end, id: plainId(end.id) })),
      shards: shardRows(beaten.shards),
    };
  }

  async nodes(): Promise<readonly NodeRow[]> {
    return await this.#connections.run('control', async (client) => {
      const { rows } = await client.query({
        name: 'nodes',
        text: 'SELECT node, beat, address, format, dead, leaving, facts FROM node ORDER BY node',
      });
      return rows.map((row) => ({ ...row, node: plainId(row.node), beat: Number(row.beat) }) as NodeRow);
    });
  }

  async declareDead(node: RandomId, seen: number): Promise<boolean> {
    return await this.#connections.run('control', async (client) => {
      const { rowCount } = await client.query(
        'UPDATE node SET dead = true, dead_since = now() WHERE node = $1 AND beat = $2 AND NOT dead',
        [node, seen],
      );
      return rowCount === 1;
    });
  }

  async leave(node: RandomId): Promise<void> {
    await this.#connections.run('control', async (client) => {
      await client.query('DELETE FROM node WHERE node = $1', [node]);
    });
  }

  async askPlaces(
    node: RandomId,
    asked: number,
    asks: readonly PlaceAsk[],
  ): Promise<readonly PlaceAnswer[] | undefined> {
    const values = [node, asked, JSON.stringify(asks)];
    const text = await this.#one<string | null>('places', 'ask_places', 'ask_places($1, $2, $3)', values);
    if (text === null) return undefined;
    return (JSON.parse(text) as PlaceAnswer[]).map(({ next, ...answer }) => ({ ...answer, next: next.map(plainId) }));
  }

  async shards(): Promise<readonly ShardRow[]> {
    return shardRows(await this.#one<readonly ShardRow[]>('control', 'shards', 'shard_rows()', []));
  }

  async take(shard: number, oldToken: RandomId, owner: RandomId): Promise<ShardRow | undefined> {
    const row = await this.#one<ShardRow | null>('control', 'take', 'take($1, $2, $3, $4)', [
      shard,
      oldToken,
      randomId(),
      owner,
    ]);
    return row === null ? undefined : shardRow(row);
  }

  async beginTimeline(shard: number, oldToken: RandomId): Promise<boolean> {
    const values = [shard, oldToken, randomId()];
    return await this.#one<boolean>('control', 'begin_timeline', 'begin_timeline($1, $2, $3)', values);
  }

  async endBackends(node: RandomId): Promise<void> {
    await this.#connections.endBackends(node);
  }

  async settings(known: RandomId | undefined): Promise<StoredSettings | undefined> {
    const stored = await this.#one<StoredSettings | null>('control', 'settings', 'stored_settings($1)', [
      known ?? null,
    ]);
    return stored === null ? undefined : { ...stored, id: plainId(stored.id) };
  }

  async changeSettings({ id, before, rows }: SettingsStep): Promise<'done' | 'overtaken'> {
    return await this.#one('control', 'change_settings', 'change_settings($1, $2, $3)', [
      id,
      before,
      JSON.stringify(rows),
    ]);
  }

  async declareTypes({ digest, text }: DeclaredTypes): Promise<void> {
    await this.#one('control', 'declare_types', 'declare_types($1, $2)', [digest, text]);
  }

  async declaredTypes(digests: readonly string[]): Promise<readonly DeclaredTypes[]> {
    return await this.#connections.run('control', async (client) => {
      const { rows } = await client.query<DeclaredTypes>({
        name: 'declared_types',
        text: 'SELECT digest, declared AS text FROM job_types WHERE digest = ANY($1) ORDER BY digest',
        values: [digests],
      });
      return rows;
    });
  }

  async nextBulk(): Promise<number> {
    return Number(await this.#one<string>('control', 'next_bulk', `nextval('bulk')`, []));
  }

  /**
   * Calls a function in a transaction of its own, prepared once for each session.
   * @param leaves called right before it is sent
   */
  async #one<T>(use: Use, name: string, call: string, values: unknown[], leaves?: () => void): Promise<T> {
    return await this.#connections.run(use, async (client) => {
      leaves?.();
      const { rows } = await client.query({ name, text: `SELECT ${call} AS answer`, values });
      return rows[0].answer as T;
    });
  }
}

function appended(answer: string): Appended {
  switch (answer) {
    case 'done':
    case 'fenced':
    case 'rewound':
      return { end: answer };
    default:
      return { end: 'claimed', by: (JSON.parse(answer) as NullableClaim[]).map(claimOf) };
  }
}

type NullableClaim = Omit<Claim, 'expiresAt'> & { readonly expiresAt: number | null };

function claimOf({ expiresAt, ...claim }: NullableClaim): Claim {
  return expiresAt === null ? claim : { ...claim, expiresAt };
}

const randomId = (): RandomId => randomBytes(16).toString('hex');

/** Without the dashes that PostgreSQL writes. */
export const plainId = (id: string): RandomId => id.replaceAll('-', '');

function shardRow(row: ShardRow): ShardRow {
  return { ...row, owner: row.owner === null ? null : plainId(row.owner), token: plainId(row.token) };
}

/** As the database writes them. */
export const shardRows = (rows: readonly ShardRow[]): ShardRow[] => rows.map(shardRow);

/** Only a Buffer is sent as bytes. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
