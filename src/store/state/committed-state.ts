/**
 * The committed state of a store, opened for reading: what the trees hold and, over it, what the log has behind the last merge.
 * A server, a trial of opening one and the tests all read through this.
 */
import type { DueLane } from '../../domain/due-heap.js';
import { laneNumber } from '../format/trees/due-chunk.js';
import { TypeDictionary } from '../format/type-dictionary.js';
import type { KvReader } from '../kv/kv.js';
import type { LogSource } from '../log/record-log.js';
import { DueCursor } from '../trees/due-index.js';
import { JobSets } from '../trees/job-sets.js';
import { CreationOrder } from '../trees/labels/creation-order.js';
import { JobLabels } from '../trees/labels/job-labels.js';
import { noMark, readMark, watermarkOf } from '../trees/merge-mark.js';
import { StoreReader } from '../trees/reader.js';
import { DueTable } from './finding/due-table.js';
import { Memtable } from './memtable.js';
import { CommittedLog, RecentCommits } from './recent-commits.js';
import { type Restored, restore } from './restore.js';

export class CommittedState {
  readonly types = new TypeDictionary();
  readonly sets = new JobSets();
  readonly labels = new JobLabels();
  /** When jobs are due, for lists that ask of it. */
  readonly due: DueTable;
  /** As it is on disk. */
  creations = new CreationOrder();
  readonly reader: StoreReader;
  readonly memtable: Memtable;
  /** What is to come of jobs without a priority, from the point on that it was restored to. */
  readonly dueIndex: DueCursor;
  readonly recent = new RecentCommits();
  readonly log: LogSource;
  /** As it was when this was restored. */
  #mark = noMark;

  /** @param log of the same store and, if it is a part of `kv`, of the same snapshot */
  constructor(
    readonly kv: KvReader,
    log: LogSource,
  ) {
    this.log = new CommittedLog(log, this.recent);
    this.reader = new StoreReader(kv, this.types);
    this.memtable = new Memtable(this.reader, this.sets, this.recent);
    this.dueIndex = new DueCursor(kv);
    this.due = new DueTable(this.sets, (seq) => this.memtable.state(seq)?.due);
  }

  /**
   * Reads what a start needs; to be called once, before anything else is read.
   *
   * @param due is called for each pending job whose due time, or deadline, may not be in the index yet
   * @throws DamagedRecord
   */
  restore(due: (due: number, seq: number, lane: DueLane) => void): Restored {
    this.#mark = readMark(this.kv);
    const restored = restore(this, due);
    this.labels.load(this.kv);
    this.creations.load(this.kv);
    const newest = this.sets.newest();
    if (newest !== undefined) this.creations.startFrom(this.memtable.spec(newest).createdAt);
    this.dueIndex.seek({ due: restored.watermark, seq: -1 });
    return restored;
  }

  /** What is to come in a lane, from the point on that the last merge before the start names. */
  dueIndexOf(lane: DueLane): DueCursor {
    if (lane === 0) return this.dueIndex;
    const number = laneNumber(lane);
    const cursor = new DueCursor(this.kv, number);
    cursor.seek({ due: watermarkOf(this.#mark, number), seq: -1 });
    return cursor;
  }

  /** Frees the memory outside of the JavaScript heap. */
  dispose(): void {
    this.sets.dispose();
    this.labels.dispose();
  }
}
