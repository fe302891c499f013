/** Counts of several shards, or nodes, as one. */
import type { GroupCounts, Totals } from '../../store/queries-port.js';

export function mergedTotals(parts: readonly Totals[]): Totals {
  const sums = { pending: 0, running: 0, completed: 0, failed: 0, cancelled: 0 };
  for (const part of parts) for (const name of Object.keys(sums) as (keyof Totals)[]) sums[name] += part[name];
  return sums;
}

/** Groups with the most jobs first. */
export function mergedGroups(parts: readonly (readonly GroupCounts[])[]): readonly GroupCounts[] {
  const sums = new Map<string, GroupCounts>();
  for (const each of parts.flat()) {
    const { group } = each;
    const { pending = 0, due = 0, running = 0 } = sums.get(group) ?? {};
    sums.set(group, {
      group,
      pending: pending + each.pending,
      due: due + each.due,
      running: running + each.running,
    });
  }
  return [...sums.values()].sort(mostFirst);
}

function mostFirst(a: GroupCounts, b: GroupCounts): number {
  return b.pending + b.running - (a.pending + a.running) || (a.group < b.group ? -1 : 1);
}
