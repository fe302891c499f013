/** Limits over nodes as the database of a cluster keeps them, in memory: what `pg/places.ts` says, in other words. */
import type { GroupCount, Head, NodesPace, PlaceAnswer, PlaceAsk } from '../../../src/domain/control/limited-places.js';
import type { RandomId } from '../../../src/store/postgres/database.js';

/** As in `pg/places.ts`. */
const headsLastMs = 1_000;

type Group = string | null;

interface NodeUse {
  readonly asked: number;
  readonly at: number;
  readonly uses: readonly GroupCount[];
  readonly heads: readonly Head[];
}

/** A type as it is kept. Values are never changed, so that a write can be taken back. */
export interface FakeType {
  readonly turn: number;
  readonly turns: ReadonlyMap<Group, number>;
  readonly rate: string | null;
  readonly nextStart: number;
  readonly lastStart: number;
  readonly nodes: ReadonlyMap<RandomId, NodeUse>;
}

export const unusedType: FakeType = {
  ...{ turn: 0, turns: new Map(), rate: null, nextStart: 0, lastStart: 0 },
  nodes: new Map(),
};

interface Waiting {
  readonly node: RandomId;
  readonly own: boolean;
  readonly head: Head;
  readonly k: number;
}

/**
 * Carries one ask out. @returns what the type is from then on, and the answer; undefined when a later one was carried out before.
 *
 * @param lives whether a node counts
 */
export function askFake(
  type: FakeType,
  ask: PlaceAsk,
  by: { readonly node: RandomId; readonly asked: number; readonly now: number; lives(node: RandomId): boolean },
): { readonly type: FakeType; readonly answer: PlaceAnswer } | undefined {
  const { node, asked, now, lives } = by;
  const last = type.nodes.get(node)?.asked ?? -1;
  if (Number.isFinite(asked) && last >= asked) return undefined;
  const nodes = new Map(type.nodes).set(node, { asked, at: now, uses: ask.uses, heads: ask.heads });
  const living = [...nodes].filter(([id]) => lives(id));
  const groups = new Map<Group, number>();
  for (const [, { uses }] of living) for (const [group, count] of uses) add(groups, group, count);
  const used = sum(groups);
  const paced = paceOf(type, ask.pace, now);
  const free = Math.min((ask.concurrency ?? Number.POSITIVE_INFINITY) - used, paced?.free ?? Number.POSITIVE_INFINITY);
  const waiting = living
    .filter(([id, { at }]) => id === node || at > now - headsLastMs)
    .flatMap(([id, { heads }]) => heads.flatMap((head) => each(head, id, id === node)));
  const fitting = inLine(waiting, type.turns, (group, place) => {
    return place + (groups.get(group) ?? 0) <= (ask.groupConcurrency ?? Number.POSITIVE_INFINITY);
  });
  const first = free < 1 ? [] : fitting.slice(0, Math.min(free, fitting.length));
  const own = first.filter((one) => one.own);
  const next = [...new Set(first.filter((one) => !one.own).map((one) => one.node))].sort();
  const given = new Map<Group, number>();
  for (const { head } of own) add(given, head.group, 1);
  for (const [group, count] of given) add(groups, group, count);
  const mine = new Map<Group, number>();
  for (const [group, count] of [...ask.uses, ...given]) add(mine, group, count);
  const heads = ask.heads
    .map((head) => ({ ...head, jobs: head.jobs - own.filter((one) => one.head === head).length }))
    .filter(({ jobs }) => jobs > 0);
  nodes.set(node, { asked, at: now, uses: [...mine], heads });
  const turns = new Map(type.turns);
  const sorted = byName([...given]);
  for (const [index, [group]] of sorted.entries()) turns.set(group, type.turn + index + 1);
  const nextStart = paced && own.length > 0 ? paced.next + own.length * paced.gapMs + paced.extraMs : paced?.stored;
  const { toleranceMs = 0 } = ask.pace ?? {};
  const startsIn = nextStart === undefined ? 0 : nextStart - toleranceMs - now;
  return {
    type: {
      turn: type.turn + own.length,
      turns,
      rate: ask.pace?.rate ?? null,
      nextStart: nextStart ?? type.nextStart,
      lastStart: paced ? (own.length > 0 ? now : paced.last) : type.lastStart,
      nodes,
    },
    answer: {
      type: ask.type,
      given: sorted,
      used: used + own.length,
      groups: byName([...new Set(ask.heads.map(({ group }) => group))].map((group) => [group, groups.get(group) ?? 0])),
      startsIn: startsIn > 0 ? startsIn : null,
      next,
    },
  };
}

function paceOf(type: FakeType, pace: NodesPace | null, now: number) {
  if (pace === null) return undefined;
  const { gapMs, toleranceMs, extraMs } = pace;
  const last = type.rate === null ? now : type.lastStart;
  const stored = type.rate === pace.rate ? type.nextStart : last + gapMs + toleranceMs;
  const next = Math.max(now, stored);
  const free = next - toleranceMs > now ? 0 : Math.floor((now + toleranceMs - next) / gapMs) + 1;
  return { gapMs, extraMs, last, stored, next, free };
}

const each = (head: Head, node: RandomId, own: boolean): Waiting[] =>
  Array.from({ length: head.jobs }, (_, index) => ({ node, own, head, k: index + 1 }));

/** All that waits, in the order in which it would start; in a priority each group has one before another has a second. */
function inLine(
  waiting: readonly Waiting[],
  turns: ReadonlyMap<Group, number>,
  fits: (group: Group, place: number) => boolean,
): readonly Waiting[] {
  const before = (a: Waiting, b: Waiting): number =>
    Number(b.head.suspect) - Number(a.head.suspect) || b.head.priority - a.head.priority;
  const within = (a: Waiting, b: Waiting): number =>
    a.k - b.k || a.head.due - b.head.due || a.head.number - b.head.number;
  const inGroup = new Map<Group, number>();
  const inTurn = new Map<string, number>();
  const line: { readonly one: Waiting; readonly turn: number }[] = [];
  for (const one of [...waiting].sort((a, b) => before(a, b) || within(a, b))) {
    const { group, suspect, priority } = one.head;
    const place = `${group ?? ''} ${suspect} ${priority}`;
    const turn = (inTurn.get(place) ?? 0) + 1;
    inTurn.set(place, turn);
    add(inGroup, group, 1);
    if (fits(group, inGroup.get(group) as number)) line.push({ one, turn });
  }
  const turnOf = ({ head }: Waiting): number => turns.get(head.group) ?? 0;
  return line
    .sort(
      (a, b) =>
        before(a.one, b.one) ||
        a.turn - b.turn ||
        turnOf(a.one) - turnOf(b.one) ||
        a.one.head.due - b.one.head.due ||
        a.one.head.number - b.one.head.number,
    )
    .map(({ one }) => one);
}

function add(counts: Map<Group, number>, group: Group, count: number): void {
  counts.set(group, (counts.get(group) ?? 0) + count);
}

const sum = (counts: ReadonlyMap<Group, number>): number => [...counts.values()].reduce((a, b) => a + b, 0);

function byName(counts: readonly GroupCount[]): readonly GroupCount[] {
  return [...counts].sort(([a], [b]) => ((a ?? '') < (b ?? '') ? -1 : 1));
}
