/** What jobs have failed of, over several shards: groups of one number are one. */
import type { FailureGroup, FailurePage, FailureQuery } from '../../store/queries-port.js';

/** @param parts all groups of each */
export function mergedFailures(
  parts: readonly (readonly FailureGroup[])[],
  { limit, behind }: FailureQuery,
): FailurePage {
  const byNumber = new Map<number, FailureGroup>();
  for (const found of parts.flat()) {
    const other = byNumber.get(found.group);
    byNumber.set(found.group, other === undefined ? found : together(other, found));
  }
  const all = [...byNumber.values()].sort(mostFirst);
  const rest = behind === undefined ? all : all.filter((each) => mostFirst(each, behind) > 0);
  const groups = rest.slice(0, limit);
  const last = groups.at(-1);
  const more = rest.length > limit && last !== undefined;
  return { total: all.length, groups, ...(more && { next: { count: last.count, group: last.group } }) };
}

type Place = Pick<FailureGroup, 'count' | 'group'>;

const mostFirst = (a: Place, b: Place): number => b.count - a.count || a.group - b.group;

function together(a: FailureGroup, b: FailureGroup): FailureGroup {
  const later = a.lastAt >= b.lastAt ? a : b;
  return {
    ...later,
    count: a.count + b.count,
    firstAt: Math.min(a.firstAt, b.firstAt),
    lastAt: later.lastAt,
  };
}
