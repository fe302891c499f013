/** PostgreSQL's disk is full: nodes take nothing and say so, and go on by themselves once there is room. */

import { execFileSync } from 'node:child_process';
import { closeSync, openSync, rmSync, symlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { eventually, type Problem } from '../../support/client.js';
import { without } from '../../support/faults.js';
import { mountsPossible, smallDisk } from '../../support/faults-mounts.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';
import { asNode } from '../support/cluster.js';
import { isWell } from '../support/looks.js';
import { type ClusterNode, startNodes } from '../support/nodes.js';

t.setTimeout(290_000);

interface Health {
  readonly status: string;
  readonly reason?: string;
}

const healthOf = async ({ api }: ClusterNode): Promise<Health> => (await api.get<Health>('/health')).body;

/** Takes all the room that there is. Returns what gives it back. */
function fill(disk: string): () => void {
  const path = join(disk, 'ballast');
  const file = openSync(path, 'w');
  for (let size = 1024 * 1024; size >= 1; size = Math.floor(size / 2)) {
    const piece = Buffer.alloc(size);
    try {
      for (;;) if (writeSync(file, piece) < size) break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
    }
  }
  closeSync(file);
  return () => rmSync(path);
}

const skip = withoutPostgres || (mountsPossible ? false : without('this machine allows no mounts of a test').skip);

t.test('a full disk', { skip }, async (t) => {
  const disk = smallDisk(256);
  // The log of PostgreSQL itself keeps its room: without any it would end.
  const postgres = await startPostgres(t, ['fsync=off', 'min_wal_size=96MB', 'max_wal_size=128MB'], disk);
  await postgres.sql('CREATE TABLE room (x int)');
  for (let segment = 0; segment < 6; segment++)
    await postgres.sql(`INSERT INTO room VALUES (1); SELECT pg_switch_wal()`);
  await postgres.sql('CHECKPOINT');
  const [node] = (await startNodes({ count: 1, database: await postgres.fresh(), args: asNode })) as [ClusterNode];
  t.teardown(() => node.kill());
  await eventually(() => isWell(node), 'all shards are run', 30_000);
  const payload = { text: 'x'.repeat(50_000) };
  const later = { name: 'echo', delay: '1h', payload };
  const kept: string[] = [];
  const giveBack = fill(disk);
  let refusal: Problem | undefined;
  while (refusal === undefined) {
    const { status, body } = await node.api.post<{ id: string } | Problem>('/jobs', later);
    if (status === 201) kept.push((body as { id: string }).id);
    else refusal = body as Problem;
  }
  t.match(refusal, { status: 503, code: 'storage_unavailable' });
  const health = await healthOf(node);
  t.equal(health.status, 'degraded');
  t.match(health.reason, /PostgreSQL takes no writes: its log says why, a full disk is the usual cause/);
  t.match(node.server.output(), /No space left on device/, 'the log has the reason of PostgreSQL');

  giveBack();
  await eventually(() => isWell(node), 'it goes on by itself', 60_000);
  const { status, body } = await node.api.post<{ id: string }>('/jobs', { name: 'echo', delay: '0s', payload: {} });
  t.equal(status, 201);
  await node.api.until(body.id, 'success', 30_000);
  for (const id of kept) t.equal((await node.api.job(id)).status, 'pending', 'what was acknowledged is there');
});

t.test('no room for the log of PostgreSQL itself', { skip }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off', 'min_wal_size=32MB', 'max_wal_size=48MB']);
  const disk = smallDisk(96);
  await postgres.stop();
  const log = join(postgres.folder, 'data', 'pg_wal');
  execFileSync('cp', ['-a', log, disk]);
  rmSync(log, { recursive: true });
  symlinkSync(join(disk, 'pg_wal'), log);
  await postgres.start();
  const [node] = (await startNodes({ count: 1, database: await postgres.fresh(), args: asNode })) as [ClusterNode];
  t.teardown(() => node.kill());
  await eventually(() => isWell(node), 'all shards are run', 30_000);
  const later = { name: 'echo', delay: '1h', payload: { text: 'x'.repeat(50_000) } };
  const kept: string[] = [];
  const giveBack = fill(disk);
  for (let status = 201; status === 201; ) {
    const batch = Array.from({ length: 12 }, () => later);
    const answer = await node.api.post<{ items: { id: string }[] }>('/jobs/batch', batch);
    status = answer.status;
    if (status === 201) kept.push(...answer.body.items.map(({ id }) => id));
  }
  await eventually(async () => (await healthOf(node)).status === 'degraded', 'it says that it cannot work', 30_000);
  giveBack();
  // It has ended, or has started again by itself.
  const isBack = async (): Promise<boolean> => {
    try {
      return (await postgres.sql('SELECT 1')).length === 1;
    } catch {
      await postgres.start().catch(() => {});
      return false;
    }
  };
  await eventually(isBack, 'PostgreSQL is back', 120_000);
  await eventually(() => isWell(node), 'it goes on by itself', 60_000);
  const { status, body } = await node.api.post<{ id: string }>('/jobs', { name: 'echo', delay: '0s', payload: {} });
  t.equal(status, 201);
  await node.api.until(body.id, 'success', 30_000);
  t.ok(kept.length > 0);
  for (const id of kept)
    if ((await node.api.job(id)).status !== 'pending') t.fail(`${id} was acknowledged and is lost`);
});
