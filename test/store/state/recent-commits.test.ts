/** The log as it is with what only the journal has, whatever has been reported of it. */
import t from 'tap';
import type { SealedBatch } from '../../../src/store/format/sealing.js';
import { KvLog } from '../../../src/store/log/kv-log.js';
import type { Changes, KeyUse } from '../../../src/store/port.js';
import { noCounters } from '../../../src/store/port.js';
import { CommittedLog, RecentCommits } from '../../../src/store/state/recent-commits.js';
import { MemoryKv } from '../../support/kv-memory.js';
import { sampleJob } from '../samples.js';

const recordOf = (position: number): Buffer => Buffer.from(`record ${position}`);

function changes(more: Partial<Changes> = {}): Changes {
  const none = { jobs: new Map(), events: [], keys: new Map(), jobKeys: new Map(), passed: [] };
  return { at: 0, counters: noCounters, ...none, ...more };
}

function batchOf(position: number): SealedBatch {
  const bytes = recordOf(position);
  const buffer = new Uint8Array(bytes).buffer;
  return { position, buffer, bytes: bytes.length, recordBytes: bytes.length, specs: [], puts: [] };
}

/** A log that has `settled` records, with `recent` ones before it. */
function logOf(settled: number, recent: readonly number[]) {
  const below = new KvLog(new MemoryKv());
  for (let position = 1; position <= settled; position++) below.append(batchOf(position));
  const commits = new RecentCommits();
  for (const position of recent) commits.add({ position, record: recordOf(position), changes: changes() });
  return { log: new CommittedLog(below, commits), commits };
}

t.test('all records are read, those that only the journal has as well', async (t) => {
  for (const [settled, recent] of [
    [0, []],
    [3, []],
    [3, [4, 5]],
    [0, [1, 2]],
    // The store has what was reported as committed, and not yet as checkpointed.
    [5, [4, 5]],
    // It even has what was not reported at all.
    [6, [4, 5]],
  ] as const) {
    const { log } = logOf(settled, recent);
    const last = Math.max(settled, ...recent);
    const what = `${settled} in the store, ${recent.join(' and ')} recent`;
    t.same(log.ends(), last === 0 ? undefined : { first: 1, last }, what);
    t.equal(log.size(), last, what);
    for (let position = 1; position <= last; position++)
      t.same(log.read(position), recordOf(position), `${what}: record ${position}`);
    t.equal(log.read(last + 1), undefined, what);
    const all = Array.from({ length: last }, (_, i) => i + 1);
    t.same(
      Array.from(log.records({}), ({ position }) => position),
      all,
      what,
    );
    t.same(
      Array.from(log.records({ reverse: true }), ({ position }) => position),
      all.toReversed(),
      what,
    );
    t.same(
      Array.from(log.records({ from: 2, to: last }), ({ position }) => position),
      all.filter((position) => position >= 2 && position < last),
      what,
    );
  }
});

t.test('what a checkpoint has brought is forgotten, and the newest stays', async (t) => {
  const { commits } = logOf(0, []);
  const job = sampleJob({ seq: 7 });
  const again = { ...job, spec: { ...job.spec, payload: '{"again":true}' } };
  const change = { specChanged: true, detailChanged: false, removed: false };
  const use: KeyUse = { seq: 7, digest: 'd', at: 0 };
  const place = { merge: 3, from: 0 };
  commits.add({
    position: 1,
    record: recordOf(1),
    changes: changes({ jobs: new Map([[7, { job, ...change }]]), keys: new Map([['key', use]]), passed: [place] }),
  });
  commits.add({
    position: 2,
    record: recordOf(2),
    changes: changes({ jobs: new Map([[7, { job: again, ...change }]]) }),
  });
  t.equal(commits.spec(7)?.payload, '{"again":true}');
  t.same(commits.keyUse('key'), use);
  t.ok(commits.hasPassed(place));
  commits.forget(1);
  t.equal(commits.spec(7)?.payload, '{"again":true}', 'of a later commit');
  t.equal(commits.keyUse('key'), undefined);
  t.notOk(commits.hasPassed(place));
  commits.forget(2);
  t.equal(commits.spec(7), undefined);
  t.equal(commits.records.length, 0);
});
