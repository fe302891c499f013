/**
 * Checking a cluster while its nodes go on: all shards as of one instant. Each is put together in a folder as its next owner would, and
 * then checked as a data directory is; and the names that the cluster has taken are held against those that the shards know.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { useIdKey } from '../../../domain/id.js';
import { JobNumbers } from '../../../domain/ids/job-numbers.js';
import { type Status, statuses } from '../../../domain/lifecycle.js';
import { type CheckSummary, checkStore } from '../../check/check.js';
import { readEntry } from '../../format/journal/entry.js';
import { logKey, schemaVersion } from '../../format/layout.js';
import { LmdbKv } from '../../kv/kv-lmdb.js';
import { KvLogSource, putBatch } from '../../log/kv-log.js';
import { UnreadableRecord } from '../../port.js';
import { CommittedState } from '../../state/committed-state.js';
import { readMark } from '../../trees/merge-mark.js';
import type { LoadedShard, LogRow, RandomId, ShardRow } from '../database.js';
import { readSnapshot, type Snapshot } from '../pg/snapshot.js';
import { checkClaims } from './check-claims.js';

export interface ClusterCheck extends CheckSummary {
  /** Host, port and database. */
  readonly where: string;
  readonly shards: number;
}

/**
 * @param url of PostgreSQL
 * @param report is called with one line for each fault
 * @throws DatabaseUnusable
 */
export function checkCluster(url: string, report: (line: string) => void): Promise<ClusterCheck> {
  return readSnapshot({ url, format: schemaVersion }, async (snapshot) => {
    const { where, facts, shards } = snapshot;
    useIdKey(facts.idKey || undefined);
    let sum: CheckSummary = { ...noSummary };
    for (const row of shards)
      sum = added(sum, await checkShard(snapshot, row, (line) => report(`shard ${row.shard}: ${line}`)));
    if (shards.length !== facts.shards) {
      report(`of ${facts.shards} shards there are ${shards.length}`);
      sum = { ...sum, faults: sum.faults + 1 };
    }
    return { ...sum, where, shards: shards.length };
  });
}

async function checkShard(snapshot: Snapshot, row: ShardRow, report: (line: string) => void): Promise<CheckSummary> {
  const folder = await mkdtemp(join(tmpdir(), 'escapement-check-'));
  const kv = new LmdbKv(folder, { cache: true });
  try {
    let faults = 0;
    const fault = (line: string): void => {
      faults++;
      report(line);
    };
    await fill(kv, await snapshot.load(row), fault);
    const numbers = new JobNumbers(row.shard, snapshot.facts.shards);
    const now = Date.now();
    const summary = checkStore(kv, now, report, undefined, numbers);
    const state = stateOf(kv);
    // Otherwise its faults are known already.
    if (state !== undefined) {
      const statusOf = (seq: number): Status | undefined => state.sets.statusOf(seq);
      await checkClaims({ kv, claims: snapshot.claims(row.shard), numbers, statusOf, now }, fault);
      state.dispose();
    }
    return { ...summary, faults: summary.faults + faults };
  } finally {
    await kv.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Which jobs there are, as a start would find them; undefined where it would not. */
function stateOf(kv: LmdbKv): CommittedState | undefined {
  const state = new CommittedState(kv, new KvLogSource(kv));
  try {
    state.restore(() => {});
    return state;
  } catch (error) {
    state.dispose();
    if (error instanceof UnreadableRecord) return undefined;
    throw error;
  }
}

/** The shard as its next owner would have it. */
async function fill(kv: LmdbKv, { row, pages, log }: LoadedShard, fault: (line: string) => void): Promise<void> {
  for await (const changes of pages)
    kv.transact((tx) => {
      for (const { tree, key, value } of changes) if (value) tx.put(tree, key, value);
    });
  let before: { readonly position: number; readonly id: RandomId } | undefined;
  for await (const rows of log) {
    kv.transact((tx) => {
      for (const record of rows) {
        if (!follows(record, before))
          fault(`log record ${record.position} does not follow the one before it: records are lost`);
        before = record;
        putRecord(tx, record, row.merged, fault);
      }
    });
  }
  try {
    const { position } = readMark(kv);
    if (position !== row.merged)
      fault(`the trees hold the state after record ${position}, and are said to hold that after record ${row.merged}`);
  } catch {
    // It is a fault of its own.
  }
}

/** The first that is kept names one that was trimmed. */
function follows({ position, previous }: LogRow, before: Pick<LogRow, 'position' | 'id'> | undefined): boolean {
  if (before === undefined) return (position === 1) === (previous === null);
  return position === before.position + 1 && previous === before.id;
}

function putRecord(
  tx: Parameters<Parameters<LmdbKv['transact']>[0]>[0],
  { position, id, bytes }: LogRow,
  merged: number,
  fault: (line: string) => void,
): void {
  const batch = readEntry(bytes, Buffer.from(id, 'hex'));
  if (batch?.position !== position) return fault(`log record ${position} does not match its checksum`);
  if (position > merged) putBatch(tx, batch, Number.POSITIVE_INFINITY);
  else tx.put('log', logKey(position), Buffer.from(batch.buffer, 0, batch.recordBytes));
}

const noSummary: CheckSummary = {
  faults: 0,
  jobs: Object.fromEntries(statuses.map((status) => [status, 0])) as Record<Status, number>,
  records: 0,
  events: 0,
  position: 0,
};

function added(a: CheckSummary, b: CheckSummary): CheckSummary {
  const jobs = Object.fromEntries(statuses.map((status) => [status, a.jobs[status] + b.jobs[status]]));
  return {
    faults: a.faults + b.faults,
    jobs: jobs as Record<Status, number>,
    records: a.records + b.records,
    events: a.events + b.events,
    position: Math.max(a.position, b.position),
  };
}
