/** Reading the log behind the last merge: what the trees do not have yet. */

import { decodeMeta, logKey, type MergeMark, metaKey } from '../format/layout.js';
import { LogRecordReader } from '../format/log-record.js';
import { keyPart } from '../format/numbers.js';
import type { KvReader } from '../kv/kv.js';
import { DamagedRecord } from '../port.js';

export const noMark: MergeMark = { position: 0, watermark: Number.NEGATIVE_INFINITY };

export function readMark(kv: KvReader): MergeMark {
  const sealed = kv.get('meta', metaKey('mark'));
  if (!sealed) return noMark;
  const mark = decodeMeta<{ position: number; watermark: number | null }>(sealed, 'mark');
  return { position: mark.position, watermark: mark.watermark ?? Number.NEGATIVE_INFINITY };
}

/**
 * Calls `each` with every record behind the mark, in order.
 * @throws DamagedRecord when one is damaged or missing.
 */
export function replay(kv: KvReader, each: (record: LogRecordReader) => void): void {
  let expected = readMark(kv).position + 1;
  for (const { key, value } of kv.entries('log', { from: logKey(expected) })) {
    if (keyPart(key, 0) !== expected) throw new DamagedRecord(`log record ${expected}`, 'is missing');
    each(new LogRecordReader(expected, value));
    expected++;
  }
}
