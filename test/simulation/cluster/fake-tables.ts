/**
 * What the database of a cluster has, in memory, and what each statement does there: at once, all of it or nothing. Statements are
 * carried out one after the other, so row locks need no model. Every write can be taken back, for a failover that loses the last ones.
 */
import type { PlaceAnswer, PlaceAsk } from '../../../src/domain/control/limited-places.js';
import type {
  Append,
  Appended,
  Beaten,
  Claim,
  DeclaredTypes,
  LogRow,
  NodeRow,
  PageChange,
  PageSlice,
  RandomId,
  SettingsStep,
  ShardLease,
  ShardRow,
  StoredSettings,
} from '../../../src/store/postgres/database.js';
import { endingDigest, noChange } from '../../../src/store/postgres/database.js';
import { askFake, type FakeType, unusedType } from './fake-places.js';

interface Page {
  readonly tree: PageChange['tree'];
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

interface FakeShard {
  row: ShardRow;
  readonly log: Map<number, LogRow>;
  readonly pages: Map<string, Page>;
  /** The last one. */
  slice: RandomId | null;
}

const nameOf = ({ kind, name }: Pick<Claim, 'kind' | 'name'>): string => `${kind} ${name}`;
const pageName = ({ tree, key }: Pick<PageChange, 'tree' | 'key'>): string =>
  `${tree} ${Buffer.from(key).toString('latin1')}`;

export class FakeTables {
  readonly #shards: FakeShard[];
  readonly #nodes = new Map<RandomId, NodeRow>();
  readonly #claims = new Map<string, Claim>();
  readonly #settings = new Map<string, string>();
  #lastChange: Pick<StoredSettings, 'version' | 'id'> = { version: 0, id: noChange };
  readonly #types = new Map<string, string>();
  #bulks = 0;
  readonly #limited = new Map<string, FakeType>();
  readonly #randomId: () => RandomId;
  readonly #now: () => number;
  /** Of all shards, also those that were taken back: no two are the same. */
  #timelines = 0;
  /** What takes each write back, the latest last. */
  readonly #undo: (() => void)[] = [];
  /** False: a planted fault, any lease passes for the one that holds. */
  checksTokens = true;
  /** False: a planted fault, names are given to all who want them. */
  checksClaims = true;
  /** False: a planted fault, names are never given free. */
  releasesClaims = true;
  /** False: a planted fault, a shard that has lost commits keeps its timeline. */
  beginsTimelines = true;
  /** False: a planted fault, an ask for places that is late is carried out. */
  checksAsks = true;

  /**
   * @param shards how many there are
   * @param now the database's clock, Unix milliseconds
   */
  constructor(shards: number, randomId: () => RandomId, now: () => number) {
    this.#randomId = randomId;
    this.#now = now;
    this.#shards = Array.from({ length: shards }, (_, shard) => ({
      row: { shard, owner: null, token: randomId(), epoch: 0, timeline: 0, merged: 0 },
      log: new Map(),
      pages: new Map(),
      slice: null,
    }));
  }

  /** How many writes there were that are not taken back. */
  get writes(): number {
    return this.#undo.length;
  }

  /** Takes the last writes back, as a failover to a standby that lags does. */
  forget(writes: number): void {
    for (let left = writes; left > 0; left--) this.#undo.pop()?.();
  }

  append({ lease, row, claims, released, giveTo }: Append): Appended {
    const given = giveTo !== undefined && this.#shard(lease.shard).log.get(row.position)?.id === row.id;
    if (given) return { end: 'done' };
    const shard = this.#held(lease);
    if (!shard) return { end: 'fenced' };
    const there = shard.log.get(row.position);
    if (there) return { end: there.id === row.id ? 'done' : 'rewound' };
    const before = shard.log.get(row.position - 1);
    if (row.previous === null ? shard.log.size > 0 || row.position !== 1 : before?.id !== row.previous)
      return { end: 'rewound' };
    const own = released.filter((claim) => this.#claims.get(nameOf(claim))?.shard === lease.shard);
    const freed = new Set(own.map(nameOf));
    const by = claims
      .map((claim) => this.#claims.get(nameOf(claim)))
      .filter(
        (held): held is Claim =>
          held !== undefined && !freed.has(nameOf(held)) && this.#holds(held) && held.digest !== endingDigest,
      )
      .filter((held) => !claims.some((claim) => nameOf(claim) === nameOf(held) && isSame(claim, held)));
    if (by.length > 0 && this.checksClaims) return { end: 'claimed', by };
    this.#write(
      setting(shard.log, row.position, { ...row, bytes: new Uint8Array(row.bytes) }),
      ...(this.releasesClaims ? own : []).map((claim) => setting(this.#claims, nameOf(claim), undefined)),
      ...claims.map((claim) => setting(this.#claims, nameOf(claim), claim)),
      ...(giveTo === undefined ? [] : [this.#taken(shard, giveTo)]),
    );
    return { end: 'done' };
  }

  holders(names: readonly Pick<Claim, 'kind' | 'name'>[]): readonly Claim[] {
    return names
      .map((name) => this.#claims.get(nameOf(name)))
      .filter((held): held is Claim => held !== undefined && this.#holds(held))
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
  }

  /** All that are held. */
  claims(): readonly Claim[] {
    return [...this.#claims.values()].filter((claim) => this.#holds(claim));
  }

  writePages({ lease, id, previous, last, changes, merged }: PageSlice): 'done' | 'fenced' | 'rewound' {
    const shard = this.#held(lease);
    if (!shard) return 'fenced';
    if (shard.slice === id) return 'done';
    if (shard.slice !== previous || (last && shard.log.get(last.position)?.id !== last.id)) return 'rewound';
    this.#write(
      ...changes.map(({ tree, key, value }) =>
        setting(
          shard.pages,
          pageName({ tree, key }),
          value === null ? undefined : { tree, key: new Uint8Array(key), value: new Uint8Array(value) },
        ),
      ),
      ...(merged === undefined ? [] : [this.#row(shard, { merged })]),
      () => {
        shard.slice = id;
        return () => {
          shard.slice = previous;
        };
      },
    );
    return 'done';
  }

  trim(lease: ShardLease, before: number, limit: number): number | 'fenced' {
    const shard = this.#held(lease);
    if (!shard) return 'fenced';
    const positions = [...shard.log.keys()].sort((a, b) => a - b);
    const over = positions
      .filter((position) => position < before && position <= shard.row.merged && position !== positions.at(-1))
      .slice(0, limit);
    if (over.length > 0) this.#write(...over.map((position) => setting(shard.log, position, undefined)));
    return over.length;
  }

  recordsAfter(shard: number, position: number, limit: number): readonly LogRow[] {
    return this.#log(this.#shard(shard))
      .filter((row) => row.position > position)
      .slice(0, limit);
  }

  /** All of a shard, as it is now. */
  snapshot(of: number): {
    readonly row: ShardRow;
    readonly lastSlice: RandomId | null;
    readonly pages: readonly PageChange[];
    readonly log: readonly LogRow[];
  } {
    const shard = this.#shard(of);
    const pages = [...shard.pages].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, page]) => ({ ...page }));
    return { row: shard.row, lastSlice: shard.slice, pages, log: this.#log(shard) };
  }

  join(node: Omit<NodeRow, 'dead' | 'beat'>): void {
    if (this.#nodes.has(node.node)) throw new Error(`node ${node.node} is there already`);
    this.#write(setting(this.#nodes, node.node, { ...node, beat: 0, dead: false }));
  }

  beat(node: RandomId, seen: number, changed: Partial<Pick<NodeRow, 'leaving' | 'facts'>>): Beaten {
    const row = this.#nodes.get(node);
    const isAlive = row !== undefined && !row.dead && row.beat >= seen;
    const beat = (row?.beat ?? 0) + (isAlive ? 1 : 0);
    if (isAlive) this.#write(setting(this.#nodes, node, { ...row, ...changed, beat }));
    const ends = this.#shards
      .filter(({ row }) => row.owner === node)
      .map((shard) => ({ shard: shard.row.shard, last: this.#log(shard).at(-1) }))
      .flatMap(({ shard, last }) => (last ? [{ shard, position: last.position, id: last.id }] : []));
    return { end: isAlive ? 'done' : 'dead', beat, ends, shards: this.shards(), now: this.#now() };
  }

  nodes(): readonly NodeRow[] {
    return [...this.#nodes.values()];
  }

  declareDead(node: RandomId, seen: number): boolean {
    const row = this.#nodes.get(node);
    if (!row || row.dead || row.beat !== seen) return false;
    this.#write(setting(this.#nodes, node, { ...row, dead: true }));
    return true;
  }

  leave(node: RandomId): void {
    const without = [...this.#limited].map(([name, type]) => {
      const nodes = new Map(type.nodes);
      nodes.delete(node);
      return setting(this.#limited, name, { ...type, nodes });
    });
    this.#write(setting(this.#nodes, node, undefined), ...without);
  }

  askPlaces(node: RandomId, asked: number, asks: readonly PlaceAsk[]): readonly PlaceAnswer[] | undefined {
    const lives = (id: RandomId): boolean => this.#nodes.get(id)?.dead === false;
    if (!lives(node)) return undefined;
    const answers: PlaceAnswer[] = [];
    for (const ask of [...asks].sort((a, b) => (a.type < b.type ? -1 : 1))) {
      const before = this.#limited.get(ask.type) ?? unusedType;
      const number = this.checksAsks ? asked : Number.POSITIVE_INFINITY;
      const done = askFake(before, ask, { node, asked: number, now: this.#now(), lives });
      if (done === undefined) continue;
      this.#write(setting(this.#limited, ask.type, done.type));
      answers.push(done.answer);
    }
    return answers;
  }

  shards(): readonly ShardRow[] {
    return this.#shards.map(({ row }) => row);
  }

  take(of: number, oldToken: RandomId, owner: RandomId): ShardRow | undefined {
    const shard = this.#shard(of);
    if (shard.row.token !== oldToken) return undefined;
    this.#write(this.#taken(shard, owner));
    return shard.row;
  }

  beginTimeline(of: number, oldToken: RandomId): boolean {
    const shard = this.#shard(of);
    if (shard.row.token !== oldToken) return false;
    const [token, epoch] = [this.#randomId(), shard.row.epoch + 1];
    const timeline = this.beginsTimelines ? ++this.#timelines : shard.row.timeline;
    this.#write(this.#row(shard, { token, epoch, timeline }));
    return true;
  }

  settings(known: RandomId | undefined): StoredSettings | undefined {
    if (known === this.#lastChange.id) return undefined;
    const rows = [...this.#settings].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => ({ name, value }));
    return { ...this.#lastChange, rows };
  }

  changeSettings({ id, before, rows }: SettingsStep): 'done' | 'overtaken' {
    const last = this.#lastChange;
    if (last.id === id) return 'done';
    if (last.id !== before) return 'overtaken';
    this.#write(...rows.map(({ name, value }) => setting(this.#settings, name, value ?? undefined)), () => {
      this.#lastChange = { version: last.version + 1, id };
      return () => {
        this.#lastChange = last;
      };
    });
    return 'done';
  }

  declareTypes({ digest, text }: DeclaredTypes): void {
    this.#write(setting(this.#types, digest, text));
  }

  declaredTypes(digests: readonly string[]): readonly DeclaredTypes[] {
    return [...digests].sort().flatMap((digest) => {
      const text = this.#types.get(digest);
      return text === undefined ? [] : [{ digest, text }];
    });
  }

  nextBulk(): number {
    return ++this.#bulks;
  }

  #shard(of: number): FakeShard {
    const shard = this.#shards[of];
    if (!shard) throw new RangeError(`there is no shard ${of}`);
    return shard;
  }

  #taken(shard: FakeShard, owner: RandomId): () => () => void {
    return this.#row(shard, { owner, token: this.#randomId(), epoch: shard.row.epoch + 1 });
  }

  /** The shard of a lease that is not over. */
  #held({ shard, token }: ShardLease): FakeShard | undefined {
    const found = this.#shard(shard);
    return found.row.token === token || !this.checksTokens ? found : undefined;
  }

  #holds({ expiresAt }: Claim): boolean {
    return expiresAt === undefined || expiresAt > this.#now();
  }

  #log({ log }: FakeShard): LogRow[] {
    return [...log.values()].sort((a, b) => a.position - b.position);
  }

  /** A change of a shard's row. Returns what takes it back. */
  #row(shard: FakeShard, change: Partial<ShardRow>): () => () => void {
    return () => {
      const before = shard.row;
      shard.row = { ...before, ...change };
      return () => {
        shard.row = before;
      };
    };
  }

  /** Does all of the changes as one write. */
  #write(...changes: (() => () => void)[]): void {
    const undo = changes.map((change) => change());
    this.#undo.push(() => {
      for (const back of undo.reverse()) back();
    });
  }
}

function isSame(a: Claim, b: Claim): boolean {
  return a.shard === b.shard && a.slot === b.slot;
}

/** A change of one entry; without a value it is removed. Doing it returns what takes it back. */
function setting<K, V>(map: Map<K, V>, key: K, value: V | undefined): () => () => void {
  return () => {
    const before = map.get(key);
    put(map, key, value);
    return () => put(map, key, before);
  };
}

function put<K, V>(map: Map<K, V>, key: K, value: V | undefined): void {
  if (value === undefined) map.delete(key);
  else map.set(key, value);
}
