/**
 * The storage of one shard of a cluster: a commit is one record in PostgreSQL. Once that is there it is committed, and the local index
 * takes it up. What a merge writes into the local index goes to PostgreSQL in pages, in the same order.
 *
 *   commit ──► ShardLog ──done──► committed ──► LocalIndex ──► checkpointed
 *                                                   │ pages
 *                                  ShardPages ◄─────┘  ──done──► the merge goes on
 *
 * Where another owns the shard, where the database has lost records, and where the local index fails, all ends with `lost`, once;
 * nothing is said after that.
 */
import type { Clock } from '../../clock.js';
import { entryBytes } from '../format/journal/entry.js';
import type { SealedBatch } from '../format/sealing.js';
import type { Changes } from '../port.js';
import type { LogOrder } from '../trees/job-logs.js';
import type { IndexPages, LocalIndex } from '../trees/local-index.js';
import type { MergeOrder, Storage, StorageEvents } from '../trees/storage.js';
import type { NameChanges, NamingChanges } from './claims.js';
import type { Claim, RandomId, ShardLease } from './database.js';
import type { LoadedIndex } from './load.js';
import { PageHold } from './page-hold.js';
import { type LastRecord, ShardLog, type ShardLogPorts } from './shard-log.js';
import { ShardPages, type ShardPagesPorts } from './shard-pages.js';

export interface ClusterStoragePorts extends Omit<ShardLogPorts, 'database'>, Omit<ShardPagesPorts, 'database'> {
  readonly database: ShardLogPorts['database'] & ShardPagesPorts['database'];
  readonly index: LocalIndex;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Names that the commit takes over the whole cluster, and those that it gives free. */
  readonly claimsOf?: (changes: NamingChanges) => NameChanges;
}

/** What matters here of what a batch was made of. */
type CommitChanges = NamingChanges & Pick<Changes, 'giving'>;

/** How far a shard has come. Positions. */
export interface Progress {
  /** The last record that is durable. */
  readonly appended: number;
  /** The last record that the local index has. */
  readonly applied: number;
  /** The last record that the pages have. */
  readonly merged: number;
  /**
   * For how long the index has been behind without taking anything up, in milliseconds. A shard for which this grows goes on appending
   * what nobody will ever find here: it is to be given up.
   */
  readonly stalledMs: number;
}

/** Why a shard is not this node's any more. */
export interface ShardLost {
  /** `index`: the local index failed; PostgreSQL has all, and the shard may be loaded anew. */
  readonly why: 'fenced' | 'rewound' | 'index';
  readonly message: string;
}

export interface ClusterEvents extends StorageEvents {
  /** Nothing of the batch is there: others hold names that it wants. */
  claimed(position: number, by: readonly Claim[]): void;
  /** Lines of handlers are in PostgreSQL as well, up to the first so many calls of `logsWritten`. */
  logsMirrored(orders: number): void;
  lost(how: ShardLost): void;
}

/** How often it is looked whether pages that wait may go. */
const heldLookMs = 50;

export class ClusterStorage implements Storage {
  readonly #index: LocalIndex;
  readonly #claimsOf: ClusterStoragePorts['claimsOf'];
  readonly #log: ShardLog;
  readonly #pages: ShardPages;
  readonly #hold: PageHold;
  readonly #pause: ClusterStoragePorts['pause'];
  /** Pages were sent, and what became of them is not known. */
  #isWriting = false;
  #events: ClusterEvents | undefined;
  #isOver = false;
  /** The record that gives the shard away is sent, and its answer is not there. */
  #isGiving = false;
  /** A write of pages failed meanwhile. Only the answer to that record says whether the shard was given away or lost. */
  #lostMeanwhile: ShardLost | undefined;
  #merged: number;
  #applied: number;
  /** How often the index has written lines. */
  #logs = 0;
  /** Since when the index has been behind, or has last taken something up, in monotonic milliseconds; undefined: it has all. */
  #behindSince: number | undefined;
  readonly #clock: ClusterStoragePorts['clock'];

  /** @param loaded what was loaded into the index under the lease */
  constructor(ports: ClusterStoragePorts, lease: ShardLease, loaded: LoadedIndex) {
    this.#index = ports.index;
    this.#clock = ports.clock;
    this.#claimsOf = ports.claimsOf;
    this.#log = new ShardLog(ports, lease, loaded.last);
    this.#pages = new ShardPages(ports, lease, loaded.lastSlice);
    this.#hold = new PageHold(ports.clock);
    this.#pause = ports.pause;
    this.#merged = loaded.merged;
    this.#applied = loaded.last.position;
  }

  /** From now on `events` hears of everything. */
  listen(events: ClusterEvents): void {
    this.#events = events;
    const say = (tell: () => void): void => {
      if (!this.#isOver) tell();
    };
    this.#index.listen({
      checkpointed: (position) => {
        this.#applied = position;
        this.#behindSince = position < this.#log.last.position ? this.#clock.monotonic() : undefined;
        say(() => events.checkpointed(position));
      },
      merged: (position) => say(() => events.merged(position)),
      logsWritten: (bytes) => {
        this.#logs += 1;
        say(() => events.logsWritten(bytes));
      },
      logsRefused: () => say(() => events.logsRefused()),
      pages: (pages) => void this.#write(pages),
      lost: (message) => this.#lose({ why: 'index', message }),
    });
  }

  get progress(): Progress {
    return {
      appended: this.#log.last.position,
      applied: this.#applied,
      merged: this.#merged,
      stalledMs: this.#behindSince === undefined ? 0 : this.#clock.monotonic() - this.#behindSince,
    };
  }

  /** The last record that the database is known to have. */
  get last(): LastRecord {
    return this.#log.last;
  }

  /** The last slice of pages that the database has; undefined while the next is on its way. */
  get lastSlice(): RandomId | null | undefined {
    return this.#isWriting ? undefined : this.#pages.lastSlice;
  }

  /** Pages that were not sent wait, within the bounds of `PageHold`: another node loads them. @param until monotonic milliseconds */
  holdPages(until: number): void {
    this.#hold.extend(until);
  }

  /** They wait no longer. */
  releasePages(): void {
    this.#hold.end();
  }

  /** Whether the shard is being given away: pages wait until it is known how that ends. */
  set isGiving(isGiving: boolean) {
    this.#hold.isGiving = isGiving;
  }

  /** One that gives the shard away is the last that this node writes: `lost` follows `committed`. */
  commit(batch: SealedBatch, changes?: CommitChanges): void {
    void this.#append(batch, changes, changes?.giving?.to);
  }

  merge(order: MergeOrder): void {
    if (!this.#isOver) this.#index.merge(order);
  }

  writeLogs(order: LogOrder): void {
    if (this.#isOver) return;
    for (const { bytes } of order.chunks) this.#hold.linesCame(bytes);
    this.#index.writeLogs(order);
  }

  /** Gives the shard up: nothing more is sent or said. What was sent may be carried out yet. */
  drop(): void {
    this.#isOver = true;
    this.#log.drop();
    this.#pages.drop();
  }

  async #append(batch: SealedBatch, changes: CommitChanges | undefined, giveTo: RandomId | undefined): Promise<void> {
    if (this.#isOver) return;
    const { position } = batch;
    this.#isGiving = giveTo !== undefined;
    const end = await this.#log.append({
      position,
      // A copy: the batch itself changes hands once it is committed.
      bytes: (id) => entryBytes(batch, Buffer.from(id, 'hex')),
      ...(changes && this.#claimsOf?.(changes)),
      giveTo,
    });
    if (this.#isOver) return;
    this.#isGiving = false;
    if (this.#lostMeanwhile && end.end !== 'done') return this.#lose(this.#lostMeanwhile);
    switch (end.end) {
      case 'done':
        this.#behindSince ??= this.#clock.monotonic();
        this.#hold.committed(batch.bytes);
        this.#index.commit(batch);
        this.#events?.committed(position);
        if (giveTo !== undefined) this.#lose({ why: 'fenced', message: 'the shard was given to another node' });
        return;
      case 'claimed':
        return this.#events?.claimed(position, end.by);
      case 'refused':
        return this.#events?.failed(position, { message: end.message, broken: false });
      case 'fenced':
        return this.#lose({ why: 'fenced', message: 'another node owns the shard' });
      case 'rewound':
        return this.#lose({ why: 'rewound', message: `the database does not have record ${position - 1} any more` });
      case 'dropped':
        return;
      default:
        end satisfies never;
    }
  }

  async #write(pages: IndexPages): Promise<void> {
    // What the index writes from now on is not in them.
    const logs = this.#logs;
    while (this.#hold.isOn && !this.#isOver) await this.#pause(heldLookMs);
    if (this.#isOver) return;
    this.#isWriting = true;
    const end = await this.#pages.write(pages, this.#log.last);
    this.#isWriting = false;
    if (this.#isOver || end === 'dropped') return;
    if (end === 'fenced') return this.#loseUnlessGiving({ why: 'fenced', message: 'another node owns the shard' });
    if (end === 'rewound')
      return this.#loseUnlessGiving({
        why: 'rewound',
        message: 'the database has lost records or pages that were there',
      });
    this.#merged = pages.merged ?? this.#merged;
    if (pages.isAll && logs > 0) this.#events?.logsMirrored(logs);
    this.#index.pagesWritten();
  }

  /** Losing a shard aborts its attempts. If it was given away, the new owner would wait for their ends for ever. */
  #loseUnlessGiving(how: ShardLost): void {
    if (this.#isGiving) this.#lostMeanwhile = how;
    else this.#lose(how);
  }

  #lose(how: ShardLost): void {
    if (this.#isOver) return;
    this.drop();
    this.#events?.lost(how);
  }
}
