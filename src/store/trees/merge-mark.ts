/** What the trees stand for. */
import { decodeMeta, type MergeMark, metaKey } from '../format/layout.js';
import type { KvReader } from '../kv/kv.js';

/** Of trees that nothing was ever merged into. */
export const noMark: MergeMark = { position: 0, watermark: Number.NEGATIVE_INFINITY };

/** @throws DamagedRecord */
export function readMark(kv: KvReader): MergeMark {
  const sealed = kv.get('meta', metaKey('mark'));
  if (!sealed) return noMark;
  const mark = decodeMeta<MergeMark & { watermark: number | null }>(sealed, 'mark');
  return { ...mark, watermark: mark.watermark ?? Number.NEGATIVE_INFINITY };
}

/** From where on a lane is to be read, by its number. Unix milliseconds. */
export function watermarkOf({ watermark, lanes = {} }: MergeMark, lane: number): number {
  return lane === 0 ? watermark : (lanes[lane] ?? Number.NEGATIVE_INFINITY);
}
