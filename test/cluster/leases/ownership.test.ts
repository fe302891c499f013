/** Who should own what: everybody comes to the same end, nobody has more than a share, and little moves. */
import t from 'tap';
import { assign, settledBeats } from '../../../src/cluster/leases/ownership.js';
import type { NodeRow, ShardRow } from '../../../src/store/postgres/database.js';

function node(name: string, details: Partial<NodeRow> = {}): NodeRow {
  return {
    node: name,
    beat: settledBeats,
    address: '',
    format: 1,
    dead: false,
    leaving: false,
    facts: '{}',
    ...details,
  };
}

function shards(owners: readonly (string | null)[]): ShardRow[] {
  return owners.map((owner, shard) => ({ shard, owner, token: `${shard}`, epoch: 1, timeline: 0, merged: 0 }));
}

const free = (count: number): ShardRow[] => shards(new Array<null>(count).fill(null));

/** The same shards, owned as they should be. */
function settle(rows: readonly ShardRow[], nodes: readonly NodeRow[]): ShardRow[] {
  const assigned = assign(rows, nodes);
  return rows.map((row) => ({ ...row, owner: assigned.get(row.shard) ?? null }));
}

function counts(rows: readonly ShardRow[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const { owner } of rows) found[owner ?? 'nobody'] = (found[owner ?? 'nobody'] ?? 0) + 1;
  return found;
}

t.test('nobody owns more than a share, whatever the order in which the rows come', async (t) => {
  const nodes = ['a', 'b', 'c'].map((name) => node(name));
  const owned = settle(free(16), nodes);
  t.ok(Math.max(...Object.values(counts(owned))) <= 6, JSON.stringify(counts(owned)));
  t.same(settle([...free(16)].reverse(), [...nodes].reverse()).reverse(), owned);
});

t.test('what is owned as it should be stays', async (t) => {
  const nodes = ['a', 'b', 'c'].map((name) => node(name));
  const owned = settle(free(16), nodes);
  t.same(settle(owned, nodes), owned);
});

t.test('the shards of a dead node go to the others, and no others move', async (t) => {
  const owned = settle(
    free(16),
    ['a', 'b', 'c'].map((name) => node(name)),
  );
  const after = settle(owned, [node('a'), node('b', { dead: true }), node('c')]);
  for (const [shard, { owner }] of owned.entries())
    if (owner !== 'b') t.equal(after[shard]?.owner, owner, `shard ${shard}`);
  t.same(counts(after), { a: 8, c: 8 });
});

t.test('one that joins is given its share once it has settled, and from those who have too many', async (t) => {
  const owned = settle(free(16), [node('a'), node('b')]);
  t.same(settle(owned, [node('a'), node('b'), node('c', { beat: settledBeats - 1 })]), owned, 'not before');
  const after = settle(owned, [node('a'), node('b'), node('c')]);
  t.same(counts(after), { a: 6, b: 6, c: 4 });
  for (const [shard, { owner }] of after.entries())
    if (owner !== 'c') t.equal(owner, owned[shard]?.owner, `shard ${shard} stays`);
});

t.test('what has no owner goes to one that has just come only where nobody has been there for longer', async (t) => {
  const fresh = node('fresh', { beat: 1 });
  t.same(counts(settle(free(4), [fresh])), { fresh: 4 });
  t.same(counts(settle(free(4), [fresh, node('a')])), { a: 4 });
});

t.test('one that leaves gives all away, unless there is nobody to take it', async (t) => {
  const owned = settle(free(4), [node('a')]);
  t.same(counts(settle(owned, [node('a', { leaving: true }), node('b')])), { b: 4 });
  t.same(counts(settle(owned, [node('a', { leaving: true }), node('b', { beat: 1 })])), { b: 4 });
  t.same(counts(settle(owned, [node('a', { leaving: true })])), { a: 4 });
});

t.test('one that says it takes none is given none', async (t) => {
  const owned = settle(free(4), [node('a', { facts: '{"takes":false}' }), node('b', { facts: 'no JSON' })]);
  t.same(counts(owned), { b: 4 });
  t.same(settle(free(1), [])[0]?.owner, null);
});
