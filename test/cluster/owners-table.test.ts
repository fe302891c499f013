/** Who owns what, and which nodes are to be called. */
import t from 'tap';
import { OwnersTable } from '../../src/cluster/owners-table.js';
import type { NodeRow, ShardRow } from '../../src/store/postgres/database.js';

const nodeRow = (node: string, beat: number, dead = false): NodeRow => ({
  ...{ node, beat, dead, address: `http://${node}`, format: 1, leaving: false, facts: '{}' },
});
const shardRow = (shard: number, owner: string | null): ShardRow => ({
  shard,
  owner,
  token: '',
  epoch: 1,
  timeline: 0,
  merged: 0,
});

t.test('a node is called as long as its beat moves', async (t) => {
  let now = 0;
  const look = { view: { shards: [shardRow(0, 'a')], nodes: [nodeRow('a', 1), nodeRow('b', 1)] } };
  const table = new OwnersTable(look, () => now);
  t.same(table.living, ['a', 'b']);
  now = 2000;
  look.view = { ...look.view, nodes: [nodeRow('a', 2), nodeRow('b', 1)] };
  t.equal(table.addressOf('b'), 'http://b');
  now = 2600;
  t.equal(table.addressOf('b'), undefined, 'it has not moved');
  t.same(table.living, ['a']);
  look.view = { ...look.view, nodes: [nodeRow('a', 2), nodeRow('b', 2)] };
  t.same(table.living, ['a', 'b'], 'it moves again');
  now = 6000;
  t.same(table.living, [], 'nor does it see that any beat moves when it sees nothing');
});

t.test('what a dead node owned has no owner, nor has what is free', async (t) => {
  const shards = [shardRow(0, 'a'), shardRow(1, 'b'), shardRow(2, null)];
  const table = new OwnersTable({ view: { shards, nodes: [nodeRow('a', 1), nodeRow('b', 1, true)] } }, () => 0);
  t.same(
    [0, 1, 2, 3].map((shard) => table.ownerOf(shard)),
    ['a', undefined, undefined, undefined],
  );
  t.equal(table.addressOf('b'), undefined);
});

t.test('what was read anew holds until the next look', async (t) => {
  const look = { view: { shards: [shardRow(0, 'a')], nodes: [nodeRow('a', 1), nodeRow('b', 1)] } };
  const table = new OwnersTable(look, () => 0);
  t.equal(table.ownerOf(0), 'a');
  table.renew([shardRow(0, 'b')], look.view.nodes);
  t.equal(table.ownerOf(0), 'b');
  look.view = { ...look.view, shards: [shardRow(0, null)] };
  t.equal(table.ownerOf(0), undefined);
});
