/** The reading side of the trees. Each answer is what the last merge wrote; what came after is in the `Memtable`. */

import type { SetBack, Stretch } from '../../clock.js';
import type { BulkRecord } from '../../domain/control/bulk.js';
import type { KeyHolder } from '../../domain/control/keys.js';
import type { Settings } from '../../domain/control/settings.js';
import type { JobSpec } from '../../domain/job.js';
import type { NumberedRun } from '../../domain/runs/run.js';
import type { StoredDetail } from '../format/detail.js';
import {
  checkPage,
  decodeDetail,
  decodeMeta,
  detailKey,
  metaKey,
  pageBytes,
  pageKey,
  pageOf,
  rowAt,
  specKey,
} from '../format/layout.js';
import { readHandover } from '../format/meta/handover.js';
import { readSetBack } from '../format/meta/set-back.js';
import type { RowPlace } from '../format/row.js';
import { readSettings, settingsRange } from '../format/settings.js';
import { readSpec } from '../format/spec-codec.js';
import { placeOfBulk, readBulkJobs, readBulkRecord } from '../format/trees/bulk-record.js';
import { decodeFinished, keyBehind, keyOfPlace, placeOfKey } from '../format/trees/finished-list.js';
import { readKeyHolder, underOfJobKey } from '../format/trees/job-key.js';
import { blockOfKey, decodeSet, setOfKey } from '../format/trees/set-block.js';
import type { TypeDictionary } from '../format/type-dictionary.js';
import type { KvReader } from '../kv/kv.js';
import type { BulkJobs, FinishedJob, FinishedPlace, Handover, KeptBulks, KeyUse } from '../port.js';
import { findKey } from './idempotency.js';
import type { JobSets } from './job-sets.js';
import { runsIn } from './runs.js';

/**
 * State pages kept at hand, 1.8 MB: jobs made one after the other are often due one after the other, and of the thousand
 * that one turn looks at each is looked at again when it starts.
 */
export const cachedPages = 2048;

export class StoreReader {
  /** Places for pages, made when first used, and the number of the page in each; -1: none. */
  readonly #pageAt = new Array<Buffer | undefined>(cachedPages);
  readonly #numberAt = new Float64Array(cachedPages).fill(-1);

  constructor(
    readonly kv: KvReader,
    readonly types: TypeDictionary,
  ) {}

  /** What follows sees the commits that were reported. */
  sync(): void {
    this.kv.refresh();
  }

  /** What follows sees the merge that was reported, too. */
  refresh(): void {
    this.kv.refresh();
    this.#numberAt.fill(-1);
  }

  /** Good until the next look at a row. @throws DamagedRecord */
  row(seq: number): RowPlace | undefined {
    const page = this.#page(pageOf(seq));
    return page && { bytes: page, at: rowAt(seq) };
  }

  /** @throws DamagedRecord */
  spec(seq: number): JobSpec | undefined {
    const bytes = this.kv.peek('specs', specKey(seq));
    return bytes && readSpec(seq, bytes, this.types);
  }

  /** @throws DamagedRecord */
  detail(seq: number): StoredDetail | undefined {
    const sealed = this.kv.get('details', detailKey(seq));
    return sealed && decodeDetail(sealed, seq);
  }

  keyUse(name: string, now: number): KeyUse | undefined {
    return findKey(this.kv, name, now);
  }

  /** The job that has a key, or had it last. @throws DamagedRecord */
  keyHolder(place: string): KeyHolder | undefined {
    const under = underOfJobKey(place);
    const sealed = this.kv.get('jobKeys', under);
    return sealed && readKeyHolder(sealed, under);
  }

  /** The last row of a job's runs. @throws DamagedRecord, NewerRecord */
  lastRun(seq: number): NumberedRun | undefined {
    return runsIn(this.kv, seq, 1)[0];
  }

  /** As `FinishedList`. */
  nextFinished(behind: FinishedPlace | undefined): FinishedPlace | undefined {
    const from = behind ? { from: keyBehind(behind) } : {};
    const [next] = this.kv.keys('finished', { ...from, limit: 1 });
    return next && placeOfKey(next);
  }

  /** @throws DamagedRecord */
  finished(place: FinishedPlace): FinishedJob[] {
    const under = keyOfPlace(place);
    return decodeFinished(this.kv.get('finished', under) ?? Buffer.alloc(0), under);
  }

  /** What users have set. @throws DamagedRecord, NewerRecord */
  settings(): Settings {
    return readSettings(this.kv.entries('meta', settingsRange));
  }

  /** When no server ran, as the last record knows. Unix milliseconds. @throws DamagedRecord */
  downtime(): readonly Stretch[] {
    const sealed = this.kv.get('meta', metaKey('downtime'));
    return sealed ? decodeMeta<Stretch[]>(sealed, 'downtime') : [];
  }

  /** That the clock was set back, if not all jobs have been looked at since. @throws DamagedRecord, NewerRecord */
  setBack(): SetBack | undefined {
    return readSetBack(this.kv.get('meta', metaKey('setBack')));
  }

  /** When the shard was last given away. @throws DamagedRecord, NewerRecord */
  handover(): Handover | undefined {
    return readHandover(this.kv.get('meta', metaKey('handover')));
  }

  /** What is done with many jobs. @throws DamagedRecord, NewerRecord */
  bulks(): KeptBulks {
    const found = new Map<number, { record: BulkRecord; readonly jobs: BulkJobs[] }>();
    for (const { key, value } of this.kv.entries('bulk', {})) {
      const { id, block } = placeOfBulk(key);
      if (block === undefined) found.set(id, { record: readBulkRecord(value, key), jobs: [] });
      else found.get(id)?.jobs.push(readBulkJobs(value, key));
    }
    return [...found.values()];
  }

  /** Returns how many sets there were. */
  loadSets(into: JobSets): number {
    let count = 0;
    for (const { key, value } of this.kv.entries('bitmaps', {})) {
      into.restore(setOfKey(key), blockOfKey(key), decodeSet(value, key));
      count++;
    }
    return count;
  }

  loadTypes(): void {
    const sealed = this.kv.get('meta', metaKey('types'));
    if (!sealed) return;
    decodeMeta<string[]>(sealed, 'types').forEach((name, id) => this.types.restore(id, name));
  }

  #page(number: number): Buffer | undefined {
    const place = number % cachedPages;
    if (this.#numberAt[place] === number) return this.#pageAt[place];
    const found = this.kv.peek('states', pageKey(number));
    if (!found) return undefined;
    checkPage(found, number);
    const page = this.#pageAt[place] ?? Buffer.allocUnsafeSlow(pageBytes);
    found.copy(page);
    this.#pageAt[place] = page;
    this.#numberAt[place] = number;
    return page;
  }
}
