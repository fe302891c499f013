/** A shard that a node could not run is left to others: for how long, and what the others make of that. */
import t from 'tap';
import { readFacts, writeFacts } from '../../../src/cluster/leases/facts.js';
import { GivenUp, isHopeless, reasonOf } from '../../../src/cluster/leases/given-up.js';
import { assign, LeftShards, settledBeats } from '../../../src/cluster/leases/ownership.js';
import { DamagedRecord } from '../../../src/store/port.js';
import { type NodeRow, type ShardRow, UnknownEnd } from '../../../src/store/postgres/database.js';

const nothing = { takes: true, ready: [], due: {} };

/** @param left shards that it has given up, and under which epochs */
function node(name: string, left: Record<number, number> = {}): NodeRow {
  const givenUp = Object.fromEntries(
    Object.entries(left).map(([shard, epoch]) => [shard, { epoch, reason: `${name} cannot` }]),
  );
  const facts = writeFacts({ ...nothing, settled: true, givenUp });
  return { node: name, beat: settledBeats, address: '', format: 1, dead: false, leaving: false, facts };
}

const row = (shard: number, owner: string | null, epoch = 1): ShardRow => ({
  ...{ shard, owner, token: `${shard} of ${epoch}`, epoch, timeline: 0, merged: 0 },
});

t.test('each time it is left for longer, up to half a minute, until that is long ago', async (t) => {
  let now = 0;
  const givenUp = new GivenUp(() => now);
  t.notOk(givenUp.has(3));
  const spans: number[] = [];
  for (let times = 0; times < 5; times++) {
    givenUp.add(3, times, 'why');
    t.same(givenUp.all, { 3: { epoch: times, reason: 'why' } });
    const from = now;
    while (givenUp.has(3)) now += 500;
    t.same(givenUp.all, {}, 'nothing is said any more');
    spans.push(now - from);
  }
  t.same(spans, [5000, 10_000, 20_000, 30_000, 30_000]);
  givenUp.add(4, 1, 'another');
  t.ok(givenUp.has(4));
  now += 600_001;
  givenUp.add(3, 9, 'why');
  now += 5000;
  t.notOk(givenUp.has(3));
});

t.test('what waiting does not mend is given up at once', async (t) => {
  t.ok(isHopeless(new DamagedRecord('log record 7'), 1));
  t.notOk(isHopeless(new UnknownEnd('no answer'), 100), 'the database is away');
  t.notOk(isHopeless(new Error('ENOSPC'), 2));
  t.ok(isHopeless(new Error('ENOSPC'), 3));
  t.equal(reasonOf(new DamagedRecord('log record 7')), 'log record 7 does not match its checksum');
  t.notMatch(reasonOf(new Error('ENOSPC: /var/lib/escapement')), '/var', 'files of the machine are not named');
});

t.test('facts say it, and strange ones say nothing', async (t) => {
  const givenUp = { 3: { epoch: 7, reason: 'why' } };
  t.same(readFacts(writeFacts({ ...nothing, givenUp })).givenUp, givenUp);
  for (const strange of ['[1]', '"x"', '{"3":null}', '{"3":{"epoch":"7","reason":1}}', 'null'])
    t.same(readFacts(`{"givenUp":${strange}}`).givenUp, {}, strange);
});

t.test('another node is to have it, though it has its share', async (t) => {
  const owned = [row(0, 'a'), row(1, 'a'), row(2, 'b'), row(3, 'b')];
  const assigned = assign(owned, [node('a', { 0: 1 }), node('b')]);
  t.equal(assigned.get(0), 'b');
  t.equal(assigned.get(1), 'a', 'the others stay');
  const after = assign([row(0, 'b', 2), ...owned.slice(1)], [node('a', { 0: 1 }), node('b')]);
  t.equal(after.get(0), 'b', 'it does not come back as long as its former owner says so');
  t.equal(assign([row(0, null), ...owned.slice(1)], [node('a', { 0: 1 }), node('b')]).get(0), 'b');
});

t.test('one that has only just come is to have it rather than nobody', async (t) => {
  const came = { ...node('b'), beat: 1, facts: writeFacts(nothing) };
  t.equal(assign([row(0, 'a')], [node('a', { 0: 1 }), came]).get(0), 'b');
  t.equal(assign([row(0, 'a')], [node('a'), came]).get(0), 'a');
});

t.test('where nobody else may have it, it stays', async (t) => {
  t.equal(assign([row(0, 'a')], [node('a', { 0: 1 })]).get(0), 'a');
  t.equal(assign([row(0, 'a')], [node('a', { 0: 1 }), node('b', { 0: 0 })]).get(0), 'a');
  t.equal(assign([row(0, null)], [node('a', { 0: 1 })]).get(0), undefined);
});

t.test('what was said of an earlier lease is nothing to a later one', async (t) => {
  const left = new LeftShards([node('a', { 0: 4 }), { ...node('b', { 0: 9 }), dead: true }]);
  t.ok(left.isLeft(row(0, 'a', 4)));
  t.notOk(left.isLeft(row(0, 'a', 5)), 'it has taken it anew');
  t.notOk(left.isLeft(row(0, 'b', 4)), 'who is dead says nothing');
  t.notOk(left.isLeft(row(0, null, 4)));
  t.same(left.of(0), [{ node: 'a', reason: 'a cannot' }]);
});
