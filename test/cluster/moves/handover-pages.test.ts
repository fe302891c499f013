/** Pages that are written while a shard is loaded elsewhere: it is not loaded anew while nobody runs it. */
import t, { type Test } from 'tap';
import { assign, settledBeats } from '../../../src/cluster/leases/ownership.js';
import { bodies, type Host, numberOf, shardCount, world } from '../support/host.js';
import { Movers } from '../support/movers.js';

/** As often as it can be. */
const merge = { rows: 1, detailBytes: 1, ageMs: 0 };

/** The one that goes where the first has both and there is a second. */
const shard = stays(0) ? 1 : 0;

function stays(each: number): boolean {
  const rows = [0, 1].map((of) => ({ shard: of, owner: 'first', token: '', epoch: 1, timeline: 0, merged: 0 }));
  const row = { beat: settledBeats, address: '', format: 1, dead: false, leaving: false, facts: '{}' };
  const nodes = ['first', 'second'].map((node) => ({ ...row, node }));
  return assign(rows, nodes).get(each) === 'first';
}

/** A shard of the first whose pages change all the time: an attempt writes lines, and jobs come in. */
async function begin(t: Test, { leaves }: { readonly leaves: boolean }) {
  const w = world(t, { merge });
  const { first, second, until, settled } = w;
  const movers = new Movers([first, second]);
  await settled(first.host.open(first.take(shard)));
  const asked = [first.create()];
  await until('it is made', () => asked[0]!.answer !== undefined);
  const number = numberOf(asked[0]!);
  await until('its start is on record', () => bodies(first, number).includes('job.started'));
  if (leaves) movers.leave(first);
  else await settled(first.host.open(first.take(1 - shard)));
  let written = 0;
  let steps = 0;
  const work = (): void => {
    // So that its thread comes to all of it.
    if (++steps % 8 !== 0 || first.shards.get(shard)?.scheduler.mode.name !== 'open') return;
    first.write(number, [`line ${written++}`]);
    for (const step of first.laterSteps.splice(0)) step();
    if (written % 5 === 0) asked.push(first.create({ trigger: { kind: 'delay', delayMs: 1e8 } }));
  };
  /** Until it is so, with all of that going on. */
  const busyUntil = (what: string, isSo: () => boolean): Promise<void> =>
    until(what, () => {
      work();
      return isSo();
    });
  const lines = (): string[] => Array.from({ length: written }, (_, i) => `line ${i}`);
  const made = (): number => asked.filter((each) => each.answer?.ok && numberOf(each) % shardCount === shard).length;
  return { ...w, movers, number, lines, made, busyUntil };
}

type Begun = Awaited<ReturnType<typeof begin>>;

/** Nothing is lost by the move, nor by what the new owner writes behind it. */
async function isWhole(t: Test, { second, third, number, lines, made, until, settled }: Begun): Promise<void> {
  await until('all lines are there', () => second.linesOf(number).length === lines().length);
  t.same(second.linesOf(number), lines());
  await until('it has merged', () => {
    for (const step of second.laterSteps.splice(0)) step();
    const { merged = 0, appended = 0 } = second.host.progressOf(shard) ?? {};
    return second.shards.get(shard)!.jobLogs.isMirrored && merged > 0 && merged >= appended - 2;
  });
  const of = (host: Host): number => {
    const { pending, running } = host.shards.get(shard)!.queries.totals();
    return pending + running;
  };
  t.equal(of(second), made());
  await settled(third.host.open(third.take(shard)));
  t.equal(of(third), made());
  t.same(third.linesOf(number), lines());
}

for (const leaves of [true, false])
  t.test(`a shard of a node that ${leaves ? 'leaves' : 'stays'} is given as it is loaded`, async (t) => {
    const begun = await begin(t, { leaves });
    const { first, second, movers, until, busyUntil } = begun;
    movers.look(second);
    await busyUntil('it is loaded', () => second.host.loaded(shard) !== undefined);
    const before = first.host.lastSlice(shard);
    await busyUntil('pages were written since', () => ![before, undefined].includes(first.host.lastSlice(shard)));
    await busyUntil('it is given', () => {
      movers.look(first);
      movers.look(second);
      return second.row(shard).owner === 'second';
    });
    const loads = second.indexes.length;
    t.ok(loads >= 2, 'it was loaded anew before');
    await until('it is open', () => {
      movers.look(second);
      return second.shards.get(shard)?.scheduler.recovered === true;
    });
    t.equal(second.indexes.length, loads, 'only the rest was read');
    t.same([second.loadedAnew, movers.failures], [[], []]);
    await isWhole(t, begun);
  });

t.test('a shard whose pages change faster than it is loaded is given all the same', async (t) => {
  const begun = await begin(t, { leaves: false });
  const { first, second, movers, until, busyUntil } = begun;
  // The first hears of nothing: its pages do not wait.
  await busyUntil('the second gives up keeping up', () => {
    movers.look(second);
    const { slice } = second.host.loaded(shard) ?? { slice: null };
    return slice === undefined;
  });
  t.equal(second.indexes.length, 3);
  await busyUntil('it is given', () => {
    movers.look(first);
    return second.row(shard).owner === 'second';
  });
  await until('it is open', () => {
    movers.look(second);
    return second.shards.get(shard)?.scheduler.recovered === true;
  });
  t.equal(second.indexes.length, 4, 'it was loaded anew');
  t.match(second.loadedAnew, [/pages of shard \d were written/]);
  await isWhole(t, begun);
});
