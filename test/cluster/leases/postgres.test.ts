/** Nodes over a real PostgreSQL: they share the shards, one that stops is found out, and its shards are taken. */
import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import type { ShardHost } from '../../../src/cluster/leases/host.js';
import { ClusterNode } from '../../../src/cluster/leases/node.js';
import { tickNode } from '../../../src/cluster/leases/ticking.js';
import { BeginDeadline } from '../../../src/pool/shared/deadline.js';
import { monotonicMs } from '../../../src/pool/shared/slots.js';
import type { Database, ShardRow } from '../../../src/store/postgres/database.js';
import { openTest } from '../../store/postgres/opening.js';
import { startPostgres, withoutPostgres } from '../../support/postgres.js';

t.setTimeout(120_000);

const shardCount = 8;
const id = (): string => randomBytes(16).toString('hex');

/** A process with nothing but its leases. */
async function start(t: Test, url: string) {
  const sessions = id();
  const { database } = await openTest(t, { url, node: sessions, shards: shardCount });
  const rows = new Map<number, ShardRow>();
  const deadline = new BeginDeadline();
  const host: ShardHost = {
    open: async (row) => {
      rows.set(row.shard, row);
    },
    drop: async (shard) => {
      rows.delete(shard);
    },
    ends: [],
    follow: async () => {},
    unfollow: () => {},
    loaded: () => undefined,
    followed: () => {},
    lastSlice: () => null,
    give: async () => 'kept',
  };
  const failures: unknown[] = [];
  const nothing = (): void => {};
  const node = new ClusterNode({
    ...{ database, deadline, host, sessions, randomId: id, address: 'http://127.0.0.1', format: 6 },
    clock: { now: Date.now, monotonic: monotonicMs },
    due: () => ({}),
    events: {
      ...{ resumed: nothing, ended: nothing, lost: nothing, rewound: nothing, left: nothing, declared: nothing },
      failed: (_, reason) => failures.push(reason),
    },
  });
  const stop = tickNode(node);
  t.teardown(stop);
  return { node, rows, stop, failures, database, deadline };
}

async function until(state: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await state())) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function owners(database: Database): Promise<ReadonlySet<string | null>> {
  return new Set((await database.shards()).map(({ owner }) => owner));
}

t.test('nodes over PostgreSQL', { skip: withoutPostgres }, async (t) => {
  const postgres = await startPostgres(t, ['fsync=off']);
  const url = await postgres.fresh();
  const first = await start(t, url);
  await until(() => first.node.open.length === shardCount);
  t.ok(first.node.isLive, 'the first takes all');
  const second = await start(t, url);
  await until(() => second.node.isLive && second.node.view?.nodes.length === 2);
  t.same(second.node.open, [], 'one that has just come takes nothing from others');

  // As if its process stood still.
  first.stop();
  await until(() => second.node.open.length === shardCount);
  t.same(await owners(second.database), new Set([second.node.node]));
  t.notOk(first.node.isLive, 'its lease had ended by then');
  t.same(first.node.open.length, shardCount, 'though it does not know yet');
  t.ok(
    [...second.rows.values()].every(({ epoch }) => epoch === 2),
    'each shard was taken once by each',
  );

  t.teardown(tickNode(first.node));
  await until(() => first.node.open.length === 0 && first.node.isLive);
  t.pass('it drops all, and comes anew');
  await second.node.end();
  t.notOk(second.node.isLive);
  await until(() => first.node.open.length === shardCount);
  t.pass('what one leaves another takes at once');

  const before = first.node.node;
  await postgres.sql('UPDATE node SET beat = 0', new URL(url).pathname.slice(1));
  await until(() => ![undefined, before].includes(first.node.node) && first.node.open.length === shardCount);
  const names = (await first.database.nodes()).map(({ node }) => node);
  t.notOk(names.includes(before as string), 'a node whose beats are forgotten leaves what it was itself');
  t.same([first.failures, second.failures], [[], []]);
});
