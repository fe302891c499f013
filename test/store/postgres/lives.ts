/**
 * What a scheduler has had written in some life, to be written again to another store: the changes of each commit, and the merges
 * between them. And what a store that has so much of it must answer.
 */
import { formatId } from '../../../src/domain/id.js';
import { trees } from '../../../src/store/format/layout.js';
import type { KvReader } from '../../../src/store/kv/kv.js';
import { Journal } from '../../../src/store/log/journal.js';
import { JournaledLog } from '../../../src/store/log/journaled-log.js';
import { KvLog, KvLogSource } from '../../../src/store/log/kv-log.js';
import type { LogSource } from '../../../src/store/log/record-log.js';
import type { Changes, JobStore } from '../../../src/store/port.js';
import { CommittedState } from '../../../src/store/state/committed-state.js';
import { CommittedStore } from '../../../src/store/state/committed-store.js';
import { StoreEngine } from '../../../src/store/trees/engine.js';
import type { Storage } from '../../../src/store/trees/storage.js';
import { noTelemetry } from '../../../src/telemetry/port.js';
import { Random } from '../../simulation/random.js';
import { FakeClock } from '../../support/fake-clock.js';
import { InlineStore } from '../../support/inline-store.js';
import { MemoryKv } from '../../support/kv-memory.js';
import { anyHandler, World } from '../../support/world.js';
import { type Answers, answersOf } from '../stores.js';

type Merge = Parameters<JobStore['merge']>[0];

export type Written = { readonly commit: Changes } | { readonly merge: Merge };

const names = ['mail', 'report', 'sync'];
export const handlers = names.map((name) => anyHandler(name, { retryDelayMs: 200 }));

/** Jobs are made, run, fail, are retried, changed and cancelled; those that finished leave soon. */
export function live(seed: number, steps: number): readonly Written[] {
  const random = new Random(seed);
  const written: Written[] = [];
  const world = new World({ handlers, mergeRows: random.pick([3, 10, 30]), retainJobs: 4, poolCapacity: 5 });
  const { jobs } = world;
  const commit = jobs.commit.bind(jobs);
  const merge = jobs.merge.bind(jobs);
  jobs.commit = (changes) => {
    written.push({ commit: changes });
    commit(changes);
  };
  jobs.merge = (order) => {
    written.push({ merge: order });
    merge(order);
  };
  for (let i = 0; i < steps; i++) act(world, random);
  world.settle();
  world.state.dispose();
  return written;
}

function act(world: World, random: Random): void {
  const running = [...world.pool.attempts.keys()];
  const known = Math.max(1, world.scheduler.counters.nextSeq - 1);
  const spec = world.memtable.job(random.between(1, known))?.spec;
  const draft = () => ({
    name: random.pick(names),
    trigger: { kind: 'delay', delayMs: random.between(0, 3000) } as const,
    isRepeat: random.chance(0.1),
    payload: `{"i":${random.between(0, 1e6)}}`,
    ...(random.chance(0.2) && { priority: random.between(1, 3) }),
  });
  switch (random.weighted({ create: 4, many: 1, pass: 4, end: 8, cancel: 1, update: 1 })) {
    case 'create':
      return void world.ask({ kind: 'create', draft: draft() });
    case 'many':
      return void world.ask({ kind: 'createMany', drafts: Array.from({ length: 8 }, draft) });
    case 'pass':
      return world.pass(random.between(0, 1500));
    case 'end': {
      if (running.length === 0) return;
      const seq = random.pick(running);
      const kind = random.pick(['succeeded', 'failed', 'failed', 'interrupted'] as const);
      if (kind === 'failed') return world.end(seq, { kind, retryable: random.chance(0.7) });
      return world.end(seq, kind === 'succeeded' ? { kind, result: `{"of":${seq}}` } : { kind, begun: true });
    }
    case 'cancel':
      if (spec) world.ask({ kind: 'cancel', id: formatId(spec.seq, spec.idSeconds) });
      return;
    case 'update':
      if (spec) world.ask({ kind: 'update', id: formatId(spec.seq, spec.idSeconds), patch: { payload: '{}' } });
  }
}

/** All of a store but its journal, in memory. */
export function inMemory(kv: KvReader): MemoryKv {
  const copy = new MemoryKv();
  kv.refresh();
  copy.transact((tx) => {
    for (const tree of trees) for (const { key, value } of kv.entries(tree, {})) tx.put(tree, key, value);
  });
  return copy;
}

/** The thread that decides, over a store. */
export function storeOver(
  kv: KvReader,
  storage: Storage,
  log: LogSource = new KvLogSource(kv),
): { readonly store: CommittedStore; readonly state: CommittedState } {
  const state = new CommittedState(kv, log);
  const restored = state.restore(() => {});
  const store = new CommittedStore(storage, state, restored, { clock: new FakeClock(), telemetry: noTelemetry });
  return { store, state };
}

/** What a server answers that starts on a store. */
export function answersOver(kv: MemoryKv): Answers {
  const world = new World({ kv, handlers, mergeRows: Number.POSITIVE_INFINITY, poolCapacity: 0 });
  const answers = answersOf(world);
  world.state.dispose();
  return answers;
}

/** What a store has to answer that has the first commits of a life, however it came to them: one that has never merged. */
export function expectedAfter(written: readonly Written[], commits: number): Answers {
  const kv = new MemoryKv();
  const log = new JournaledLog(new KvLog(kv), new Journal(kv.journal));
  const engine = new StoreEngine(kv, log);
  engine.open();
  const inline = new InlineStore(engine);
  const { store, state } = storeOver(kv, inline);
  inline.events = store;
  let left = commits;
  for (const one of written) {
    if (left === 0) break;
    if (!('commit' in one)) continue;
    store.commit(one.commit);
    while (inline.step());
    left--;
  }
  state.dispose();
  return answersOver(kv);
}
