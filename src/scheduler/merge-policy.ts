/** When the trees are to be brought up to date. */
import { limits } from '../domain/limits.js';

export interface MergeBounds {
  /** Jobs changed. */
  readonly rows: number;
  /** Bytes of results and errors among the changes. */
  readonly detailBytes: number;
  readonly ageMs: number;
}

/** Many small merges cost more than few large ones; what bounds them is memory and the time a restart takes. */
export const mergeBounds: MergeBounds = { rows: 50_000, detailBytes: 16 * 1024 * 1024, ageMs: limits.mergeAgeMs };

export function mergeIsDue(
  changes: { readonly changed: number; readonly changedDetailBytes: number },
  sinceLastMs: number,
  bounds: MergeBounds,
): boolean {
  if (changes.changed === 0) return false;
  return (
    changes.changed >= bounds.rows || changes.changedDetailBytes >= bounds.detailBytes || sinceLastMs >= bounds.ageMs
  );
}
