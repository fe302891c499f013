/** What the tests of the store share: copies of a store, everything it answers, everything that is to come from it. */

import type { JobEvent } from '../../src/domain/events.js';
import type { Job } from '../../src/domain/job.js';
import { type Status, statuses } from '../../src/domain/lifecycle.js';
import { trees } from '../../src/store/format/layout.js';
import { Journal } from '../../src/store/log/journal.js';
import { JournaledLog } from '../../src/store/log/journaled-log.js';
import { KvLog } from '../../src/store/log/kv-log.js';
import { CommittedState } from '../../src/store/state/committed-state.js';
import { DueWindow } from '../../src/timer/window.js';
import { MemoryKv } from '../support/kv-memory.js';
import type { World } from '../support/world.js';

export function copyOf(kv: MemoryKv): MemoryKv {
  const copy = new MemoryKv();
  copy.transact((tx) => {
    for (const tree of trees) for (const { key, value } of kv.entries(tree, {})) tx.put(tree, key, value);
  });
  kv.journal.bytes.copy(copy.journal.bytes);
  return copy;
}

export interface Answers {
  readonly jobs: readonly (Job | undefined)[];
  readonly statuses: readonly (Status | undefined)[];
  readonly totals: unknown;
  readonly listed: Readonly<Record<string, { readonly total: number; readonly seqs: readonly number[] }>>;
  readonly events: readonly JobEvent[];
}

/** All that a server answers about its committed jobs. */
export function answersOf(world: World): Answers {
  const { nextSeq } = world.scheduler.counters;
  const seqs = Array.from({ length: nextSeq - 1 }, (_, i) => i + 1);
  const listed: Record<string, { total: number; seqs: number[] }> = {};
  for (const status of [undefined, ...statuses]) {
    for (const [type, name] of [undefined, ...world.types.all()].map((name, i) => [i - 1, name] as const)) {
      const typeId = name === undefined ? undefined : type;
      const seqs = world.sets.page(status, typeId, { offset: 0, limit: 10_000 });
      listed[`${status ?? 'any'} ${name ?? 'any'}`] = { total: world.sets.total(status, typeId), seqs };
    }
  }
  return {
    jobs: seqs.map((seq) => world.memtable.job(seq)),
    statuses: seqs.map((seq) => world.sets.statusOf(seq)),
    totals: world.queries.totals(),
    listed,
    events: world.queries.eventsAfter(0, Number.POSITIVE_INFINITY).events,
  };
}

/** The pending jobs of a store as a start finds them: in order of firing, each once. */
export function toCome(kv: MemoryKv): { due: number; seq: number }[] {
  const state = new CommittedState(kv, new JournaledLog(new KvLog(kv), new Journal(kv.journal)));
  const window = new DueWindow(state.dueIndex, 64);
  state.restore((due, seq) => window.add(due, seq));
  const found: { due: number; seq: number }[] = [];
  const seen = new Set<number>();
  for (;;) {
    if (window.wantsRefill) {
      window.refill(10);
      continue;
    }
    const next = window.pop(Number.MAX_SAFE_INTEGER);
    if (!next) break;
    const job = state.memtable.state(next.seq);
    if (job?.status !== 'pending' || job.due !== next.due || seen.has(next.seq)) continue;
    seen.add(next.seq);
    found.push(next);
  }
  state.dispose();
  return found;
}

/** What `toCome` has to be: the pending jobs of these answers. */
export function pendingOf({ jobs }: Answers): { due: number; seq: number }[] {
  return jobs
    .filter((job) => job?.state.status === 'pending')
    .map((job) => ({ due: (job as Job).state.due, seq: (job as Job).spec.seq }))
    .sort((a, b) => a.due - b.due || a.seq - b.seq);
}
