/**
 * The tree `labels` of a directory from before there was one: made once, when the store is first opened, from all jobs. In slices, each
 * a transaction; the note that it is whole comes last, so one that was interrupted is done again.
 */
import { noDetail } from '../../../domain/job.js';
import { type StoredDetail, shownDetail, withMore } from '../../format/detail.js';
import {
  checkPage,
  decodeDetail,
  decodeMeta,
  detailKey,
  encodeMeta,
  metaKey,
  pageKey,
  pageOf,
  rowAt,
  seqOfKey,
} from '../../format/layout.js';
import { type RowPlace, readRow, rowHasDetail, rowHasMore } from '../../format/row.js';
import { readSpec } from '../../format/spec-codec.js';
import { labelOf, labelPut } from '../../format/trees/job-label.js';
import { TypeDictionary } from '../../format/type-dictionary.js';
import type { Kv, KvReader } from '../../kv/kv.js';
import type { PendingChanges } from '../pending.js';
import { CreationOrder } from './creation-order.js';

/** Jobs of a slice. */
const sliceJobs = 4096;

/** @param behind what the log has behind the trees */
export function fillLabels(kv: Kv, behind: PendingChanges): void {
  if (kv.get('meta', metaKey('labels'))) return;
  const types = new TypeDictionary();
  const sealed = kv.get('meta', metaKey('types'));
  if (sealed) decodeMeta<string[]>(sealed, 'types').forEach((name, id) => types.restore(id, name));
  const order = new CreationOrder();
  for (let from = 0; ; ) {
    const specs = [...kv.entries('specs', { from: detailKey(from), limit: sliceJobs })];
    const last = specs.at(-1);
    if (!last) break;
    kv.transact((tx) => {
      for (const { key, value } of specs) {
        const seq = seqOfKey(key);
        const row = rowOf(kv, behind, seq);
        const state = row && readRow(row.bytes, row.at);
        if (!row || !state) continue;
        const spec = readSpec(seq, value, types);
        order.add(seq, spec.createdAt);
        const stored = rowHasDetail(row.bytes, row.at) ? detailOf(kv, behind, seq) : undefined;
        const label = labelOf({
          spec,
          state: stored && rowHasMore(row.bytes, row.at) ? withMore(state, stored, seq) : state,
          detail: stored ? shownDetail(stored) : noDetail,
        });
        const put = label && labelPut(seq, label);
        if (put?.value) tx.put('labels', put.key, put.value);
      }
    });
    from = seqOfKey(last.key) + 1;
  }
  kv.transact((tx) => {
    tx.put('meta', metaKey('created'), encodeMeta(order.breaks, 'created'));
    tx.put('meta', metaKey('labels'), encodeMeta(true, 'labels'));
  });
}

function rowOf(kv: KvReader, { rows }: PendingChanges, seq: number): RowPlace | undefined {
  const behind = rows.find(seq);
  if (behind !== undefined) return { bytes: rows.slab, at: behind };
  const page = kv.get('states', pageKey(pageOf(seq)));
  if (!page) return undefined;
  checkPage(page, pageOf(seq));
  return { bytes: page, at: rowAt(seq) };
}

function detailOf(kv: KvReader, { details }: PendingChanges, seq: number): StoredDetail | undefined {
  const behind = details.get(seq);
  if (behind !== undefined) return JSON.parse(behind) as StoredDetail;
  const sealed = kv.get('details', detailKey(seq));
  return sealed && decodeDetail(sealed, seq);
}
